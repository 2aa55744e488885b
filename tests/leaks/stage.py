"""One fuzzed session: the whole pipeline, a caller who says, types and keys in canaries, and all sinks.

Real: Session, Pipecat's worker, aggregators, RTVI and tracing, and the kit's Deepgram, Anthropic
and Cartesia services over their wires, against the rehearsal's doubles in memory. Told instead of
computed: what Deepgram heard (its double is handed the words) and the voice's sound (50 ms).
"""

import asyncio
import base64
import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sentry_sdk
from loguru import logger
from opentelemetry import trace
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.bus import BusJobRequestMessage
from pipecat.frames import frames as f
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.dtmf_aggregator import DTMFAggregator
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.tts_service import TextAggregationMode
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.context.aggregated_frame_sequencer import AggregatedFrameSequencer
from pipecat.utils.text.simple_text_aggregator import SimpleTextAggregator
from pipecat.workers.base_worker import BaseWorker

from processors.redaction import PHIRedactor
from services import llm, stt, tts
from sessions import HIPAA, Session
from sessions.opening import MuteUntilDisclosed
from sessions.tool_boundary import needs
from sessions.untrusted import unprivileged
from tests.leaks import canaries as c
from tests.leaks.house import House
from tests.leaks.sinks import Watcher
from tests.support.loopback import Line, LoopbackTransport

POLICY = replace(HIPAA, disclosure="An AI.", consent=frozenset())
KINDS = ("NAME", "PHONE", "SSN", "MRN", "EMAIL", "DATE")


class Boom(f.ControlFrame):
    """Makes the processor it is meant for fail."""

    def __init__(self, target: int, text: str):
        super().__init__()
        self.target, self.text = target, text


class Failure(Exception):
    """What a processor of somebody else's raises."""


class SilentTransport(LoopbackTransport):
    """A caller's line without sound: what they say is told to the ears."""

    def __init__(self, line, params):
        super().__init__(line, params)
        self._input._send = self._nothing  # type: ignore[method-assign]
        self._register_event_handler("on_participant_joined")

    @property
    def _input(self) -> Any:
        return self._ends[0]

    async def _nothing(self):
        await asyncio.Event().wait()


@dataclass(kw_only=True)
class Caller(Line):
    """The runner arguments of a fuzzed session."""

    async def open_transport(self, params):
        self.transport = SilentTransport(self, params)
        return self.transport


class Listener(BaseWorker):
    """A worker beside the pipeline, which takes no jobs and reads what passes."""

    def __init__(self, heard: list[str]):
        super().__init__("listener")
        self._heard = heard

    async def on_bus_message(self, message):
        await super().on_bus_message(message)
        self._heard.append(repr(message))


@dataclass
class Played:
    """What a session left.

    Parameters:
        canaries: All values that were in play.
        stored: Values that the test put into the stored context itself, past every guard.
        sinks: What each sink of this session received.
        handlers: What the tools received, by name: those that declared a need may see values.
        mouth: What the voice's vendor was told: it may see values.
        steps: What happened, for whoever looks at a leak.
        error: What ended it early.
    """

    id: str
    canaries: list[c.Canary] = field(default_factory=list)
    stored: list[c.Canary] = field(default_factory=list)
    sinks: dict[str, str] = field(default_factory=dict)
    handlers: dict[str, list[str]] = field(default_factory=dict)
    mouth: str = ""
    steps: list[str] = field(default_factory=list)
    error: str = ""


