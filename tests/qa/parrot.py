"""A bot that says back what it "heard", on services that take no time: a partner for callers."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import aioice.ice
import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams
from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    UserImageRawFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_transport import TransportParams, VideoInSourceParams
from pipecat.transports.smallwebrtc.request_handler import SmallWebRTCRequest
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from serving.webrtc import CallerRequestHandler

DISCLOSURE = "You are speaking with an AI assistant."


def hum(seconds: float, rate: int, *, hz: float = 220.0) -> np.ndarray:
    """A voice-like hum, int16, so that the VAD takes it for speech."""
    t = np.arange(int(seconds * rate)) / rate
    partials = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 12))
    vibrato = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)
    return (partials * vibrato * 5000).astype(np.int16)


class Loudness(VADAnalyzer):
    """Takes whatever is loud for speech, so that a hum will do as a caller's voice."""

    def num_frames_required(self) -> int:
        return self.sample_rate // 50

    def voice_confidence(self, buffer: bytes) -> float:
        return float(np.abs(np.frombuffer(buffer, np.int16)).max() > 500)


class Ears(STTService):
    def __init__(self):
        super().__init__(settings=STTSettings(model="fake", language=None), ttfs_p99_latency=0.0)
        self._count = 0

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield None

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            self._count += 1
            text = f"utterance {self._count}"
            await self.push_frame(
                TranscriptionFrame(text, "user", time_now_iso8601(), finalized=True)
            )


class Mind(LLMService):
    def __init__(self):
        super().__init__(settings=LLMSettings(model="fake", system_instruction=None))

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        message: Any = frame.context.get_messages()[-1]
        heard = message["content"]
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(f"I heard {heard}."))
        await self.push_frame(LLMFullResponseEndFrame())


class Mouth(TTSService):
    def __init__(self, *, seconds: float):
        super().__init__(
            settings=TTSSettings(model="fake", voice="hum", language=None),
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=24000,
        )
        self._seconds = seconds

    async def run_tts(self, text, context_id):
        audio = hum(self._seconds, self.sample_rate, hz=330).tobytes()
        for i in range(0, len(audio), 9600):
            yield TTSAudioRawFrame(audio[i : i + 9600], self.sample_rate, 1, context_id=context_id)


class Eyes(FrameProcessor):
    """Keeps what the caller shows: (source, picture) with RGB uint8 of (height, width, 3)."""

    def __init__(self, seen: list):
        super().__init__()
        self._seen = seen

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, UserImageRawFrame):
            picture = np.frombuffer(frame.image, np.uint8).reshape(*frame.size[::-1], 3)
            self._seen.append((frame.transport_source, picture))
        await self.push_frame(frame, direction)


async def bot(connection, session_id: str, body: dict, seen: list) -> None:
    sources = {name: VideoInSourceParams(framerate=5) for name in ("camera", "screenVideo")}
    transport = SmallWebRTCTransport(
        connection,
        TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            video_in_enabled=bool(body.get("watches")),
            video_in_sources=sources if body.get("watches") else {},
        ),
    )
    stop = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)
    listener, rememberer = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(
            vad_analyzer=Loudness(params=VADParams(min_volume=0)),
            user_turn_strategies=UserTurnStrategies(stop=[stop]),
        ),
    )
    mouth = Mouth(seconds=body.get("seconds", 0.6))
    worker = PipelineWorker(
        Pipeline(
            [
                transport.input(),
                Eyes(seen),
                Ears(),
                listener,
                Mind(),
                mouth,
                transport.output(),
                rememberer,
            ]
        ),
        params=PipelineParams(enable_metrics=True),
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)

    @worker.rtvi.event_handler("on_client_ready")
    async def on_client_ready(rtvi):
        about = {"id": session_id, "policy": "OPEN", "disclosure": DISCLOSURE, "rehearsal": []}
        await rtvi.send_server_message({"type": "session", **about})
        if body.get("silent"):
            return
        if body.get("undisclosed"):
            await worker.queue_frame(TTSSpeakFrame("Hello there.", append_to_context=False))
        await worker.queue_frame(TTSSpeakFrame(DISCLOSURE, append_to_context=False))
        if reason := body.get("hangs_up"):
            await asyncio.sleep(2)
            await rtvi.send_server_message({"type": "ended", "reason": reason})
            await asyncio.sleep(0.2)
            await runner.cancel()

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport, _client):
        await runner.cancel()

    await runner.run()


class Parrot:
    """A server with the bot, in the event loop of the test."""

    def __init__(self):
        self.bodies: list[dict] = []
        self.uploads: list[bytes] = []
        self.seen: list[tuple[str, np.ndarray]] = []
        self.ended = asyncio.Event()
        self._handler = CallerRequestHandler()
        self._tasks: list[asyncio.Task] = []

    def app(self) -> FastAPI:
        app = FastAPI()
        sessions: dict[str, dict] = {}

        @app.post("/start")
        async def start(request: Request):
            body = (await request.json())["body"]
            if body["bot"] != "parrot":
                raise HTTPException(404, f"There is no bot {body['bot']!r}. Try parrot.")
            self.bodies.append(body)
            session_id = uuid4().hex
            sessions[session_id] = body
            return {"sessionId": session_id}

        @app.post("/sessions/{session_id}/api/offer")
        async def offer(session_id: str, request: Request):
            data = await request.json()

            async def run(connection):
                await bot(connection, session_id, sessions[session_id], self.seen)
                self.ended.set()

            async def answer(connection):
                self._tasks.append(asyncio.create_task(run(connection)))

            wanted = SmallWebRTCRequest(sdp=data["sdp"], type=data["type"])
            return await self._handler.handle_web_request(wanted, answer)

        @app.post("/sessions/{session_id}/files")
        async def files(session_id: str, request: Request):
            async with request.form() as form:
                file: Any = form["file"]
                self.uploads.append(await file.read())
            return {
                "name": file.filename,
                "source": {"type": "url", "url": "pipecat:1"},
                "format": "text/plain",
            }

        @app.get("/_rehearsal/journal")
        async def journal(session: str):
            said = {"messages": [{"role": "user", "content": "my name is [NAME_1]"}]}
            leak = {"messages": [{"role": "user", "content": "call 5 5 5 0 1 2 3"}]}
            entries = [{"vendor": "anthropic", "what": "request", "body": b} for b in (said, leak)]
            return {"session": session, "entries": entries}

        return app

    async def __aenter__(self):
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
        config = uvicorn.Config(self.app(), host="127.0.0.1", port=0, log_level="warning")
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_):
        await self._handler.close()
        self._server.should_exit = True
        await self._serving
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
