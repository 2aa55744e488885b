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
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

import sentry_sdk
from loguru import logger
from pipecat.frames.frames import ControlFrame, FunctionCallFromLLM, LLMRunFrame
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
from processors.rendering import Heard, Terms
from processors.screen_reader import ScreenReader
from sessions import HIPAA, OPEN, Session
from sessions.distress import Distress
from sessions.leg import _Ears
from sessions.metrics.second import SecondRecogniser
from sessions.policy import PolicyError
from sessions.running import parts_of
from sessions.sinks import init_sentry
from sessions.sinks.reports import without_content
from tests.support.loopback import Line
from tests.support.tone_voice import ToneVoice
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
    tools: dict[str, tuple[CodeType, dict[str, str]]]
    context: LLMContext


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
    line = Line(body={"bot": "parts", "consent": {"recording": True}})
    line.handle_sigint = False
    session = await Session.open(line, policy=POLICIES[policy])
    model, voice = Model(lambda _: Reply("Yes.")), ToneVoice(10)

    def tried(make: Callable[[], Any]) -> list[Any]:
        try:
            return [make()]
        except PolicyError:
            return []  # which ones, the test knows

    eyes = tried(lambda: FrameSampler(session))
    processors: list[FrameProcessor] = [*eyes]
    processors += [PHIRedactor(session)] if session.phi else []
    for tracks in tried(lambda: Tracks(session, lambda: None)):  # type: ignore[arg-type]
        agenda = Agenda(session, [])
        processors += [tracks, agenda, Moderation(session, tracks), Addressed(session)]
        processors.append(Secretary(session, model, tracks, agenda))
    tongues = {"de": Tongue("German", "a"), "en": Tongue("English", "b")}
    processors += tried(lambda: Interpreter(session, tongues))
    processors += [Terms(session, deque(), deque()), Heard(session), _Ears(_nothing, _nothing)]
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
    to = Destination(webhook="https://alerts.invalid/", secret="a secret of a test")
    tools += tried(lambda: Alerts(session, to=to).tool())
    schemas = session.tools(*tools)
    context = LLMContext(tools=schemas)
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
        await line.until(lambda: session.opening.heard or running.done())
        assert not running.done(), running.exception()
        worker: Any = session.worker
        await worker.queue_frame(LLMRunFrame())  # tools are known from the first context on
        await line.until(lambda: model.asked > 0)
        yield Stage(
            session,
            model,
            [part for part in parts_of(worker.pipeline) if type(part).__module__.startswith(HOUSE)],
            [*worker._observer._proxies],
            {
                schema.name: (_code(tool), dict.fromkeys(schema.required, "desk"))
                for schema, tool in zip(schemas, tools, strict=True)
            },
            context,
        )
    finally:
        await line.hang_up()
        await asyncio.wait([running], timeout=10)
        running.cancel()


async def _nothing(*_heard: Any) -> None:
    pass


def _code(tool: Any) -> CodeType:
    function: Any = inspect.unwrap(getattr(tool, "handler", None) or tool)
    return function.__code__


class Noting:
    """Sentry's ``before_send``, which keeps the ids of events."""

    def __init__(self):
        self.ids: list[str] = []

    def __call__(self, event: Any, hint: Any) -> Any:
        self.ids.append(event["event_id"])
        return without_content(event, hint)

    async def after(self, begin: Callable[[], Any]) -> str:
        """The last event of what is begun now; empty if none comes."""
        self.ids.clear()
        await begin()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if self.ids:
                return self.ids[-1]
        return ""


async def main(policy: str, dsn: str) -> None:
    """Raise everywhere."""
    found, noting = [], Noting()
    async with staged(policy) as stage:
        init_sentry(dsn, auto_session_tracking=False, before_send=noting)
        logger.info(f"A breadcrumb of {NAME}, {PHONE}")
        worker: Any = stage.session.worker

        async def told(what: str, one: str, code: CodeType, when, begin) -> None:
            with trapped(code, when):
                event = await noting.after(begin)
            found.append({"what": what, "name": one, "file": code.co_filename, "event": event})

        for part in stage.processors:
            await told(
                "processor",
                type(part).__name__,
                type(part).process_frame.__code__,
                lambda names, part=part: (
                    names.get("self") is part and isinstance(names.get("frame"), Boom)
                ),
                lambda part=part: part.queue_frame(Boom(), FrameDirection.DOWNSTREAM),
            )
        for name, (code, arguments) in stage.tools.items():
            call = FunctionCallFromLLM(
                function_name=name,
                tool_call_id=name,
                arguments=arguments,
                context=stage.context,
            )
            await told(
                "tool",
                name,
                code,
                lambda _: True,
                lambda call=call: stage.model.run_function_calls([call]),
            )
        for one in stage.observers:
            code = type(one).on_push_frame.__code__
            if not type(one).__module__.startswith(HOUSE):
                continue
            await told(
                "observer",
                type(one).__name__,
                code,
                lambda names, one=one: (
                    names.get("self") is one and isinstance(names["data"].frame, Boom)
                ),
                lambda: worker.queue_frame(Boom()),
            )
    sentry_sdk.flush(5)
    classes = [
        kind.__name__ for kind in (*house_classes(FrameProcessor), *house_classes(BaseObserver))
    ]
    print(json.dumps({"raised": found, "session": stage.session.id, "classes": classes}))


if __name__ == "__main__":
    logger.remove()
    asyncio.run(main(*sys.argv[1:]))
