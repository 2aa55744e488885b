"""The session a bot file opens, builds a pipeline around, and runs."""

import os
import random
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import Frame, TTSSpeakFrame
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregatorParams,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.base_worker import BaseWorker

from sessions.adoption import Stage, adopt
from sessions.callers import remember, remember_participants
from sessions.client import Client
from sessions.clock import Clock
from sessions.context_budget import ContextBudget
from sessions.doors import open_door
from sessions.ending import EndWatchdog
from sessions.evidence import EvidenceDesk
from sessions.front_desk import FrontDesk
from sessions.gate import Gate
from sessions.guards import redacted_messages
from sessions.ledger import Ledger
from sessions.line import Line
from sessions.measured import door_of, measure
from sessions.memory import Memory
from sessions.once import Once
from sessions.opening import MuteUntilDisclosed, Opening
from sessions.phi import PHIFirewall
from sessions.policy import OPEN, Policy, PolicyError
from sessions.readings import Readings
from sessions.recording import Recording
from sessions.resume import CUT_OFF, Resumed, take_up
from sessions.running import run
from sessions.sinks import protect
from sessions.store.keeper import Keeper
from sessions.store.restore import cue, is_owed
from sessions.tool_boundary import guard_tools
from sessions.transfer import Transfer
from sessions.turns import Guesses, Prefetch, TurnTaking, house_turns
from sessions.vision.privacy import require_image_privacy
from sessions.waterfall import Waterfall

REHEARSAL_NOTICE = "This is a rehearsal: a script answers you, not an AI."


