"""A small pipeline around a simulated line, to see what turn-taking does with a caller's sounds.

Everything but turn-taking is a stand-in with the timing of the ``typical`` rehearsal profile: ears
that know what is said, a mind that always says the same long text, a mouth with word times. It
runs on the virtual clock or on the real one.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field, replace

import numpy as np
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from services.rehearsal.latency import PROFILES
from sessions import OPEN
from sessions.clock import Clock
from sessions.ears_guard import EarsGuard
from sessions.turns import TurnTaking
from tests.support.turn_sounds import RATE, spoken

TICK = RATE // 50
AUDIBLE = 0.003
ECHO = 0.1  # -20 dB
FLOOR_DB = -66.0


@dataclass
class Air:
    """Both ends of a line: what the microphone hears, and what the caller hears."""

    rng: np.random.Generator
    heard: list[tuple[float, np.ndarray]] = field(default_factory=list)
    echo_secs: float | None = None
    _sounds: list[tuple[float, np.ndarray]] = field(default_factory=list)

    def make(self, sound: np.ndarray, at: float) -> None:
        """Let a sound begin at a time of the monotonic clock."""
        self._sounds.append((at, sound))

    def listen(self, begin: float) -> np.ndarray:
        """What the microphone hears in the 20 ms from a time on."""
        mixed = self.rng.standard_normal(TICK).astype(np.float32) * 10 ** (FLOOR_DB / 20)
        for at, sound in self._sounds:
            _lay(mixed, sound, at - begin)
        self._sounds = [(at, s) for at, s in self._sounds if at + len(s) / RATE > begin]
        if self.echo_secs is not None:
            for at, sound in self.heard[-40:]:
                _lay(mixed, sound * ECHO, at + self.echo_secs - begin)
        return mixed

    def last_audible(self, before: float) -> float:
        """When the last loud sample before a time was played."""
        for at, sound in reversed(self.heard):
            loud = np.flatnonzero(np.abs(sound) > AUDIBLE)
            loud = loud[at + loud / RATE <= before]
            if len(loud):
                return at + loud[-1] / RATE
        return 0.0

    def first_audible(self, after: float) -> float:
        """When the first loud sample after a time was played."""
        for at, sound in self.heard:
            loud = at + np.flatnonzero(np.abs(sound) > AUDIBLE) / RATE
            if len(loud := loud[loud >= after]):
                return float(loud[0])
        return float("inf")


def _lay(mixed: np.ndarray, sound: np.ndarray, offset: float) -> None:
    first = round(offset * RATE)
    source = sound[max(0, -first) : max(0, len(mixed) - first)]
    if len(source):
        mixed[max(0, first) : max(0, first) + len(source)] += source


class _Microphone(BaseInputTransport):
    def __init__(self, air: Air, params: TransportParams):
        super().__init__(params)
        self._air = air

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._pump = self.create_task(self._send())

    async def _send(self):
        due = time.monotonic()
        while True:
            sound = np.clip(self._air.listen(due), -1, 1)
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            audio = (sound * 32767).astype(np.int16).tobytes()
            await self.push_audio_frame(InputAudioRawFrame(audio, RATE, 1))

    async def cleanup(self):
        await self.cancel_task(self._pump)
        await super().cleanup()


class Loudspeaker(BaseOutputTransport):
    """The bot's end of the line: what is written here is heard."""

    def __init__(self, air: Air, params: TransportParams):
        super().__init__(params)
        self._air = air
        self._due = 0.0

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        samples = np.frombuffer(frame.audio, np.int16).astype(np.float32) / 32768
        self._due = max(self._due, time.monotonic())
        self._air.heard.append((self._due, samples))
        self._due += len(samples) / frame.sample_rate
        await asyncio.sleep(max(0.0, self._due - time.monotonic()))
        return True


class Ears(FrameProcessor):
    """Transcribes what is announced to it, with the delays of a real service."""

    def __init__(self, seed: int):
        super().__init__()
        self.revises = 0.0
        self.final_secs = 0.2
        self._draws = random.Random(seed)
        self._profile = PROFILES["typical"]

    def hear(self, words, at: float) -> None:
        """Transcribe words, as (word, start, end) in seconds, spoken from a time on."""
        self.create_task(self._transcribe(words, at))

    async def _transcribe(self, words, at: float):
        text, due = "", 0.0
        for word, _start, end in words:
            text = f"{text} {word}".strip()
            due = max(due, at + end + self._profile.interim.draw(self._draws))
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self.push_frame(InterimTranscriptionFrame(text, "caller", ""))
        if words:
            due = at + words[-1][2] + self.final_secs + self._profile.final.draw(self._draws)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._draws.random() < self.revises:
                text = f"{text} now"
            text = text[0].upper() + text[1:] + "."
            frame = TranscriptionFrame(text, "caller", "", finalized=True)
            await self.push_frame(frame)

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Mind(FrameProcessor):
    """Answers every context with the same text."""

    def __init__(self, text: str):
        super().__init__()
        self.text = text
        self.asked = 0
        self.at = 0.0

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        self.asked += 1
        self.at = time.monotonic()
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(self.text))
        await self.push_frame(LLMFullResponseEndFrame())


