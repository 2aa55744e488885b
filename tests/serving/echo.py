"""A bot without vendors: it hears utterances, says back what it got, in tones."""

import math
import struct

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.evals.transport import EvalTransportParams
from pipecat.frames.frames import (
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frameworks.rtvi import RTVIServerMessageFrame
from pipecat.runner.utils import create_transport
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from serving.cards import BotCard

RATE = 24000
CARD = BotCard(
    name="echo",
    about="Says back what it heard.",
    policy="HIPAA",
    disclosure="You are talking to an AI system, not to a person.",
    consent=("recording",),
    records=True,
    retention_days=30,
    redacts=True,
    sees={"camera": 1},
    rehearsed=("deepgram", "anthropic", "cartesia"),
)


class EchoEars(STTService):
    def __init__(self):
        super().__init__(settings=STTSettings(model="echo", language=None), ttfs_p99_latency=0.0)
        self.heard = 0

    async def run_stt(self, audio):
        yield None

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            self.heard += 1
            text = f"This is utterance {self.heard}."
            await self.push_frame(
                TranscriptionFrame(text, "caller", time_now_iso8601(), finalized=True)
            )


class EchoMind(LLMService):
    def __init__(self):
        super().__init__(settings=LLMSettings(model="echo", system_instruction=None))
        self.turns = 0

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        said = next(m for m in reversed(frame.context.get_messages()) if m["role"] == "user")
        await self.push_frame(LLMFullResponseStartFrame())
        for word in f"You said: {said['content']}".split():
            await self.push_frame(LLMTextFrame(f"{word} "))
        await self.push_frame(LLMFullResponseEndFrame())
        self.turns += 1
        turn = {
            "n": self.turns,
            "endpointing_ms": 203,
            "model_ms": 120,
            "tts_ms": 89,
            "total_ms": 412,
        }
        await self.push_frame(RTVIServerMessageFrame(data={"type": "turn", **turn}))


class EchoMouth(TTSService):
    def __init__(self):
        super().__init__(
            settings=TTSSettings(model="echo", voice="tone", language=None),
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=RATE,
        )

    async def run_tts(self, text, context_id):
        yield TTSAudioRawFrame(tone(1.0), RATE, 1, context_id=context_id)


def tone(seconds: float, *, rate: int = RATE, hz: float = 330.0, loudness: float = 0.2) -> bytes:
    """16-bit mono PCM."""
    samples = range(int(seconds * rate))
    wave = (int(32767 * loudness * math.sin(2 * math.pi * hz * n / rate)) for n in samples)
    return b"".join(struct.pack("<h", sample) for sample in wave)


async def bot(runner_args):
    media: dict = {"audio_in_enabled": True, "audio_out_enabled": True}
    transport = await create_transport(
        runner_args,
        {
            "webrtc": lambda: TransportParams(**media),
            "websocket": lambda: FastAPIWebsocketParams(**media),
            "eval": lambda: EvalTransportParams(**media),
        },
    )
    vad = SileroVADAnalyzer(params=VADParams(start_secs=0.1, stop_secs=0.2, min_volume=0.0))
    stop = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)
    user, assistant = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(
            vad_analyzer=vad, user_turn_strategies=UserTurnStrategies(stop=[stop])
        ),
    )
    stages = [
        transport.input(), EchoEars(), user, EchoMind(), EchoMouth(), transport.output(), assistant
    ]  # fmt: skip
    worker = PipelineWorker(Pipeline(stages))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)

    @transport.event_handler("on_client_disconnected")
    async def goodbye(transport, client):
        await runner.cancel()

    await runner.run()
