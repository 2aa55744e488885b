"""As much of a session as the tool boundary needs, and a model that calls one tool."""

from datetime import date
from types import SimpleNamespace
from typing import Any

from pipecat.services.llm_service import FunctionCallParams

from sessions.clock import Clock
from sessions.evidence import EvidenceDesk
from sessions.gate import Gate
from sessions.metrics import Meter
from sessions.once import Once
from sessions.phi import PHIFirewall
from sessions.tool_boundary import guard_tools


class Stage:
    """What a guarded tool meets of its session."""

    def __init__(self, *, phi: bool = False):
        self.clock, self.once, self.evidence = Clock(), Once("s1"), EvidenceDesk()
        self.gate = Gate(now=self.clock.now, today=date(2026, 3, 2))
        self.realtime, self.budget = False, SimpleNamespace(facts={})
        self.phi = PHIFirewall() if phi else None
        self.policy = SimpleNamespace(name="HIPAA" if phi else "OPEN")
        self.recording = SimpleNamespace(event=lambda *_, **__: None)
        self.meter = Meter("b", clock=self.clock, export=False)
        self.told: list[dict] = []

    async def notify(self, type, **data):
        self.told.append({"type": type, **data})


async def call_tool(schema, session: Any = None, *, context: Any = None, **arguments) -> Any:
    """Run a tool as a model's call does; returns what the model gets, None if nothing."""
    results = []

    async def take(result, *, properties=None):
        results.append(result)

    nothing: Any = SimpleNamespace()
    await schema.handler(
        FunctionCallParams(
            function_name=schema.name,
            tool_call_id="call-1",
            arguments=arguments,
            llm=nothing,
            pipeline_worker=nothing,
            context=context or nothing,
            result_callback=take,
            app_resources=session,
        )
    )
    return results[-1] if results else None


async def call_guarded(session, tool, *, context: Any = None, **arguments) -> Any:
    """The same, through the session's boundary."""
    (schema,) = guard_tools(session, [tool])
    return await call_tool(schema, session, context=context, **arguments)
