"""Calls tools as a model would, to their end and until they are cancelled."""

import asyncio
import inspect
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.services.llm_service import FunctionCallParams

from qa.conformance_stage import CANARY, CANCEL_SECS, logged
from sessions import Session
from sessions.tool_boundary import TOOL_TIMEOUT_SECS

SAMPLES = {"string": CANARY, "number": 5, "integer": 5, "boolean": True, "array": [], "object": {}}


def is_tool(what: Any) -> bool:
    """Whether something is a tool: a schema with its handler, or a direct function."""
    if isinstance(what, FunctionSchema):
        return True
    first = next(iter(inspect.signature(what).parameters), "") if callable(what) else ""
    return inspect.iscoroutinefunction(what) and first == "params"


@dataclass
class Called:
    """What a tool did."""

    name: str
    mute: str = ""
    failed: str = ""
    unfinished: str = ""
    logged: list[str] = field(default_factory=list)


async def call(tools: list, session: Session, *, cancel: bool) -> list[Called]:
    """Call each tool, to its end or until it is cancelled."""
    there = asyncio.all_tasks()
    called = []
    for given, tool in zip(tools, session.tools(*tools)):
        one = Called(tool.name, mute=_mute(tool))
        called.append(one)
        with logged(one.logged):
            if cancel:
                one.unfinished = await _cancelled(tool, session)
            else:
                one.failed = await _answered(tool, session)
        if cancel and (close := getattr(tool.handler, "_pipecat_cleanup", None)):
            await close()
    await asyncio.sleep(1)
    left = [t.get_name() for t in asyncio.all_tasks() - there if not t.done()]
    if cancel and left:
        called[-1].unfinished = f"it leaves a task running: {left[0]}"
    return called


async def _answered(tool: Any, session: Session) -> str:
    results: list[Any] = []
    patience = getattr(tool.handler, "_pipecat_timeout_secs", None) or TOOL_TIMEOUT_SECS
    try:
        await asyncio.wait_for(tool.handler(_request(tool, session, results)), patience + 1)
    except TimeoutError:
        return f"it says nothing within its {patience:.0f} s"
    except Exception as error:
        return f"it raises {type(error).__name__} where it should return an error"
    return "" if results else "it returns no result"


async def _cancelled(tool: Any, session: Session) -> str:
    task = asyncio.ensure_future(tool.handler(_request(tool, session, [])))
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=CANCEL_SECS)
    return "" if done else "a cancelled call does not end"


def _request(tool: FunctionSchema, session: Session, results: list[Any]) -> FunctionCallParams:
    async def take(result: Any, *, properties: Any = None) -> None:
        results.append(result)

    nothing: Any = SimpleNamespace(messages=[{"role": "user", "content": CANARY}])
    return FunctionCallParams(
        function_name=tool.name,
        tool_call_id="1",
        arguments={name: _sample(spec) for name, spec in tool.properties.items()},
        llm=nothing,
        pipeline_worker=nothing,
        context=nothing,
        result_callback=take,
        app_resources=session,
    )


def _mute(tool: FunctionSchema) -> str:
    if not tool.description:
        return f"{tool.name} has no description"
    served = hasattr(tool.handler, "_vivace_mcp")  # its server's words are not ours to judge
    for name, spec in tool.properties.items():
        if not served and not spec.get("description"):
            return f"the argument {name} of {tool.name} has no description"
    return ""


def _sample(spec: dict[str, Any]) -> Any:
    kind = spec.get("type", "string")
    return (spec.get("enum") or [SAMPLES.get(kind if isinstance(kind, str) else kind[0], CANARY)])[
        0
    ]
