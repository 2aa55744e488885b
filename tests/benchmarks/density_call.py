"""The call of the density benchmark: a dialogue in memory or over WebRTC, on services that wait.

The caller says 2.9 s and listens for 10 s to a reply of 13, so each turn is a barge-in. Ears give
interims every 300 ms and a final 150 ms after the voice ends; the mind takes 250 ms to its first
of 60 tokens a second; the mouth 120 ms to its first sound, ten times faster than speech. Both ends
of the line run on absolute clocks, and how late each 20 ms comes or leaves is kept.
"""

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.runner.types import RunnerArguments
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from sessions import Session
from sessions.media_stop import stop_media
from sessions.turns.shared_models import SharedSilero, SharedSmartTurn

RATE_IN, RATE_OUT = 16_000, 24_000
LISTENS = 500
"""Chunks of 20 ms between two utterances."""

UTTERANCE = "Please check my order, one two three four five."
REPLY = (
    "Sure, I can look that up for you. Your order one two three four five was shipped on Monday "
    "morning. It should arrive at your address by Thursday afternoon at the latest. Is there "
    "anything else that you need?"
).split(" ")
RNG = np.random.default_rng(0)
SECOND_OF_VOICE = RNG.normal(0, 3000, RATE_OUT).astype(np.int16).tobytes()


@cache
def utterance() -> list[bytes]:
    """What the caller says, in chunks of 20 ms. The turn model takes it for complete (0.94)."""
    from tests.support.turn_sounds import spoken

    samples = (np.asarray(spoken(UTTERANCE, "en-us+m3")[0]) * 32767).astype(np.int16)
    size = RATE_IN // 50
    return [samples[at : at + size].tobytes() for at in range(0, len(samples) - size, size)]


@dataclass
class Heard:
    """What a call's clocks saw."""

    late_in: list[float] = field(default_factory=list)
    late_out: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ready_at: float = 0.0
    ended: float | None = None

    def forget(self) -> None:
        """Begin a window."""
        for kept in (self.late_in, self.late_out, self.answers):
            kept.clear()


class _In(BaseInputTransport):
    def __init__(self, params, heard: Heard, phase: float):
        super().__init__(params)
        self._heard, self._phase = heard, phase
        self._pump = None

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._heard.ready_at = time.monotonic()
        self._heard.ready.set()
        self._pump = self._pump or self.create_task(self._send())

    async def _send(self):
        loop, heard = asyncio.get_running_loop(), self._heard
        silence = RNG.normal(0, 20, RATE_IN // 50).astype(np.int16).tobytes()
        due = loop.time() + 0.02 * self._phase
        waits = int(300 * self._phase)
        while True:
            for said, chunks in ((False, [silence] * waits), (True, utterance())):
                for chunk in chunks:
                    due += 0.02
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    heard.late_in.append(loop.time() - due)
                    await self.push_audio_frame(InputAudioRawFrame(chunk, RATE_IN, 1))
                if said:
                    heard.ended = loop.time()
            waits = LISTENS

    async def cleanup(self):
        if self._pump:
            await self.cancel_task(self._pump)
            self._pump = None
        await super().cleanup()


class _Out(BaseOutputTransport):
    def __init__(self, params, heard: Heard):
        super().__init__(params)
        self._heard, self._due = heard, 0.0

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        loop, heard = asyncio.get_running_loop(), self._heard
        now = loop.time()
        if now - self._due > 0.5:
            self._due = now
            if heard.ended is not None:
                heard.answers.append(now - heard.ended)
                heard.ended = None
        else:
            heard.late_out.append(max(0.0, now - self._due))
        self._due += len(frame.audio) / 2 / frame.sample_rate
        await asyncio.sleep(max(0.0, self._due - loop.time()))
        return True


class MemoryTransport(BaseTransport):
    """A caller in memory."""

    def __init__(self, params: TransportParams, heard: Heard, *, phase: float):
        super().__init__()
        params.audio_in_sample_rate, params.audio_out_sample_rate = RATE_IN, RATE_OUT
        self._ends = _In(params, heard, phase), _Out(params, heard)
        for event in ("on_client_connected", "on_client_disconnected"):
            self._register_event_handler(event)

    def input(self):
        return self._ends[0]

    def output(self):
        return self._ends[1]


class Ears(STTService):
    def __init__(self):
        super().__init__(settings=STTSettings(model="timed", language=None), ttfs_p99_latency=0.35)
        self._saying = None

    def can_generate_metrics(self):
        return True

    async def run_stt(self, audio):
        yield None

    async def _interims(self):
        words = UTTERANCE.split(" ")
        for count in range(1, 1000):
            await asyncio.sleep(0.3)
            text = " ".join(words[:count])
            await self.push_frame(InterimTranscriptionFrame(text, "caller", time_now_iso8601()))

    async def _final(self):
        await asyncio.sleep(0.15)
        await self.push_frame(
            TranscriptionFrame(UTTERANCE, "caller", time_now_iso8601(), finalized=True)
        )

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, (VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame)):
            await self._hush()
            began = isinstance(frame, VADUserStartedSpeakingFrame)
            self._saying = self.create_task(self._interims() if began else self._final())

    async def _hush(self):
        if self._saying:
            await self.cancel_task(self._saying)
            self._saying = None

    async def cleanup(self):
        await self._hush()
        await super().cleanup()


