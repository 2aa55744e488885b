"""Raises an exception inside each of our processors, tools and observers, for Sentry to be told.

    python -m tests.ledger.raising POLICY DSN

One session, in which each in turn runs into an exception in the first line of its own code. The last
line printed is one JSON object: of each, the name, the file and the id of Sentry's last event.
"""

import asyncio
import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from types import CodeType
from typing import Any

import sentry_sdk
from loguru import logger
from pipecat.frames.frames import ControlFrame, FunctionCallFromLLM
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.addressed import Addressed
from processors.event_trigger import EventTrigger
from processors.frame_sampler import FrameSampler
from processors.interpreting import Interpreter, Tongue
from processors.language_switch import LanguageSwitch
from processors.meeting.agenda import Agenda
from processors.meeting.secretary import Secretary
from processors.meeting.tracks import Tracks
from processors.moderation import Moderation
from processors.redaction import PHIRedactor
from processors.screen_reader import ScreenReader
from sessions import HIPAA, OPEN, Session
from sessions.distress import Distress
from sessions.metrics.second import SecondRecogniser
from sessions.policy import PolicyError
from sessions.session import _parts
from sessions.sinks import init_sentry
from tests.store.calls import Voice
from tests.support.loopback import Line
from tests.support.turn_model import Model, Reply
from tools.alerts import Alerts, Destination
from tools.delegate import Peer, delegate
from tools.look import look
from tools.memory import forget_me, recall, remember
from tools.minutes import minutes_by
from tools.transfer import transfer_to_person

NAME, PHONE = "Zebulon Quist", "415-555-0134"
POLICIES = {"open": OPEN, "hipaa": replace(HIPAA, disclosure="An AI.", consent=frozenset())}
HOUSE = ("processors", "sessions", "tools")


@dataclass
class Boom(ControlFrame):
    """A frame with content, at which whoever is trapped raises."""

    text: str = f"{NAME}, {PHONE}"


@dataclass
class Stage:
    """A running session and what it consists of."""

    session: Session
    model: Model
    processors: list[FrameProcessor]
    observers: list[BaseObserver]
    tools: dict[str, CodeType]
    refused: dict[str, str] = field(default_factory=dict)


@contextmanager
def trapped(code: CodeType, when: Callable[[dict[str, Any]], bool]):
    """Raise at the beginning of a function, if its arguments are those."""

    def trace(frame, event, _argument):
        if event == "call" and frame.f_code is code and when(frame.f_locals):
            raise LookupError(f"{NAME} cannot be reached at {PHONE}")

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


def house_classes(kind: type) -> list[type]:
    """All our classes of a kind, of those packages, in which something may be raised."""
    for package in HOUSE:
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            importlib.import_module(module.name)
    found, queue = [], [kind]
    while queue:
        kind = queue.pop()
        queue += kind.__subclasses__()
        found += [kind] if kind.__module__.split(".")[0] in HOUSE else []
    return sorted(set(found), key=lambda one: one.__name__)


