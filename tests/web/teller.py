"""A bot without vendors that looks, takes keys, and tells the page what a session would."""

import dataclasses

import numpy as np
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import InputDTMFFrame, LLMContextFrame, UserImageRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIServerMessageFrame
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams, VideoInSourceParams
from pipecat.workers.runner import WorkerRunner

from tests.serving import echo

CARD = dataclasses.replace(
    echo.CARD, name="teller", about="Looks, and tells.", sees={"camera": 2, "screenVideo": 2}
)

TOLD = {
    "turn": {
        "n": 7,
        "endpointing_ms": 203,
        "asr_ms": 60,
        "model_ms": 420,
        "tool_ms": 180,
        "tts_ms": 89,
        "total_ms": 952,
    },
    "saw": {
        "frames": [
            {"id": "camera-17", "source": "camera", "age_ms": 300},
            {"id": "screen-3", "source": "screenVideo", "age_ms": 900},
        ]
    },
    "cost": {"usd": 0.0423, "layers": {"audio": 0.012, "reasoning": 0.026, "vision": 0.004}},
    "cue": {
        "region": {"x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4},
        "text": "Look at the left connector.",
        "vibrate": [80],
        "ms": 60_000,
    },
    "tool": {"name": "find_part", "status": "done", "ms": 180},
    "minutes": {
        "markdown": "# Minutes\n\n1. The wire was shown.\n2. It is to be replaced.",
        "calendar": "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
    },
    "session": {"rehearsal": ["deepgram"], "recorded": True},
    "line": {"secs": 4.2, "unheard": 2},
    "transfer": {"status": "ringing"},
}


class Mind(echo.EchoMind):
    """Answers like the echo, and sends the server messages that the caller names."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            said = str(frame.context.get_messages()[-1]["content"])
            for name in [name for name in TOLD if f"tell {name}" in said]:
                await self.push_frame(RTVIServerMessageFrame(data={"type": name, **TOLD[name]}))


class Eyes(FrameProcessor):
    """Keeps the pictures and keys that arrive."""

    def __init__(self):
        super().__init__()
        self.pictures: dict[str, np.ndarray] = {}
        self.keys: list[str] = []

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, UserImageRawFrame):
            width, height = frame.size
            picture = np.frombuffer(frame.image, np.uint8).reshape(height, width, 3)
            self.pictures[frame.transport_source] = picture
        elif isinstance(frame, InputDTMFFrame):
            self.keys.append(str(frame.button.value))
        await self.push_frame(frame, direction)


def teller():
    """The bot, and its eyes."""
    eyes = Eyes()

    async def bot(runner_args):
        sources = {name: VideoInSourceParams(framerate=2) for name in CARD.sees}
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            video_in_enabled=True,
            video_in_sources=sources,
        )
        transport = await create_transport(runner_args, {"webrtc": lambda: params})
        user, assistant = LLMContextAggregatorPair(
            LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
        )
        stages = [
            transport.input(), eyes, user, Mind(), echo.EchoMouth(), transport.output(), assistant
        ]  # fmt: skip
        worker = PipelineWorker(Pipeline(stages))
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)

        @transport.event_handler("on_client_connected")
        async def look(transport, client):
            for name in sources:
                await transport.capture_participant_video(client.pc_id, 2, name)

        @transport.event_handler("on_client_disconnected")
        async def goodbye(transport, client):
            await runner.cancel()

        await runner.run()

    return bot, eyes