class FuzzedSession:
    """Plays one session."""

    def __init__(self, house: House, id: str, seed: int, *, steps: int = 6):
        self.house, self.id = house, id
        self.chance = random.Random(f"leaks/{seed}/{id}")
        self.script = [self.chance.choice(STEPS) for _ in range(steps)]
        self.played = Played(id)
        self.watcher = Watcher()
        self.turns: list[str] = []
        self.bus: list[str] = []
        # What the vault has met, in forms that it then knows: who said a number may write it.
        self.known: list[tuple[str, ...]] = []
        self.session: Session
        self.context: LLMContext

    def new(self, kind: str = "") -> c.Canary:
        canary = c.draw(kind or self.chance.choice(KINDS), self.chance)
        self.played.canaries.append(canary)
        return canary

    # the bot

    async def run(self) -> Played:
        """Play the session from the first word to the tape."""
        number, name = self.new("PHONE"), self.new("NAME")
        self.caller = Caller(
            session_id=self.id,
            body={
                "bot": "leaks",
                "dialin_settings": {
                    "From": "+1" + number.traces[0],
                    "To": "+18005550100",
                    "sip_headers": {"X-Caller-Name": name.written},
                },
            },
        )
        self.caller.handle_sigint = False
        self.known += [(number.written,), (name.written, name.spoken)]
        bot = asyncio.ensure_future(self._bot())
        call = asyncio.ensure_future(self._call())
        try:
            await asyncio.wait([bot, call], return_when=asyncio.FIRST_COMPLETED)
            if bot.done():
                bot.result()
            await call
            await self.caller.hang_up()
            await asyncio.wait_for(bot, 60)
        except Exception as error:
            self.played.error = f"{type(error).__name__}: {error}"
        finally:
            call.cancel()
            bot.cancel()
            await asyncio.gather(call, bot, return_exceptions=True)
        self._collect()
        return self.played

    async def _bot(self) -> None:
        session = self.session = await Session.open(self.caller, policy=POLICY)
        session.observers.append(self.watcher)
        ears = stt(session, "deepgram/nova-3-medical")
        mind = llm(session, "anthropic/claude-sonnet-4-6", instruction="You are a clinic.")
        mouth = self._mouth(session)
        context = self.context = LLMContext(tools=session.tools(*self._tools()))
        user, assistant = LLMContextAggregatorPair(
            context,
            user_params=LLMUserAggregatorParams(
                user_turn_strategies=UserTurnStrategies(
                    stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.7)]
                ),
                user_mute_strategies=[MuteUntilDisclosed(session.opening)],
            ),
            assistant_params=session.assistant_params(),
        )
        for end, event in (
            (user, "on_user_turn_stopped"),
            (assistant, "on_assistant_turn_stopped"),
        ):
            end.add_event_handler(event, self._turn)
        keypad = DTMFAggregator() if self.chance.random() < 0.3 else None
        redactor = PHIRedactor(session) if self.chance.random() < 0.7 else None
        self.ears, self.user = ears, user
        parts = [session.transport.input(), keypad, ears, redactor, user, mind, mouth,
                 session.transport.output(), assistant]  # fmt: skip
        pipeline = Pipeline([part for part in parts if part])
        self.parts = pipeline.processors[1:-1]
        for number, part in enumerate(self.parts):
            _may_fail(part, number)
        await session.run(
            pipeline, Listener(self.bus), enable_tracing=True, enable_turn_tracking=True
        )

    def _mouth(self, session: Session):
        token = self.chance.random() < 0.5
        adopt = session.adopt

        def adopt_in_mode(service, *, stage):
            if stage == "tts" and token:
                service._text_aggregation_mode = TextAggregationMode.TOKEN
                service._text_aggregator = SimpleTextAggregator(
                    aggregation_type=TextAggregationMode.TOKEN
                )
                service._aggregated_frame_sequencer = AggregatedFrameSequencer(
                    str(service), streaming=True
                )
            adopt(service, stage=stage)

        session.adopt = adopt_in_mode  # type: ignore[method-assign]
        mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")
        self.played.steps.append("voice by token" if token else "voice by sentence")
        return mouth

    def _tools(self) -> list[Callable]:
        received = self.played.handlers

        @unprivileged
        @needs("NAME")
        async def look_up(params: FunctionCallParams, name: str):
            """Find a record.

            Args:
                name: Of the patient.
            """
            received.setdefault("look_up", []).append(name)
            record = {
                "name": name,
                "mrn": self.new("MRN").written,
                "phone": self.new("PHONE").written,
                "seen_by": self.new("NAME").written,
                "notes": [f"Born on {self.new('DATE').written}, SSN {self.new('SSN').written}"],
            }
            logger.debug(f"The record of {name}")
            await params.result_callback(record)

        @unprivileged
        @needs("PHONE")
        async def ring(params: FunctionCallParams, phone: str):
            """Call a number back.

            Args:
                phone: The number.
            """
            received.setdefault("ring", []).append(phone)
            await self._job({"call": phone})
            if self.chance.random() < 0.5:
                raise Failure(f"{phone} of {self.new('NAME').written} is busy")
            await self.session.notify("ringing", to=phone)
            await params.result_callback({"status": f"{phone} rings"})

        @unprivileged
        async def whisper(params: FunctionCallParams, text: str):
            """Take a note.

            Args:
                text: What to note.
            """
            received.setdefault("whisper", []).append(text)
            await params.result_callback({"noted": text})

        async def read_letter(params: FunctionCallParams):
            """Read the letter the caller uploaded."""
            texts = [p.read_text() for p in Path(self.session.documents).iterdir()]
            await params.result_callback({"letters": texts})

        return [look_up, ring, whisper, read_letter]

    async def _job(self, payload: dict) -> None:
        worker = self.session.worker
        assert worker
        await worker.bus.send(
            BusJobRequestMessage(source=worker.name, target="nobody", job_id="1", payload=payload)
        )

    async def _turn(self, _aggregator, *details):
        self.turns.append(" ".join(str(getattr(d, "content", d)) for d in details))

    # the caller

    async def _call(self) -> None:
        await self.caller.connect()
        await self.caller.until(lambda: self.session.opening.heard, within=60)
        await self._quiet()
        participant = self.new("NAME")
        await self.session.transport._call_event_handler(
            "on_participant_joined", {"id": "p1", "info": {"userName": participant.written}}
        )
        await asyncio.sleep(0.05)
        self.known.append((participant.written,))
        logger.info(f"{participant.written} is in the room")
        for step in self.script:
            self.played.steps.append(step.__name__)
            await step(self)
            await asyncio.sleep(self.chance.uniform(0.05, 0.4))
            await self._quiet()

    async def _quiet(self, secs: float = 1.2) -> None:
        """Wait until the bot has had its say."""
        count = -1
        while count != (count := len(self.watcher.texts["observers"])):
            await asyncio.sleep(secs)

    def _asked(self, kind: str) -> None:
        assert self.session.phi
        self.session.phi.heard(c.ASKED[kind])

    def _sentence(self, *, typed: bool = False) -> tuple[str, c.Canary]:
        kind = self.chance.choice(KINDS)
        text, canary = c.sentence(kind, self.chance, typed=typed)
        self.played.canaries.append(canary)
        self.known.append((canary.written,) if typed else (canary.written, canary.spoken))
        return text, canary

    def _met(self) -> str:
        """A value that the vault knows."""
        return self.chance.choice(self.chance.choice(self.known))

    def _any(self) -> str:
        """A value: one that the vault knows, or one that nobody has seen."""
        return self._met() if self.chance.random() < 0.5 else self.new().written

    async def says(self) -> None:
        """Speech in one piece, with interims before."""
        text, _ = self._sentence()
        words = text.split()
        ear = self.house.ear(self.id)
        for end in range(2, len(words), 3):
            await ear.hear(" ".join(words[:end]), final=False)
        await ear.hear(text, final=True, speech_final=True)

    async def says_in_pieces(self) -> None:
        """Speech cut inside the identifier."""
        text, _ = self._sentence()
        ear = self.house.ear(self.id)
        self.session.phi.heard("Very well.")  # type: ignore[union-attr]
        ears_guard_hears = f.VADUserStartedSpeakingFrame()
        await self.ears._call_event_handler("on_before_process_frame", ears_guard_hears)
        for part in c.segments(text, self.chance):
            await ear.hear(part, final=False)
            await ear.hear(part, final=True)
            await asyncio.sleep(self.chance.uniform(0.05, 0.5))
        await self.ears._call_event_handler(
            "on_before_process_frame", f.VADUserStoppedSpeakingFrame()
        )

    async def tells_early(self) -> None:
        """What ears may push besides finals."""
        text, _ = self._sentence()
        for kind in (f.EagerTranscriptionFrame, f.TranslationFrame, f.UserBackchannelFrame,
                     f.InterimTranscriptionFrame):  # fmt: skip
            await self.ears.push_frame(kind(text=text, user_id="", timestamp=""))
        await self.ears.push_frame(
            f.TranscriptionFrame(text=text, user_id="", timestamp="", result={"raw": text})
        )

    async def is_transcribed_elsewhere(self) -> None:
        """A transcript that another processor makes."""
        text, _ = self._sentence()
        part = self.parts[0]
        await part.push_frame(
            f.TranscriptionFrame(text=text, user_id="", timestamp="", result=text)
        )
        await part.push_frame(f.InterimTranscriptionFrame(text=text, user_id="", timestamp=""))

    async def types(self) -> None:
        """Text from the page."""
        text, _ = self._sentence(typed=True)
        options = {"run_immediately": self.chance.random() < 0.7, "audio_response": True}
        await self.caller.send("send-text", {"content": text, "options": options})

    async def sends_oddities(self) -> None:
        """Messages that the protocol knows, and others."""
        text, _ = self._sentence(typed=True)
        for kind, data in (
            ("client-message", {"t": "note", "d": {"text": text}}),
            ("ui-event", {"event": "typed", "payload": {"text": text}}),
            ("llm-function-call-result", {"function_name": "ring", "tool_call_id": "1",
                                          "arguments": {"phone": text}, "result": text}),
            ("send-text", {"contents": text}),
            ("unheard-of", {"text": text}),
            ("dtmf", {"buttons": text}),
        ):  # fmt: skip
            await self.caller.send(kind, data)
        frame = {"label": "somebody-else", "text": text}
        await self.caller.transport.input().broadcast_frame(  # type: ignore[union-attr]
            f.InputTransportMessageFrame, message=frame
        )

    async def keys_in(self) -> None:
        """Digits on the keypad."""
        canary = self.new(self.chance.choice(("PHONE", "SSN", "MRN")))
        self.known.append((canary.written,))
        if self.chance.random() < 0.5:
            await self.caller.send("dtmf", {"buttons": [*canary.traces[0], "#"]})
            return
        for digit in [*canary.traces[0], "#"]:
            await self.caller.transport.input().push_frame(  # type: ignore[union-attr]
                f.InputDTMFFrame(button=KeypadEntry(digit))
            )

    async def uploads(self) -> None:
        """A document, and the question what it says."""
        text, canary = self._sentence(typed=True)
        source = {
            "type": "bytes",
            "bytes": base64.b64encode(f"Referral. {text}.".encode()).decode(),
        }
        name = canary.written.replace(" ", "-").replace("/", "-") + ".txt"
        file = {"format": "text/plain", "name": name, "source": source}
        options = {"run_immediately": False, "audio_response": True}
        await self.caller.send("send-file", {"content": text, "file": file, "options": options})
        await asyncio.sleep(0.5)
        options = {"run_immediately": True, "audio_response": True}
        await self.caller.send(
            "send-text", {"content": "what does the letter say", "options": options}
        )

    async def a_processor_fails(self) -> None:
        """An exception that quotes a value, in any processor."""
        target = self.chance.randrange(len(self.parts))
        self.played.steps.append(type(self.parts[target]).__name__)
        assert self.session.worker
        await self.session.worker.queue_frame(Boom(target, f"no {self._any()} here"))

    async def a_task_fails(self) -> None:
        """An exception in a task of a processor, and in an event handler."""
        part = self.chance.choice(self.parts)
        value = self._any()

        async def fail(*_):
            raise Failure(f"nothing for {value}")

        part.create_task(fail(), "failing")
        self.ears.add_event_handler("on_connection_error", fail)
        await self.ears._call_event_handler("on_connection_error", "")

    async def an_error_is_pushed(self) -> None:
        """An error in words, with and without an exception."""
        part = self.chance.choice(self.parts)
        value = self._any()
        try:
            raise Failure(value) from ValueError(self._any())
        except Failure as error:
            await part.push_error(f"It failed: {error}", exception=error)
            await part.push_error_frame(f.ErrorFrame(f"It failed: {error!r}"))
        await part.push_error(f"About {self._met()}")

    async def code_logs(self) -> None:
        """Log lines, traces and reports of code that knows no better."""
        known, any_ = self._met(), self._any()
        logger.debug(f"Generating [{known}] or {self._met()}")
        logger.bind(who=known).info("bound {}", self._met())
        logging.getLogger("vendor").info("sent %s", known)
        try:
            local = any_
            raise Failure(f"cannot {local}")
        except Failure as error:
            logger.exception(f"It failed: {error}")
            logger.opt(exception=True).warning("again")
            logging.getLogger("vendor").exception("failed %s", error)
            sentry_sdk.capture_exception(error)
        sentry_sdk.add_breadcrumb(message=f"saw {known}", data={"text": any_})
        sentry_sdk.capture_message(f"about {self._met()}")
        with sentry_sdk.start_transaction(name="turn") as transaction:
            with transaction.start_child(op="db", name=f"select {known}"):
                pass
        with trace.get_tracer("bot").start_as_current_span(f"about {known}") as span:
            span.set_attribute("transcript", any_)
            span.add_event("said", {"text": any_})
            try:
                raise Failure(any_)
            except Failure as error:
                span.record_exception(error)

    async def code_speaks(self) -> None:
        """Text that the bot's own code puts into the pipeline, with values from a tool."""
        known = self._met()
        assert self.session.worker
        queue = self.session.worker.queue_frame
        await queue(f.TTSSpeakFrame(f"Calling {known} now."))
        await self.session.notify("notice", text=f"{known}", spoken=self._met())
        await self.ears.push_frame(f.OutputTransportMessageFrame(message={"x": known}))
        await self._job({"note": self._met(), "list": [known]})
        text, _ = self._sentence(typed=True)
        await queue(f.LLMMessagesAppendFrame([{"role": "user", "content": text}], run_llm=True))

    async def is_summarised(self) -> None:
        """A summary of a context into which raw text came past every guard."""
        for _ in range(8):
            text, canary = c.sentence(self.chance.choice(KINDS), self.chance)
            self.played.stored.append(canary)
            self.context.add_message({"role": "user", "content": text})
        assert self.session.worker
        await self.session.worker.queue_frame(f.LLMSummarizeContextFrame())

    async def interrupts(self) -> None:
        """Speech over the bot's voice."""
        await self.says()
        await asyncio.sleep(0.3)
        assert self.session.worker
        await self.session.worker.queue_frame(f.InterruptionFrame())

    # the sinks

    def _collect(self) -> None:
        sinks = self.played.sinks
        sinks |= {name: "\n".join(lines) for name, lines in self.watcher.texts.items()}
        sinks["rtvi"] = json.dumps(self.caller.messages, default=repr)
        if hasattr(self, "context"):
            sinks["context"] = json.dumps(self.context.get_messages(), default=repr)
        journal = self.house.journal(self.id)
        sinks["model"] = json.dumps(
            [e for e in journal if e["vendor"] == "anthropic"], default=repr
        )
        self.played.mouth = json.dumps([e for e in journal if e["vendor"] == "cartesia"])
        sinks["transcripts"] = "\n".join(self.turns)
        sinks["bus"] = "\n".join(self.bus)


STEPS = [
    FuzzedSession.says, FuzzedSession.says_in_pieces, FuzzedSession.tells_early,
    FuzzedSession.is_transcribed_elsewhere, FuzzedSession.types, FuzzedSession.sends_oddities,
    FuzzedSession.keys_in, FuzzedSession.uploads, FuzzedSession.a_processor_fails,
    FuzzedSession.a_task_fails, FuzzedSession.an_error_is_pushed, FuzzedSession.code_logs,
    FuzzedSession.code_speaks, FuzzedSession.is_summarised, FuzzedSession.interrupts,
]  # fmt: skip


def _may_fail(part: Any, number: int) -> None:
    process = part.process_frame

    async def process_frame(frame, direction):
        if isinstance(frame, Boom) and frame.target == number:
            raise Failure(frame.text)
        await process(frame, direction)

    part.process_frame = process_frame
