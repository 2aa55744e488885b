"""Helpers: one real Pipecat service in a pipeline against the doubles."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from anthropic import AsyncAnthropic
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.anthropic.llm import AnthropicLLMService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.workers.runner import WorkerRunner

from services.rehearsal import server
from services.rehearsal.latency import PROFILES
from services.rehearsal.mouth import speak
from services.rehearsal.state import Rehearsal

PATIENCE = 10.0


class Sink(FrameProcessor):
    def __init__(self):
        super().__init__()
        self.frames: list[Frame] = []
        self.news = asyncio.Event()

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        self.news.set()
        await self.push_frame(frame, direction)

    def of(self, kind):
        return [frame for frame in self.frames if isinstance(frame, kind)]

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE):
            while not (result := condition(self)):
                self.news.clear()
                await self.news.wait()
        return result


class Stage:
    """A rehearsal in this event loop."""

    def __init__(self, house: Rehearsal, address: str):
        self.house = house
        self.address = address

    def journal(self, session: str, what: str | None = None):
        entries = self.house.visit_of(session).journal.entries()
        return [entry for entry in entries if what in (None, entry["what"])]

    def deepgram(self, key: str, **settings) -> DeepgramSTTService:
        return DeepgramSTTService(
            api_key=key,
            base_url=f"ws://{self.address}",
            settings=DeepgramSTTService.Settings(**settings),
        )

    def client(self, key: str, **options) -> AsyncAnthropic:
        return AsyncAnthropic(api_key=key, base_url=f"http://{self.address}", **options)

    def anthropic(self, key: str, *, client=None) -> AnthropicLLMService:
        return AnthropicLLMService(
            api_key=key,
            client=client or self.client(key, max_retries=0),
            settings=AnthropicLLMService.Settings(model="claude-sonnet-4-6", max_tokens=200),
        )


@asynccontextmanager
async def stage(scripts: Path | None = None, *, engines: bool = True, profile: str = "instant"):
    options = {"scripts": scripts} if scripts else {}
    house = Rehearsal(profile=PROFILES[profile], engines=engines, **options)
    runner = await server.serve(house)
    host, port = runner.addresses[0][:2]
    try:
        yield Stage(house, f"{host}:{port}")
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(*services, out_rate: int = 24000, uphill: bool = False):
    """Run services in a pipeline; yields (worker, sink)."""
    sink = Sink()
    processors = [sink, *services] if uphill else [*services, sink]
    worker = PipelineWorker(
        Pipeline(processors),
        params=PipelineParams(audio_in_sample_rate=16000, audio_out_sample_rate=out_rate),
        enable_rtvi=False,
        cancel_on_idle_timeout=False,
    )
    started = asyncio.Event()
    worker.add_event_handler("on_pipeline_started", lambda *_: started.set())
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    task = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(PATIENCE):
            await started.wait()
        yield worker, sink
    finally:
        await worker.queue_frame(EndFrame())
        async with asyncio.timeout(PATIENCE):
            await task


async def utter(worker, sink, text: str, *, voice: str = "en-us+m3") -> str:
    """Speak to a Deepgram service, as fast as it listens; returns the final transcript."""
    before = len(sink.of(TranscriptionFrame))
    pcm = speak(text, 16000, voice) + bytes(6400)
    for at in range(0, len(pcm), 640):
        await worker.queue_frame(
            InputAudioRawFrame(audio=pcm[at : at + 640], sample_rate=16000, num_channels=1)
        )
    await worker.queue_frame(VADUserStoppedSpeakingFrame())
    return (await sink.until(lambda s: s.of(TranscriptionFrame)[before:]))[0].text


async def ask(worker, sink, context: LLMContext) -> str:
    """Run a model on a context; returns what it says."""
    before = len(sink.of(LLMFullResponseEndFrame))
    texts = len(sink.of(LLMTextFrame))
    await worker.queue_frame(LLMContextFrame(context))
    await sink.until(lambda s: len(s.of(LLMFullResponseEndFrame)) > before)
    return "".join(frame.text for frame in sink.of(LLMTextFrame)[texts:])
