"""Calls on the virtual clock, traced to the receiver that ``OTEL_EXPORTER_OTLP_ENDPOINT`` names.

    python -m tests.ledger.tracing open|content|hipaa

``content`` is ``open`` with ``VIVACE_TRACE_CONTENT``, which ``hipaa`` has too. The last line printed
is the session's id.
"""

import os
import sys
from dataclasses import replace

from loguru import logger
from opentelemetry import metrics, trace

from sessions import HIPAA, OPEN
from sessions.metrics.otel import CONTENT, init_otel
from sessions.tape.recorder import code_version
from tests.support import ledger_call
from tests.support.virtual_call import calling, virtually


def main(kind: str) -> None:
    """Make one call."""
    # Nothing is sent before the call is over: deadlines of exporters mean nothing on its clock.
    os.environ["OTEL_BSP_SCHEDULE_DELAY"] = os.environ["OTEL_METRIC_EXPORT_INTERVAL"] = "600000"
    if kind != "open":
        os.environ[CONTENT] = "1"
    policy = replace(HIPAA, consent=frozenset()) if kind == "hipaa" else OPEN
    assert init_otel()
    code_version()  # asks git, which the virtual house does not know

    async def scenario():
        building = calling(ledger_call.bot(eyes=False), script=ledger_call.SCRIPT, policy=policy)
        async with building as call:
            await ledger_call.converse(call, ["where is my order", "thank you"])
        print(call.session.id)

    virtually(scenario)
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        provider.force_flush()  # type: ignore[attr-defined]


if __name__ == "__main__":
    logger.remove()
    main(sys.argv[1])
