"""720p at 30 frames a second over a real WebRTC line into a process of its own, which is measured."""

import asyncio
import multiprocessing
import os
import resource
import time
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from loguru import logger
from pipecat.frames.frames import UserImageRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import SmallWebRTCRunnerArguments
from pipecat.transports.base_transport import TransportParams, VideoInSourceParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner

from processors.frame_sampler import FrameSampler
from serving.webrtc import CallerConnection, use_loopback_only
from sessions import Session
from sessions.vision.pace import Rates
from sessions.vision.pool import vision_pool
from tests.support.scenes import scenes

SIZE, FPS, SECS = (1280, 720), 30, 3
WARM_SECS = 3.0
STALL_EVERY = 0.005
ONE = Rates(still=1.0, talking=1.0, moving=1.0, most=1.0)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """What a line cost.

    Parameters:
        cpu_pct: Of one core, with the vision pool's processes.
        stalls_ms: Lateness of each tick of the event loop.
        pictures: Pictures that came out, a second.
    """

    cpu_pct: float
    stalls_ms: list[float]
    pictures: float


def packets() -> list[bytes]:
    """A talking head, encoded as a browser's camera would be: VP8 at 2 Mbit/s."""
    scene = scenes(seed=2, size=SIZE, secs=30)["talking-head"]
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height = SIZE
    codec.pix_fmt, codec.bit_rate, codec.time_base = "yuv420p", 2_000_000, Fraction(1, FPS)
    codec.options = {"cpu-used": "-6", "deadline": "realtime", "lag-in-frames": "0"}
    made = []
    for n in range(FPS * SECS):
        frame = av.VideoFrame.from_ndarray(scene.frame(n / FPS), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.pts = n
        made += [bytes(packet) for packet in codec.encode(frame)]
    return made


class Camera(VideoStreamTrack):
    """Sends encoded frames round and round, each round beginning with a key frame."""

    def __init__(self, encoded: list[bytes]):
        super().__init__()
        self._encoded, self._n, self._began = encoded, 0, 0.0

    async def recv(self) -> Any:
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0.0, self._began + self._n / FPS - loop.time()))
        packet = av.Packet(self._encoded[self._n % len(self._encoded)])
        packet.pts, packet.time_base = self._n * 90_000 // FPS, Fraction(1, 90_000)
        self._n += 1
        return packet


class Plain(FrameProcessor):
    """What a Pipecat bot does with a sampled frame: it becomes a message with a JPEG."""

    pictures = 0

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, UserImageRawFrame):
            self.create_task(self._encode(frame))
        else:
            await self.push_frame(frame, direction)

    async def _encode(self, frame):
        await LLMContext.create_image_message(
            format=frame.format, size=frame.size, image=frame.image
        )
        self.pictures += 1


async def measure(house: bool, encoded: list[bytes], *, secs: float) -> Load:
    """Send to a process for some seconds."""
    use_loopback_only()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(house, theirs, secs))
    server.start()
    pc = RTCPeerConnection(RTCConfiguration([], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    try:
        pc.addTransceiver("audio", direction="sendrecv")
        pc.addTransceiver(Camera(encoded), direction="sendonly")
        channel = pc.createDataChannel("chat", ordered=True)
        channel.on("open", lambda: None)
        await pc.setLocalDescription(await pc.createOffer())
        ours.send((pc.localDescription.sdp, pc.localDescription.type))
        answer = await asyncio.to_thread(ours.recv)
        await pc.setRemoteDescription(RTCSessionDescription(**answer))
        pinging = asyncio.create_task(_ping(channel))
        load = await asyncio.to_thread(ours.recv)
        pinging.cancel()
        return load
    finally:
        await pc.close()
        await asyncio.to_thread(server.join, 20)
        if server.is_alive():
            server.kill()


async def _ping(channel) -> None:
    while True:
        if channel.readyState == "open":
            channel.send("ping")
        await asyncio.sleep(1)


def _serve(house: bool, pipe: Connection, secs: float) -> None:
    logger.remove()
    use_loopback_only()
    asyncio.run(_answer(house, pipe, secs))
    vision_pool().stop()


async def _answer(house: bool, pipe: Connection, secs: float) -> None:
    sdp, kind = await asyncio.to_thread(pipe.recv)
    connection = CallerConnection() if house else SmallWebRTCConnection()
    await connection.initialize(sdp, kind)
    if house:
        arguments = SmallWebRTCRunnerArguments(webrtc_connection=connection, body={})
        session = await Session.open(arguments, sees={"camera": 1})
        eyes = FrameSampler(session, rates=ONE, longest=SIZE[0])
        parts, count = [session.transport.input(), eyes], lambda: eyes._taken
    else:
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=2,
            video_in_enabled=True,
            video_in_sources={"camera": VideoInSourceParams(framerate=1)},
        )
        plain = Plain()
        transport = SmallWebRTCTransport(webrtc_connection=connection, params=params)
        parts, count = [transport.input(), plain], lambda: plain.pictures
    worker = PipelineWorker(Pipeline(parts), idle_timeout_secs=None)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    answer = connection.get_answer()
    assert answer
    pipe.send({"sdp": answer["sdp"], "type": answer["type"]})
    await asyncio.sleep(WARM_SECS)
    began, cpu, before = time.monotonic(), _cpu(), count()
    stalls = await _stalls(secs)
    took = time.monotonic() - began
    pipe.send(Load((_cpu() - cpu) / took * 100, stalls, (count() - before) / took))
    await worker.cancel()
    await asyncio.wait([running], timeout=5)


async def _stalls(secs: float) -> list[float]:
    loop = asyncio.get_running_loop()
    until, late = loop.time() + secs, []
    while loop.time() < until:
        due = loop.time() + STALL_EVERY
        await asyncio.sleep(STALL_EVERY)
        late.append((loop.time() - due) * 1000)
    return late


def _cpu() -> float:
    """CPU seconds of this process and of its vision pool's."""
    use = resource.getrusage(resource.RUSAGE_SELF)
    total = use.ru_utime + use.ru_stime
    executor = vision_pool()._executor
    for pid in list(getattr(executor, "_processes", None) or ()):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


__all__ = ["Load", "measure", "packets"]
