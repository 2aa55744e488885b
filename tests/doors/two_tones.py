"""A bot under a real `Session` whose disclosure and other words sound different."""

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams
from pipecat.frames.frames import (
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, TTSSettings
from pipecat.services.tts_service import TTSService

from serving.cards import BotCard
from sessions import OPEN, Session
from tests.doubles.heard import LOUD, Heard, tone
from tests.serving.echo import EchoEars

CARD = BotCard(name="two-tones", about="Discloses in one tone and talks in another.")
RATE = 24000
DISCLOSURE_HZ, DISCLOSURE_SECS = 440.0, 0.8
TALK_HZ, TALK_SECS = 1200.0, 0.3


class LoudnessVAD(VADAnalyzer):
    """Takes a tone for speech."""

    def num_frames_required(self) -> int:
        return self.sample_rate // 100

    def voice_confidence(self, buffer: bytes) -> float:
        return float(np.abs(np.frombuffer(buffer, np.int16).astype(int)).max(initial=0) > LOUD)


class Mind(LLMService):
    def __init__(self):
        super().__init__(settings=LLMSettings(model="two-tones", system_instruction=None))

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self.push_frame(LLMFullResponseStartFrame())
            await self.push_frame(LLMTextFrame("This is an answer."))
            await self.push_frame(LLMFullResponseEndFrame())
        else:
            await self.push_frame(frame, direction)


class Mouth(TTSService):
    def __init__(self, session: Session):
        super().__init__(
            settings=TTSSettings(model="two-tones", voice="tone", language=None),
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=RATE,
        )
        self._session = session

    async def run_tts(self, text, context_id):
        disclosed = text in self._session.disclosure
        hz, secs = (DISCLOSURE_HZ, DISCLOSURE_SECS) if disclosed else (TALK_HZ, TALK_SECS)
        yield TTSAudioRawFrame(tone(secs, rate=RATE, hz=hz), RATE, 1, context_id=context_id)


async def bot(runner_args):
    session = await Session.open(runner_args, policy=OPEN)
    params = session.user_params()
    params.vad_analyzer = LoudnessVAD(
        params=VADParams(confidence=0.5, start_secs=0.1, stop_secs=0.2, min_volume=0.0)
    )
    user, assistant = LLMContextAggregatorPair(
        LLMContext(), user_params=params, assistant_params=session.assistant_params()
    )
    stages = [EchoEars(), user, Mind(), Mouth(session), session.transport.output(), assistant]
    await session.run(Pipeline([session.transport.input(), *stages]))


def tones(heard: Heard) -> list[float]:
    """Seconds of each run of one pitch: disclosure positive, talk negative, silence left out."""
    samples = np.frombuffer(heard.pcm(16000), np.int16).astype(float)
    runs: list[float] = []
    for start in range(0, len(samples) - 319, 320):
        frame = samples[start : start + 320]
        if np.abs(frame).max() <= LOUD:
            continue
        hz = np.abs(np.fft.rfft(frame * np.hanning(320))).argmax() * 50
        sign = 1 if abs(hz - DISCLOSURE_HZ) < abs(hz - TALK_HZ) else -1
        if not runs or runs[-1] * sign < 0:
            runs.append(0.0)
        runs[-1] += sign * 0.02
    return [round(run, 2) for run in runs]