class Mouth(TTSService):
    """Says every sentence in an espeak voice, with word times."""

    def __init__(self, voice: str):
        super().__init__(
            sample_rate=RATE,
            push_text_frames=False,
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model="espeak", voice=voice, language=None),
        )
        self._voice = voice
        self._said_secs: dict[str, float] = {}

    async def run_tts(self, text, context_id):
        sound, words = spoken(text, self._voice)
        offset = self._said_secs.get(context_id, 0.0)
        self._said_secs[context_id] = offset + len(sound) / RATE + 0.1
        audio = np.concatenate([sound, np.zeros(RATE // 10, np.float32)])
        audio = (np.clip(audio, -1, 1) * 32767).astype(np.int16).tobytes()
        yield TTSAudioRawFrame(audio, RATE, 1, context_id=context_id)
        await self.add_word_timestamps([(w, offset + s) for w, s, _ in words], context_id)


class Cuts(BaseObserver):
    """When the pipeline was interrupted, on the monotonic clock."""

    def __init__(self, output: FrameProcessor):
        super().__init__(observe_every_push=True)
        self.at: list[float] = []
        self._output = output

    async def on_push_frame(self, data: FramePushed):
        if (
            isinstance(data.frame, InterruptionFrame)
            and data.source is self._output
            and data.direction is FrameDirection.DOWNSTREAM
        ):
            self.at.append(time.monotonic())


class Rig:
    """A running pipeline with a line to it.

    Args:
        house: House turn-taking, or else Pipecat's defaults for the start of a turn.
        bot: The bot's espeak voice.
        text: What the bot always answers.
        seed: Of the noise floor and of the ears' delays.
        stop: Strategies that end the turn; by default 0.3 s of silence do.
        mind: Answers instead.
        interims: Whether interim transcripts may leave the ears.
        air: What the microphone hears and the caller heard.
        ends: Of a transport with a client; by default the air is between its own two.
    """

    def __init__(
        self,
        *,
        house: bool,
        bot: str,
        text: str,
        seed: int = 0,
        stop=None,
        mind=None,
        interims: bool = True,
        air: Air | None = None,
        ends=None,
    ):
        self.air = air or Air(np.random.default_rng(seed))
        params = TransportParams(
            audio_in_enabled=True, audio_out_enabled=True, audio_out_10ms_chunks=2
        )
        if not house:
            params.audio_out_10ms_chunks = TransportParams().audio_out_10ms_chunks
        source, self.output = ends or (
            _Microphone(self.air, params),
            Loudspeaker(self.air, params),
        )
        self.ears, self.mind, self.mouth = Ears(seed), mind or Mind(text), Mouth(bot)
        EarsGuard(self.ears, phi=None, policy=replace(OPEN, interims=interims))
        self.context = LLMContext()
        self.clock = Clock()
        self.began = time.monotonic()
        on_hold = self._duck if ends else None
        self.turns = TurnTaking(self.clock, on_hold=on_hold) if house else None
        if self.turns:
            self.turns.attach(self.output)
        # The end of a turn plays no part here, and smart turn takes 0.2 s of CPU each time.
        stop = stop or [SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.3)]
        user, assistant = LLMContextAggregatorPair(
            self.context,
            user_params=LLMUserAggregatorParams(
                vad_analyzer=self.turns.hearing if self.turns else SileroVADAnalyzer(),
                user_turn_strategies=UserTurnStrategies(
                    start=self.turns.start if self.turns else None, stop=stop
                ),
            ),
        )
        self.user, self.assistant = user, assistant
        self.cuts = Cuts(self.output)
        parts = [source, self.ears, user, self.mind, self.mouth, self.output, assistant]
        self.worker = PipelineWorker(
            Pipeline(parts),
            params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
            observers=[self.cuts],
            enable_rtvi=ends is not None,
            idle_timeout_secs=None,
        )

    async def __aenter__(self):
        self._runner = WorkerRunner(handle_sigint=False)
        await self._runner.add_workers(self.worker)
        self._task = asyncio.create_task(self._runner.run())
        return self

    async def __aexit__(self, *_):
        await self.worker.cancel()
        await asyncio.wait([self._task], timeout=20)

    def _duck(self, on: bool) -> None:
        # As a session tells its page.
        duck = self.worker.rtvi.send_server_message({"type": "duck", "on": on})
        self.worker.create_task(duck)

    def say(self, sound: np.ndarray, words, *, at: float) -> None:
        """Let the microphone hear a sound from a time on, and the ears its words."""
        self.air.make(sound, at)
        self.ears.hear(words, at)

    @property
    def speaking(self) -> bool:
        """Whether the bot has been audible within the last 0.6 s."""
        return time.monotonic() - self.air.last_audible(time.monotonic()) < 0.6

    @property
    def answered_secs(self) -> float:
        """How long ago the bot was last asked for an answer."""
        return time.monotonic() - self.mind.at

    async def until(self, condition, *, within: float = 20.0) -> bool:
        """Wait for something to become true; whether it did."""
        end = time.monotonic() + within
        while not condition():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.02)
        return True
