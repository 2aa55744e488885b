"""The recorder: fills a session's tape from its running pipeline.

An observer. It never raises, never awaits and does no I/O: it turns each frame's first push
into a message and hands it to the tape's queue. What goes out to vendors is taped by the wire
taps, which :func:`record` attaches to the session's context.
"""

import importlib.metadata
import io
import json
import os
import platform
import re
import subprocess
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from loguru import logger
from pipecat.frames.frames import InputAudioRawFrame, InputImageRawFrame, OutputAudioRawFrame
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport

from sessions.evidence import Evidence
from sessions.tape.audio import MediaClock
from sessions.tape.events import describe
from sessions.tape.memory import MemoryTape
from sessions.tape.schemas import BOT_AUDIO, CALLER_AUDIO, CAMERA, EVENTS, SCREEN
from sessions.tape.wire import WireTap, without_secrets
from sessions.tape.writer import TapeWriter, foxglove_time, tape_path
from sessions.watching import Watcher

JPEG_QUALITY = 85
MAX_IMAGE_FPS = 5

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""How a tape says, in IPTC's words, that the bot's voice on it was generated (Article 50)."""


class Recorder(Watcher):
    """Writes what a pipeline does onto a tape."""

    streams = (InputAudioRawFrame, InputImageRawFrame, OutputAudioRawFrame)

    def __init__(
        self,
        writer: TapeWriter | MemoryTape,
        now_ns: Callable[[], int],
        *,
        image_fps: int = MAX_IMAGE_FPS,
        raw_pictures: bool = True,
    ):
        """Record onto ``writer``.

        Args:
            writer: The session's tape; closed by :meth:`close`.
            now_ns: The session clock, nanoseconds.
            image_fps: At most so many images a second of each source go on the tape.
            raw_pictures: Whether they do as they come from the door; else only by :meth:`picture`.
        """
        super().__init__()
        self.writer = writer
        self.tap = WireTap(writer, now_ns)
        self.raw_pictures = raw_pictures
        self.own_tracks = False
        self._now_ns = now_ns
        self._offset_ns: int | None = None
        self._media = {CALLER_AUDIO: MediaClock(), BOT_AUDIO: MediaClock()}
        self._image_every_ns = 10**9 // image_fps
        self._next_image_ns = {CAMERA: 0, SCREEN: 0}
        self._failed: set[str] = set()

    def event(self, name: str, **detail: Any) -> None:
        """Put an event of the session on the tape, such as a consent given or withdrawn."""
        self.writer.write(EVENTS, self._now_ns(), {"name": name, "detail": detail})

    def picture(self, evidence: Evidence, *, size: tuple[int, int], why: str) -> None:
        """Put a picture on the tape, as models are shown it.

        Args:
            evidence: The picture and the time it came.
            size: Its width and height.
            why: What it was taken for.
        """
        image = evidence.image or b""
        message = {
            "frame_id": evidence.source,
            "data": image,
            "format": "jpeg",
            "picture": {
                "id": evidence.id,
                "at_ns": evidence.at_ns,
                "why": why,
                "size": [*size],
                "cleared": evidence.cleared,
            },
        }
        topic = SCREEN if evidence.source.startswith("screen") else CAMERA
        self.writer.write(topic, self._now_ns(), message, size=len(image))

    def attach(self) -> None:
        """Tape the wire of the current task and of the tasks it starts."""
        self.tap.attach()

    def release(self) -> None:
        """Begin the file: the caller has agreed. See ``hold`` of :func:`record`."""
        self.writer.release()

    def close(self) -> None:
        """Finish the tape; blocks for the disk (``await asyncio.to_thread(recorder.close)``)."""
        self.writer.close()

    def discard(self) -> None:
        """Stop and delete the tape: consent was withdrawn."""
        self.writer.discard()

    async def on_push_frame(self, data: FramePushed) -> None:
        """Tape a frame at its first push."""
        try:
            self._record(data)
        except Exception as e:
            name = type(data.frame).__name__
            if name not in self._failed:
                self._failed.add(name)
                logger.error(f"Recorder: {name} is not taped: {e!r}")

    def _record(self, data: FramePushed) -> None:
        frame = data.frame
        if frame.broadcast_sibling_id is not None and data.direction != FrameDirection.DOWNSTREAM:
            return
        clock_ns = self._clock_ns(data.timestamp)
        if isinstance(frame, InputAudioRawFrame):
            if isinstance(data.source, BaseInputTransport):
                self._audio(CALLER_AUDIO, clock_ns, frame)
        elif isinstance(frame, OutputAudioRawFrame):
            if isinstance(data.source, BaseOutputTransport):
                self._audio(BOT_AUDIO, clock_ns, frame)
        elif isinstance(frame, InputImageRawFrame):
            if self.raw_pictures and isinstance(data.source, BaseInputTransport):
                self._image(clock_ns, frame)
        else:
            for topic, message in describe(frame, data.source):
                self.writer.write(topic, clock_ns, message, size=len(str(message)))

    def _clock_ns(self, pipeline_ns: int) -> int:
        """Session clock of a pipeline time; observers run late, so the least lag is the offset."""
        if pipeline_ns == 0:
            return self._now_ns()
        offset = self._now_ns() - pipeline_ns
        self._offset_ns = offset if self._offset_ns is None else min(offset, self._offset_ns)
        return pipeline_ns + self._offset_ns

    def _audio(self, topic: str, clock_ns: int, frame: Any) -> None:
        samples = len(frame.audio) // (2 * frame.num_channels)
        participant = getattr(frame, "user_id", "") if self.own_tracks else ""
        key = f"{topic}/{participant}" if participant else topic
        track = self._media.setdefault(key, MediaClock())
        start_ns = track.stamp(clock_ns, samples, frame.sample_rate)
        message = {
            "timestamp": foxglove_time(self.writer.started_at + start_ns),
            "data": frame.audio,
            "format": "pcm-s16",
            "sample_rate": frame.sample_rate,
            "number_of_channels": frame.num_channels,
        }
        if participant:
            message["participant"] = participant
        self.writer.write(topic, clock_ns, message, size=len(frame.audio))

    def _image(self, clock_ns: int, frame: Any) -> None:
        topic = SCREEN if frame.transport_source == "screenVideo" else CAMERA
        if clock_ns < self._next_image_ns[topic] or not frame.image:
            return
        # A fifth of tolerance, or frames that jitter around the rate would be halved.
        self._next_image_ns[topic] = clock_ns + self._image_every_ns * 4 // 5
        self.writer.write(topic, clock_ns, partial(_jpeg, frame), size=len(frame.image))


def _jpeg(frame: Any) -> dict[str, Any]:
    """A frame as ``foxglove.CompressedImage``; runs in the writer thread."""
    if frame.format in ("JPEG", "image/jpeg", "PNG", "image/png"):
        data, kind = frame.image, frame.format.rpartition("/")[2].lower()
    else:
        from PIL import Image

        buffer = io.BytesIO()
        image = Image.frombytes(frame.format or "RGB", frame.size, frame.image)
        image.convert("RGB").save(buffer, "JPEG", quality=JPEG_QUALITY)
        data, kind = buffer.getvalue(), "jpeg"
    return {"frame_id": frame.transport_source or "camera", "data": data, "format": kind}


def record(
    session: Any,
    directory: str | Path,
    *,
    key: bytes | None,
    hold: bool = False,
    code: str | None = None,
) -> Recorder:
    """Begin the tape of a session and attach the wire taps to the current task.

    Args:
        session: Has ``id``, ``bot``, ``policy.name``, ``seed``, ``clock`` and, if it had one, the
            ``body`` it was started with.
        directory: Where tapes lie.
        key: Seals the tape; None leaves it open.
        hold: Keep the tape in memory until :meth:`Recorder.release`: consent is still out.
        code: The code's version; the checkout's commit when None.

    Returns:
        The recorder, to be added to the worker's observers and closed after the run.
    """
    clock, part = session.clock, getattr(session, "part", 0)
    name = f"{session.id}.{part}" if part else session.id
    seconds = clock.started_at.replace(microsecond=0).timestamp()
    writer = TapeWriter(
        tape_path(directory, name, sealed=key is not None),
        session_id=session.id,
        bot=session.bot,
        policy=session.policy.name,
        seed=session.seed,
        code_version=code or code_version(),
        started_at=int(seconds) * 10**9 + clock.started_at.microsecond * 1000,
        key=key,
        hold=hold,
        facts={
            "bot_audio": GENERATED,
            "pipecat": importlib.metadata.version("pipecat-ai"),
            "python": platform.python_version(),
            "body": json.dumps(getattr(session, "body", {}), default=str),
            "environment": json.dumps(public_environment()),
        },
    )
    policy = session.policy
    hides = getattr(policy, "redact", False) or getattr(policy, "blur_faces", False)
    recorder = Recorder(writer, clock.now_ns, raw_pictures=not hides)
    recorder.attach()
    return recorder


def public_environment() -> dict[str, Any]:
    """What of the environment decides how a session is cast, without any credential.

    Returns:
        ``keys``: names of the keys that are set; ``values``: addresses and settings.
    """
    keys = sorted(n for n, v in os.environ.items() if n.endswith("_API_KEY") and v.strip())
    values = {
        n: without_secrets(v) if "://" in v else v
        for n, v in sorted(os.environ.items())
        if n.endswith("_URL") or (n.startswith("VIVACE_") and not re.search("KEY|SECRET", n))
    }
    return {"keys": keys, "values": values}


@cache
def code_version() -> str:
    """The commit of this checkout (``-dirty`` with changes), or the version installed."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            check=True,
            text=True,
            timeout=5,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