@asynccontextmanager
async def staged(policy: str) -> AsyncIterator[Stage]:
    """A session with all of our parts, under way."""
    line = Line(body={"bot": "parts"})
    line.handle_sigint = False
    session = await Session.open(line, policy=POLICIES[policy])
    model, voice = Model(lambda _: Reply("Yes.")), Voice(10)
    refused: dict[str, str] = {}

    def tried(make: Callable[[], Any]) -> list[Any]:
        try:
            return [make()]
        except PolicyError as error:
            refused[make.__code__.co_names[0]] = str(error)
            return []

    eyes = tried(lambda: FrameSampler(session))
    processors: list[FrameProcessor] = [*eyes]
    processors += [PHIRedactor(session)] if session.phi else []
    if tracks := tried(lambda: Tracks(session, lambda: None)):  # type: ignore[arg-type]
        agenda = Agenda(session, [])
        processors += [*tracks, agenda, Moderation(session, *tracks), Addressed(session)]
        processors.append(Secretary(session, model, *tracks, agenda))
    tongues = {"de": Tongue("German", "a"), "en": Tongue("English", "b")}
    processors += tried(lambda: Interpreter(session, tongues))
    processors.append(LanguageSwitch({"de": "a", "en": "b"}, first="en"))
    if eyes:
        processors += [ScreenReader(session, eyes=eyes[0]), EventTrigger(session, [])]
    session.observers += tried(lambda: Distress(session))

    async def transcribe(_pcm: bytes, _rate: int) -> str:
        return ""

    session.observers += tried(lambda: SecondRecogniser(session, transcribe, vendor="deepgram"))
    tools: list[Any] = [recall, remember, forget_me, minutes_by(_nothing), transfer_to_person]
    tools += [look(eyes[0])] if eyes else []
    tools.append(delegate({"desk": Peer(url="http://127.0.0.1:9", about="nothing.")}))
    to = Destination(webhook="https://alerts.invalid/", hosts=frozenset({"alerts.invalid"}))
    tools += tried(lambda: Alerts(session, to=to).tool())
    context = LLMContext(tools=session.tools(*tools))
    user, assistant = LLMContextAggregatorPair(
        context, user_params=session.user_params(), assistant_params=session.assistant_params()
    )
    session.adopt(model, stage="llm")
    session.adopt(voice, stage="tts")
    ends = session.transport
    parts = [ends.input(), *processors, user, model, voice, ends.output(), assistant]
    running = asyncio.create_task(session.run(Pipeline(parts), greet=False))
    try:
        await line.connect()
        await line.until(lambda: session._opening.heard or running.done())
        assert not running.done(), running.exception()
        worker: Any = session._worker
        yield Stage(
            session,
            model,
            [part for part in _parts(worker.pipeline) if type(part).__module__.startswith(HOUSE)],
            [*worker._observer._proxies],
            {_name(tool): _code(tool) for tool in tools},
            refused,
        )
    finally:
        await line.hang_up()
        await asyncio.wait([running], timeout=10)
        running.cancel()


async def _nothing() -> None:
    pass


def _name(tool: Any) -> str:
    return getattr(tool, "name", None) or tool.__name__


def _code(tool: Any) -> CodeType:
    return inspect.unwrap(getattr(tool, "handler", None) or tool).__code__


async def event_after(begin: Callable[[], Any]) -> str:
    """Sentry's event of what is begun now; empty if none comes."""
    sentry_sdk.get_isolation_scope()._last_event_id = None
    await begin()
    for _ in range(100):
        await asyncio.sleep(0.02)
        if found := SENT and SENT.pop():
            SENT.clear()
            return found
    return ""


SENT: list[str] = []


async def main(policy: str, dsn: str) -> None:
    """Raise everywhere."""
    found = []
    async with staged(policy) as stage:
        from sessions.sinks import reports

        tell = reports.without_content

        def telling(event, hint):
            SENT.append(event["event_id"])
            return tell(event, hint)

        reports.without_content = telling
        init_sentry(dsn, auto_session_tracking=False)
        logger.info(f"A breadcrumb of {NAME}, {PHONE}")

        async def told(what: str, one: str, code: CodeType, when, begin) -> None:
            with trapped(code, when):
                event = await event_after(begin)
            found.append({"what": what, "name": one, "file": code.co_filename, "event": event})

        for part in stage.processors:
            await told(
                "processor",
                type(part).__name__,
                type(part).process_frame.__code__,
                lambda names, part=part: names.get("self") is part
                and isinstance(names.get("frame"), Boom),
                lambda part=part: part.queue_frame(Boom(), FrameDirection.DOWNSTREAM),
            )
        for name, code in stage.tools.items():
            call = FunctionCallFromLLM(stage.model, name, name, {}, LLMContext())
            await told(
                "tool", name, code, lambda names: True, lambda: stage.model.run_function_calls([call])
            )
        for one in stage.observers:
            code = type(one).on_push_frame.__code__
            if not type(one).__module__.startswith(HOUSE):
                continue
            await told(
                "observer",
                type(one).__name__,
                code,
                lambda names, one=one: names.get("self") is one
                and isinstance(names["data"].frame, Boom),
                lambda: stage.session._worker.queue_frame(Boom()),
            )
    sentry_sdk.flush(5)
    classes = [kind.__name__ for kind in (*house_classes(FrameProcessor), *house_classes(BaseObserver))]
    print(json.dumps({"raised": found, "refused": stage.refused, "classes": classes}))


if __name__ == "__main__":
    logger.remove()
    asyncio.run(main(*sys.argv[1:]))
