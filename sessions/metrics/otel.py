"""OpenTelemetry, if there is a receiver: traces without content, and metrics.

``OTEL_EXPORTER_OTLP_ENDPOINT`` names the receiver (OTLP over HTTP). What callers and models say, and
what tools are given, is never in a span: Pipecat writes it there, and it is taken out on the way.
``VIVACE_TRACE_CONTENT=1`` lets it through while no session of the process redacts.
"""

import os
from typing import Any

from sessions.sinks.live import session_id
from sessions.sinks.traces import without_content

ENDPOINT, CONTENT = "OTEL_EXPORTER_OTLP_ENDPOINT", "VIVACE_TRACE_CONTENT"

PROVIDER, REQUESTED = "gen_ai.provider.name", "gen_ai.request.model"

_ready = False
_vendors: dict[tuple[str, str], str] = {}


def cast(service: object, vendor: str, model: str) -> None:
    """Note who a service is, which Pipecat's spans name after its class."""
    name = type(service).__name__.lower()
    _vendors[name, model] = _vendors[name, ""] = vendor


def tracing() -> bool:
    """Whether spans are wanted."""
    return _ready


def init_otel(**exporters: Any) -> bool:
    """Send traces and metrics to the receiver that the environment names. Once a process.

    Args:
        **exporters: ``spans=`` and ``metrics=``: other exporters than OTLP's, for tests.

    Returns:
        Whether anything is sent.

    Raises:
        ImportError: There is a receiver, and the SDK is not installed.
    """
    global _ready
    if _ready or not (exporters or os.environ.get(ENDPOINT)):
        return _ready
    try:
        from opentelemetry import metrics, trace
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ImportError(
            f"{ENDPOINT} is set, and {error.name} is not installed. Install the 'tracing' extra "
            "(uv pip install -e '.[tracing]'), or unset it."
        ) from error

    class Discreet(SpanProcessor):
        """Says whose a span is, and takes content out of it before the exporters see it."""

        def on_start(self, span: Any, parent_context: Any = None) -> None:
            if session := session_id.get():
                span.set_attribute("gen_ai.conversation.id", session)

        def on_end(self, span: ReadableSpan) -> None:
            told: Any = span._attributes
            if vendor := _vendor(told):
                span._attributes = {**told, PROVIDER: vendor}  # type: ignore[assignment]
            if os.environ.get(CONTENT) == "1":
                return  # the guard of sessions.sinks stands before, while a session redacts
            span._attributes = without_content(span.attributes)  # type: ignore[assignment]
            for event in span.events:
                event._attributes = without_content(event.attributes)  # type: ignore

    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "vivace")})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(Discreet())
    provider.add_span_processor(BatchSpanProcessor(exporters.get("spans") or OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    reader = PeriodicExportingMetricReader(exporters.get("metrics") or OTLPMetricExporter())
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))
    _ready = True
    return True


def _vendor(attributes: Any) -> str:
    name, model = attributes.get(PROVIDER, ""), attributes.get(REQUESTED, "")
    return _vendors.get((name, model)) or _vendors.get((name, ""), "")
