"""Every sink a session may leak into, caught in memory."""

import io
import json
import logging
from collections import defaultdict
from typing import Any

import sentry_sdk
from loguru import logger
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pipecat.frames import frames as f
from pipecat.observers.base_observer import BaseObserver
from sentry_sdk.integrations.loguru import LoguruIntegration
from sentry_sdk.transport import Transport

from sessions.sinks import init_sentry

NAMES = (
    "loguru", "logging", "otel", "sentry", "rtvi", "model", "context", "tape", "bus", "errors",
    "transcripts", "metrics", "observers",
)  # fmt: skip


class _Envelopes(Transport):
    def __init__(self):
        super().__init__({"dsn": None})
        self.taken: list[str] = []

    def capture_envelope(self, envelope):
        self.taken.append(envelope.serialize().decode(errors="replace"))


class _Lines(logging.Handler):
    def __init__(self):
        super().__init__(logging.DEBUG)
        self.taken: list[str] = []

    def emit(self, record):
        self.taken.append(self.format(record))


class Process:
    """The sinks that a process has once: logs, traces, error reports."""

    def __init__(self):
        """Attach all of them."""
        self.spans = InMemorySpanExporter()
        if not isinstance(trace.get_tracer_provider(), TracerProvider):
            trace.set_tracer_provider(TracerProvider())
        self.provider: Any = trace.get_tracer_provider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.envelopes = _Envelopes()
        init_sentry(
            "https://key@sentry.invalid/1",
            transport=self.envelopes,
            traces_sample_rate=1.0,
            auto_session_tracking=False,
            auto_enabling_integrations=False,
            integrations=[LoguruIntegration()],
        )
        self.log = io.StringIO()
        logger.remove()
        self.number = logger.add(self.log, level="DEBUG", diagnose=True, backtrace=True)
        self.lines = _Lines()
        root = logging.getLogger()
        root.addHandler(self.lines)
        root.setLevel(logging.DEBUG)

    def take(self) -> dict[str, str]:
        """What has gone into them since the last time."""
        sentry_sdk.flush(0)
        texts = {
            "loguru": self.log.getvalue(),
            "logging": "\n".join(self.lines.taken),
            "otel": "\n".join(span.to_json() for span in self.spans.get_finished_spans()),
            "sentry": "\n".join(self.envelopes.taken),
        }
        self.log.truncate(0)
        self.log.seek(0)
        self.lines.taken.clear()
        self.envelopes.taken.clear()
        self.spans.clear()
        return texts

    def close(self) -> None:
        """Detach."""
        logger.remove(self.number)
        logging.getLogger().removeHandler(self.lines)
        logging.getLogger().setLevel(logging.WARNING)
        sentry_sdk.get_client().close(timeout=0)


class Watcher(BaseObserver):
    """What any observer of a session may write down: each frame's first push."""

    # What comes in is raw by nature: it is where redaction begins.
    RAW = (f.InputTransportMessageFrame, f.AudioRawFrame, f.ImageRawFrame, f.InputDTMFFrame)

    def __init__(self):
        """Watch one session."""
        super().__init__(observe_every_push=False)
        self.texts: dict[str, list[str]] = defaultdict(list)

    async def on_push_frame(self, data):
        """Write down."""
        frame = data.frame
        if isinstance(frame, self.RAW) or type(frame).__name__ == "Boom":
            return
        if isinstance(frame, f.MetricsFrame):
            self.texts["metrics"].append(repr(frame.data))
        elif isinstance(frame, f.ErrorFrame):
            self.texts["errors"].append(f"{frame} {frame.error} {frame.exception!r}")
        elif isinstance(frame, (f.LLMContextFrame, f.StartFrame, f.UserFileRawFrame)):
            return
        else:
            self.texts["observers"].append(f"{frame} {_fields(frame)}")


def _fields(frame: Any) -> str:
    fields = {k: v for k, v in vars(frame).items() if isinstance(v, (str, dict, list, tuple))}
    return json.dumps(fields, default=repr)
