"""OpenTelemetry spans without content: whatever exports them gets numbers and names of ours."""

import sys
from collections.abc import Sequence
from typing import Any

from sessions.policy import PolicyError
from sessions.sinks.live import anyone, guarded, scrub

# Text attributes that say how a service was used, not what was said. All others are dropped:
# transcript, text, input, output, tools, user_id, gen_ai.system_instructions, ...
KEPT = frozenset(
    {
        "conversation.id",
        "conversation.type",
        "exception.type",
        "gen_ai.conversation.id",
        "gen_ai.operation.name",
        "gen_ai.output.type",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "language",
        "service.operation",
        "settings.language",
        "settings.model",
        "settings.voice",
        "turn.type",
        "voice_id",
    }
)


def install() -> None:
    """Stand before every exporter of this process. Calls after the first change nothing.

    Raises:
        PolicyError: If spans are handed out in parallel, where nothing can stand before.
    """
    if "opentelemetry.sdk.trace" not in sys.modules:
        return
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor

    processors: Any = getattr(trace.get_tracer_provider(), "_active_span_processor", None)
    if processors is None:
        return
    if not isinstance(processors, SynchronousMultiSpanProcessor):
        raise PolicyError(
            "Traces go to several processors at once, and this policy redacts. Set tracing up "
            "with OpenTelemetry's SynchronousMultiSpanProcessor, which is its default."
        )
    first = processors._span_processors[:1]
    if not (first and isinstance(first[0], _processor())):
        processors._span_processors = (_processor()(), *processors._span_processors)


def without_content(attributes: Any) -> dict[str, Any]:
    """Attributes whose values are numbers, or texts that name no one."""

    def harmless(name: str, value: Any) -> bool:
        if isinstance(value, (bool, int, float)) or name in KEPT:
            return True
        return (
            isinstance(value, Sequence)
            and not isinstance(value, (str, bytes))
            and all(isinstance(item, (bool, int, float)) for item in value)
        )

    return {
        name: scrub(value) if isinstance(value, str) else value
        for name, value in (attributes or {}).items()
        if harmless(name, value)
    }


def _processor() -> type:
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
    from opentelemetry.trace import Status

    global _Quiet
    if _Quiet is None:

        class Quiet(SpanProcessor):
            """Takes content out of a span before the processors after it see the span."""

            def on_end(self, span: ReadableSpan) -> None:
                if not anyone():
                    return
                span._name = scrub(span.name)
                if not guarded():
                    span._attributes = {  # type: ignore[assignment]
                        k: scrub(v) if isinstance(v, str) else v
                        for k, v in (span.attributes or {}).items()
                    }
                    return
                span._attributes = without_content(span.attributes)  # type: ignore[assignment]
                for event in span.events:
                    event._attributes = without_content(event.attributes)  # type: ignore
                span._status = Status(span.status.status_code)

        _Quiet = Quiet
    return _Quiet


_Quiet: type | None = None