class Session:
    """One call, from connect to goodbye.

    A bot opens a session, builds a pipeline between :attr:`transport`'s two ends and runs it.
    What every call owes its caller, whichever bot answers, comes with the session: disclosure,
    consent, redaction, measured turns and an end.

    Pipecat hands it to every tool as ``params.app_resources``.
    """

    def __init__(
        self,
        runner_args: RunnerArguments,
        *,
        policy: Policy,
        resumed: Resumed | None = None,
        budget_usd: float | None = None,
    ):
        """Initialize the session. Use :meth:`open`.

        Args:
            runner_args: What the runner, or Pipecat Cloud, handed to ``bot()``.
            policy: The rules the session runs under.
            resumed: The session that goes on with this one.
            budget_usd: What it may cost.
        """
        if policy.redact and policy.record and not policy.sealed:
            raise PolicyError(
                f"Policy {policy.name!r} redacts and would leave an open tape, which holds what the "
                "caller said. Set sealed=True, or record=False."
            )
        self.body: dict = runner_args.body if isinstance(runner_args.body, dict) else {}
        self.id = runner_args.session_id or uuid.uuid4().hex
        self.bot: str = self.body.get("bot") or "bot"
        self.policy = policy
        self.clock = Clock()
        self.seed = getattr(runner_args, "seed", None) or _seed()
        self.random = random.Random(self.seed)
        self.resumed = resumed
        self.part = resumed.kept.part + 1 if resumed else 0
        self.phi = PHIFirewall(vault=resumed and resumed.vault) if policy.redact else None
        self.rehearsal: set[str] = set()
        self.live: set[str] = set()
        self.observers: list[BaseObserver] = []
        self.once = Once(self.id)
        self.keeper: Keeper | None = None
        self.memory = Memory(self)
        # What agents and people leave in the store for who takes over; JSON.
        self.handoff: dict[str, Any] = {}
        self.gate = Gate(now=self.clock.now, today=self.clock.started_at.date())
        self.evidence = EvidenceDesk()
        self.evidence.watchers.append(self.gate.shown)
        self.notices: list[str] = []  # further sentences of the disclosure
        self.mouths: list[TTSService] = []
        self.turns: TurnTaking | None = None
        self.guesses = Guesses()
        self.prefetch = Prefetch(self.clock)
        self.ears: list[Any] = []
        self.cores: list[Any] = []
        self.minds: list[FrameProcessor] = []
        self.client = Client(self)
        self.waterfall = Waterfall(report=self.notify)
        self.transport: BaseTransport
        self.tracks = False  # whether people come in each on a track of their own
        self.sees: frozenset[str] = frozenset()
        self.runner_args = runner_args
        protect(self.phi)
        self.recording = Recording(self, runner_args)
        self.meter, self.cost = measure(self, budget_usd=budget_usd)
        self.cost.door = door_of(runner_args)
        # Shown what the ears of a cascade return, as they return it, to take figures from.
        self.ears_heard: list[Callable[[Frame], None]] = [self.meter.heard]
        self.front_desk = FrontDesk(
            folder=Path(tempfile.gettempdir()) / f"vivace-{self.id}",
            storage=self.recording.taping(runner_args.file_storage),
        )
        self.ledger = Ledger(self.recording.event)
        self.budget = ContextBudget(
            now=self.clock.now,
            redact=self._redacted,
            report=self.recording.event,
        )
        self.readings = Readings(self)
        if self.phi:
            remember(self.body, phi=self.phi, ledger=self.ledger)
        self.opening = Opening(
            on_failure=self.end, on_heard=lambda: self.recording.event("disclosure.heard")
        )
        self.watchdog = EndWatchdog(now=self.clock.now)
        self.line = Line(self)
        self.transfer = Transfer(self)
        self.worker: PipelineWorker | None = None

    @classmethod
    async def open(
        cls,
        runner_args: RunnerArguments,
        *,
        policy: Policy = OPEN,
        sees: Mapping[str, int] = MappingProxyType({}),
        budget_usd: float | None = None,
        tracks: bool = False,
    ) -> Self:
        """Open the caller's door and the session behind it.

        Args:
            runner_args: What the runner, or Pipecat Cloud, handed to ``bot()``.
            policy: The rules the session runs under.
            sees: Frames a second wanted from each video source (``camera``, ``screenVideo``).
            budget_usd: What the call may cost, in dollars; near it, it is run more cheaply.
            tracks: Whether a room's participants come in each on a track of their own.
        """
        if sees:
            require_image_privacy(policy)
        room_id = runner_args.session_id  # who goes on with another session is still found here
        resumed = await take_up(runner_args, policy=policy)
        session = cls(runner_args, policy=policy, resumed=resumed, budget_usd=budget_usd)
        session.sees, session.tracks = frozenset(sees), tracks
        session.transport = await open_door(
            runner_args, sees=sees, policy=policy, tracks=tracks, room_id=room_id
        )
        session.cost.door = door_of(runner_args)  # a carrier has said by now that it is one
        if phi := session.phi:
            # What a carrier says of the call, kept by Pipecat on the socket it was read from.
            said = getattr(getattr(runner_args, "websocket", None), "_pipecat_parsed_telephony", ())
            remember(said, phi=phi, ledger=session.ledger)
            remember_participants(session.transport, phi=phi, ledger=session.ledger)
        return session

    def on_disclosed(self, tell: Callable[[], object]) -> None:
        """Call this once the caller has heard the disclosure."""
        self.opening.on_heard.append(tell)

    @property
    def realtime(self) -> bool:
        """Whether a speech-to-speech core was cast."""
        return bool(self.cores)

    @property
    def documents(self) -> Path:
        """The folder of the documents the caller has handed over; gone with the session."""
        return self.front_desk.folder

    @property
    def consent(self) -> frozenset[str]:
        """What the caller has agreed to, such as ``"recording"``."""
        given = self.body.get("consent")
        if not isinstance(given, Mapping):
            return frozenset()
        return frozenset(name for name in self.policy.consent if given.get(name) is True)

    def withdraw(self, consent: str) -> None:
        """Note that the caller does not agree to something any more."""
        given = self.body.get("consent")
        given = given if isinstance(given, Mapping) else {}
        self.body = {**self.body, "consent": {**given, consent: False}}
        if self.keeper:
            self.keeper.touch()

    @property
    def disclosed(self) -> bool:
        """Whether the caller has heard the disclosure, before a cut or since."""
        return self.opening.heard or bool(self.resumed and self.resumed.kept.disclosed)

    @property
    def disclosure(self) -> str:
        """What the caller hears first. A rehearsal says that it is one."""
        parts = [self.policy.disclosure]
        if self.rehearsal:
            parts.append(REHEARSAL_NOTICE)
        if self.recording.path:
            parts.append("This call is recorded, as you agreed.")
        return " ".join([*parts, *self.notices])

    def adopt(self, service: FrameProcessor, *, stage: Stage) -> None:
        """Put a cast service under the session's policy. The factories in ``services`` do this.

        Args:
            service: The service that was cast.
            stage: Which part it plays.
        """
        adopt(self, service, stage=stage)

    def tools(self, *tools: Callable | FunctionSchema) -> list:
        """The tools a context may offer, each behind the session's boundary.

        Args:
            *tools: Direct functions, or schemas that carry a handler.
        """
        return [self.prefetch.tool(tool) for tool in guard_tools(self, tools)]

    def user_params(
        self, *, judged: bool = True, speculate: bool = False
    ) -> LLMUserAggregatorParams:
        """House turn-taking: the caller cannot talk over the disclosure, and can over the rest.

        Call it after the casting lines: a rehearsal ends turns by silence.

        Args:
            judged: Whether a sound over the bot's voice first silences it and is then judged, so
                that the bot goes on after an "mm-hmm" or a cough; else every voice interrupts. A
                realtime core may yield earlier.
            speculate: Whether the model begins to answer a likely end of the turn. It answers
                about half a second earlier, and is asked about a third more often. Tools that
                are ``side_effect_free`` have then run by the time they are called.
        """
        realtime = bool(self.cores)
        hearing = [*self.ears, *self.cores]
        offers = [s.service_metadata_frame().user_turn_strategies for s in hearing]
        recommended = next((offer for offer in offers if offer), None)
        if judged:
            self.turns = TurnTaking(
                self.clock,
                proposed=recommended is not None,
                realtime=realtime,
                on_hold=self._show_hold,
            )
        return house_turns(
            self.turns,
            clock=self.clock,
            mute=MuteUntilDisclosed(self.opening),
            recommended=recommended,
            rehearsed=bool(self.rehearsal),
            transcribed=bool(self.ears),
            guesses=self.guesses if speculate and not realtime else None,
        )

    def assistant_params(self) -> LLMAssistantAggregatorParams:
        """House memory: what no longer fits is seen to by :attr:`budget`, and not by Pipecat."""
        return LLMAssistantAggregatorParams()

    def gate_pictures(self, wants: Callable[[str, Any], bool] | None) -> bool:
        """Let a door that can convert only the frames that are wanted.

        Args:
            wants: Given a source and a decoded ``av.VideoFrame``; None lets all through again.

        Returns:
            Whether this door can, of one caller.
        """
        if self.tracks:
            return False
        gate = getattr(getattr(self.runner_args, "webrtc_connection", None), "gate_pictures", None)
        if gate:
            gate(wants)
        return bool(gate)

    async def notify(self, type: str, **data: Any) -> None:
        """Tell the client something about the session, as an RTVI ``server-message``.

        Args:
            type: What it is about, such as ``"turn"``, ``"tool"`` or ``"notice"``.
            **data: JSON fields. Never identifiers: other participants may read them.
        """
        await self.client.notify(type, **data)

    async def say(self, line: str) -> None:
        """Say a line of the house now, past whatever the pipeline is waiting for.

        Args:
            line: A short sentence. It does not become part of the conversation.
        """
        mouth = next((mouth for mouth in self.mouths if mouth.is_usable), None)
        if mouth and not (self.line.down or self.line.away):
            await mouth.queue_frame(TTSSpeakFrame(line, append_to_context=False))

    async def end(self, reason: str) -> None:
        """End the call once the bot has said what is queued, and within a bound.

        Args:
            reason: Why, in a few words. It goes to the log and to the client.
        """
        self.watchdog.end(reason)

    def hang_up(self, reason: str) -> None:
        """End the call at once: nobody is left to hear what is queued."""
        self.watchdog.end(reason, at_once=True)

    async def greet(self, *, greet: bool = True) -> None:
        """Say the disclosure to a caller who has just come, and let the bot go on after it.

        A caller who comes back after a drop has had both.
        """
        if self.opening.begun:
            return
        self.recording.event("client.connected")
        if self.resumed and self.disclosed:
            self.recording.event("disclosure.begun", text=CUT_OFF)
            await self.opening.begin(CUT_OFF, greet=greet or is_owed(self), cue=cue(self))
            return
        self.recording.event("disclosure.begun", text=self.disclosure)
        await self.opening.begin(self.disclosure, greet=greet)

    async def run(
        self, pipeline: Pipeline, *helpers: BaseWorker, greet: bool = True, **worker_options
    ) -> None:
        """Run a pipeline until the call is over.

        Args:
            pipeline: What the bot file chained together.
            *helpers: Workers that run beside it.
            greet: Whether the bot goes on speaking after the disclosure, before the caller does.
            **worker_options: Passed on to Pipecat's ``PipelineWorker``.
        """
        await run(self, pipeline, *helpers, greet=greet, **worker_options)

    def _redacted(self, messages: list) -> list:
        return redacted_messages(messages, self.phi) if self.phi else messages

    def _show_hold(self, on: bool) -> None:
        # A page that mutes at once spares the caller what lies in its jitter buffer.
        self.client.notify_soon("duck", on=on)


def _seed() -> int:
    text = os.environ.get("VIVACE_SEED", "")
    if text and not text.isdecimal():
        raise ValueError(
            f"VIVACE_SEED={text!r} is no seed. Set a whole number, or unset it for a new one a call."
        )
    return int(text or 0) or random.SystemRandom().getrandbits(64)
