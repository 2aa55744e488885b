"""The canonical event log: what a pipeline did, in a form that equal runs write equally.

One line a frame's push, grouped by edge (source, destination, direction), ids dropped, sorted
within an instant. It is the same across processes, hash seeds and CPython versions; the raw log,
in order and with ids, is the same on one CPython.
"""

import hashlib
import json
import re
import zlib
from collections import defaultdict
from typing import Any

from pipecat.frames.frames import (
    AudioRawFrame,
    BotSpeakingFrame,
    ImageRawFrame,
    MetricsFrame,
    UserSpeakingFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection

_NUMBER = re.compile(r"#\d+")
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
_FIELDS = (
    "text", "finalized", "pts", "function_name", "arguments", "result", "reason",
    "stop_secs", "start_secs", "message", "error",
)  # fmt: skip
_RHYTHMIC = (BotSpeakingFrame, UserSpeakingFrame)
"""Repeat every 0.2 s, and one float ulp of wall time decides between two grid points."""

_PUSH = {FrameDirection.DOWNSTREAM: ">", FrameDirection.UPSTREAM: "<"}


class EventLog(BaseObserver):
    """Logs every push, or only first pushes, of a pipeline's frames."""

    def __init__(self, *, every_push: bool = True):
        """Start an empty log."""
        super().__init__(observe_every_push=every_push)
        self._raw = hashlib.blake2b(digest_size=16)
        self._edges: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._labels: dict[Any, str] = {}
        self.lines = 0

    async def on_push_frame(self, data: FramePushed) -> None:
        """Log a push."""
        frame = data.frame
        what = f"{type(frame).__name__}{_describe(frame)}"
        self.lines += 1
        self._raw.update(
            f"{data.timestamp} {data.source.name}{_PUSH[data.direction]}{data.destination.name} "
            f"{frame.id} {what}\n".encode()
        )
        if not isinstance(frame, _RHYTHMIC):
            edge = self._label(data.source) + _PUSH[data.direction] + self._label(data.destination)
            self._edges[edge].append((data.timestamp, what))

    def _label(self, processor: Any) -> str:
        name = self._labels.get(processor)
        if name is None:
            name = self._labels[processor] = _NUMBER.sub("", processor.name)
        return name

    def canonical(self) -> list[str]:
        """The canonical log: ``edge nanoseconds what``, edges in order of their names."""
        return [
            f"{edge} {at} {what}"
            for edge in sorted(self._edges)
            for at, what in sorted(self._edges[edge])
        ]

    def digest(self) -> str:
        """Digest of the canonical log."""
        return hashlib.blake2b("\n".join(self.canonical()).encode(), digest_size=16).hexdigest()

    def raw_digest(self) -> str:
        """Digest of the raw log, in order and with ids."""
        return self._raw.hexdigest()


def _describe(frame: Any) -> str:
    if isinstance(frame, AudioRawFrame):
        return f" {len(frame.audio)} {zlib.crc32(frame.audio):08x}"
    if isinstance(frame, ImageRawFrame):
        return f" {frame.size} {zlib.crc32(frame.image or b''):08x}"
    if isinstance(frame, MetricsFrame):
        values = [m.model_dump(mode="json", exclude={"processor"}) for m in frame.data]
        return " " + _plain(values)
    fields = {k: v for k in _FIELDS if (v := getattr(frame, k, None)) not in (None, False)}
    context = getattr(frame, "context", None)
    if isinstance(context, LLMContext):
        fields["context"] = zlib.crc32(_plain(context.get_messages()).encode())
    return " " + _plain(fields) if fields else ""


def _plain(value: Any) -> str:
    text = json.dumps(value, default=str, sort_keys=True)
    return _UUID.sub("<id>", _NUMBER.sub("", text))