class Mind(LLMService):
    def __init__(self):
        unset = (
            "temperature max_tokens top_p top_k frequency_penalty presence_penalty seed "
            "filter_incomplete_user_turns user_turn_completion_config"
        )
        super().__init__(
            settings=LLMSettings(
                model="timed", system_instruction=None, **dict.fromkeys(unset.split())
            )
        )

    def can_generate_metrics(self):
        return True

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            return await self.push_frame(frame, direction)
        await self.push_frame(LLMFullResponseStartFrame())
        await self.start_processing_metrics()
        await self.start_ttfb_metrics()
        await asyncio.sleep(0.25)
        await self.stop_ttfb_metrics()
        for word in REPLY:
            await self._push_llm_text(f"{word} ")
            await asyncio.sleep(1 / 60)
        await self.stop_processing_metrics()
        await self.push_frame(LLMFullResponseEndFrame())


class Mouth(TTSService):
    def __init__(self):
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=RATE_OUT,
            settings=TTSSettings(model="timed", voice="noise", language=None),
        )

    def can_generate_metrics(self):
        return True

    async def run_tts(self, text, context_id):
        await self.start_ttfb_metrics()
        await self.start_tts_usage_metrics(text)
        await asyncio.sleep(0.12)
        await self.stop_ttfb_metrics()
        for _ in range(max(3, int(len(text) / 1.5))):  # 15 characters a second
            yield TTSAudioRawFrame(
                SECOND_OF_VOICE[: RATE_OUT // 5], RATE_OUT, 1, context_id=context_id
            )
            await asyncio.sleep(0.01)


def _context() -> LLMContext:
    return LLMContext([{"role": "user", "content": "You are a helpful assistant. " * 40}])


async def plain(heard: Heard, *, phase: float, tuned: bool) -> None:
    """A call on plain Pipecat.

    Args:
        heard: What its clocks see.
        phase: 0 to 1, so that calls do not all speak at once.
        tuned: With the shared models and without sound behind the user's aggregator.
    """
    params = TransportParams(audio_in_enabled=True, audio_out_enabled=True, audio_out_10ms_chunks=2)
    transport = MemoryTransport(params, heard, phase=phase)
    vad = SharedSilero() if tuned else SileroVADAnalyzer()
    strategies = None
    if tuned:
        stop = TurnAnalyzerUserTurnStopStrategy(turn_analyzer=SharedSmartTurn())
        strategies = UserTurnStrategies(stop=[stop])
    user, assistant = LLMContextAggregatorPair(
        _context(),
        user_params=LLMUserAggregatorParams(vad_analyzer=vad, user_turn_strategies=strategies),
    )
    mind = Mind()
    parts = [transport.input(), Ears(), user, mind, Mouth(), transport.output(), assistant]
    if tuned:
        assert stop_media(parts, deaf=[mind])
    worker = PipelineWorker(
        Pipeline(parts),
        params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
        idle_timeout_secs=None,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def converse(runner_args: RunnerArguments) -> None:
    """A call of the house: the whole session, on the same services."""
    session = await Session.open(runner_args)
    ears, mind, mouth = Ears(), Mind(), Mouth()
    for service, stage in ((ears, "stt"), (mind, "llm"), (mouth, "tts")):
        session.adopt(service, stage=stage)
    user, assistant = LLMContextAggregatorPair(
        _context(), user_params=session.user_params(), assistant_params=session.assistant_params()
    )
    ends = session.transport.input(), session.transport.output()
    await session.run(Pipeline([ends[0], ears, user, mind, mouth, ends[1], assistant]), greet=False)


async def house(heard: Heard, *, phase: float) -> None:
    """A call of the house whose caller is in memory."""
    runner_args = RunnerArguments()
    runner_args.session_id = f"density-{os.getpid()}-{id(heard):x}"
    runner_args.body = {"bot": "density"}
    runner_args.pipeline_idle_timeout_secs = None
    runner_args.handle_sigint = runner_args.handle_sigterm = False

    async def open_transport(params: TransportParams) -> MemoryTransport:
        transport = MemoryTransport(params, heard, phase=phase)

        async def connect():
            await heard.ready.wait()
            await transport._call_event_handler("on_client_connected", "caller")

        heard.connecting = asyncio.create_task(connect())  # type: ignore[attr-defined]
        return transport

    runner_args.open_transport = open_transport  # type: ignore[attr-defined]
    await converse(runner_args)


async def bot(runner_args: RunnerArguments) -> None:
    """The bot of a session process: in memory if its body says so, else as it is called."""
    report = runner_args.body.get("report")
    if not report:
        return await converse(runner_args)
    heard = Heard()
    call = asyncio.create_task(house(heard, phase=runner_args.body["phase"]))
    try:
        await heard.ready.wait()
        Path(report).write_text(json.dumps({"ready_at": heard.ready_at, "pid": os.getpid()}))
        await asyncio.sleep(runner_args.body["warm"])
        heard.forget()
        await asyncio.sleep(runner_args.body["secs"])
        kept = {name: getattr(heard, name) for name in ("late_in", "late_out", "answers")}
        Path(report).write_text(json.dumps({"ready_at": heard.ready_at, **kept}))
        await call
    finally:
        call.cancel()
