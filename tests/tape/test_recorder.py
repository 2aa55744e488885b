"""The recorder in a running pipeline: what went in, what came out, when."""

import asyncio
import random
from types import SimpleNamespace

from pipecat.frames.frames import (
    EndFrame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UserImageRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from sessions.clock import Clock
from sessions.tape import read_tape
from sessions.tape.recorder import record
from sessions.tape.uploads import TapedStorage, TapingStorage

PARAMS = TransportParams(
    audio_in_enabled=True,
    audio_out_enabled=True,
    audio_out_end_silence_secs=0,
    video_in_enabled=True,
)


class Microphone(BaseInputTransport):
    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)


class Loudspeaker(BaseOutputTransport):
    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        await asyncio.sleep(len(frame.audio) / 2 / frame.sample_rate)
        return True


async def test_a_pipeline_leaves_its_frames_on_the_tape(tmp_path):
    policy = SimpleNamespace(name="OPEN")
    session = SimpleNamespace(id="r1", bot="echo", policy=policy, seed=5, clock=Clock())
    recorder = record(session, tmp_path, key=None, code="c0ffee")
    mic, speaker = Microphone(PARAMS), Loudspeaker(PARAMS)
    worker = PipelineWorker(
        Pipeline([mic, speaker]),
        params=PipelineParams(audio_in_sample_rate=16_000),
        observers=[recorder],
        enable_rtvi=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    pcm = random.Random(1).randbytes(640)

    async def call():
        for _ in range(10):
            await mic.push_audio_frame(InputAudioRawFrame(pcm, 16_000, 1))
            await asyncio.sleep(0.02)
        await mic.push_video_frame(
            UserImageRawFrame(
                image=bytes(3 * 32 * 16), size=(32, 16), format="RGB", user_id="u",
            )
        )  # fmt: skip
        await mic.push_frame(InputTransportMessageFrame(message={"type": "hello"}))
        await mic.push_frame(InterimTranscriptionFrame("good", "u", "now"))
        await mic.push_frame(TranscriptionFrame("good morning", "u", "now"))
        await mic.push_frame(TTSAudioRawFrame(b"\1\2" * (24_000 // 5), 24_000, 1))
        await worker.queue_frame(EndFrame())

    calls = []

    @worker.event_handler("on_pipeline_started")
    async def started(worker, frame):
        calls.append(asyncio.create_task(call()))

    await runner.run()
    await calls[0]
    await asyncio.to_thread(recorder.close)

    tape = read_tape(tmp_path / "r1.mcap")
    assert tape.header.code_version == "c0ffee" and tape.header.facts["pipecat"]
    heard = list(tape.messages("/caller/audio"))
    assert [m.bytes for m in heard] == [pcm] * 10
    assert heard[-1].clock_ns - heard[0].clock_ns > 150e6
    said = list(tape.messages("/bot/audio"))
    assert sum(len(m.bytes) for m in said) >= 24_000 * 2 // 5
    image = next(tape.messages("/caller/camera"))
    assert image.bytes[:3] == b"\xff\xd8\xff" and image.data["format"] == "jpeg"
    assert next(tape.messages("/client/in")).data["message"] == {"type": "hello"}
    assert [(m.data["kind"], m.data["text"]) for m in tape.messages("/transcript")] == [
        ("interim", "good"),
        ("final", "good morning"),
    ]
    names = [m.data["name"] for m in tape.messages("/events")]
    assert {"session.started", "bot.started", "session.ending"} <= set(names)


async def test_an_uploaded_document_is_handed_over_again(tmp_path):
    policy = SimpleNamespace(name="OPEN")
    session = SimpleNamespace(id="u1", bot="echo", policy=policy, seed=5, clock=Clock())
    recorder = record(session, tmp_path, key=None, code="c0ffee")
    here = TapedStorage([])
    url = await here.save("letter.txt", b"Dear \xff colleague")
    assert await TapingStorage(here, recorder.event).load(url) == b"Dear \xff colleague"
    recorder.close()
    taped = TapedStorage(read_tape(tmp_path / "u1.mcap").messages("/events"))
    assert await taped.load(url) == b"Dear \xff colleague"
    assert await taped.load("pipecat:other") == b""
