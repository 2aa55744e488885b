"""The boundary every tool call crosses: what goes in, what comes out, and how long it may take."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipecat.adapters.llm.schemas.direct_function import DirectFunctionWrapper
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.services.llm_service import FunctionCallParams

from sessions.ledger import Ledger
from sessions.phi import UnknownSurrogate
from sessions.phi.vault import SURROGATE
from sessions.tool_arguments import checker

if TYPE_CHECKING:
    from sessions.session import Session

# A tool that says nothing for longer than this has failed the turn; a tool with its own
# ``timeout_secs`` (Pipecat's ``tool_options``) keeps it.
TOOL_TIMEOUT_SECS = 10.0


def needs(*kinds: str) -> Callable:
    """Declare which kinds of identifiers a tool needs in clear, such as ``"NAME"``.

    Args:
        *kinds: Labels of the PHI engine. A tool without this sees surrogates only.
    """

    def decorate(handler: Callable) -> Callable:
        handler._vivace_needs = frozenset(kinds)  # type: ignore[attr-defined]
        return handler

    return decorate


def side_effects(handler: Callable) -> Callable:
    """Declare that a tool changes something: it runs once for what the caller asked once.

    Its ``sessions.once.idempotency_key(params)`` tells the service behind it the same.
    """
    handler._vivace_side_effects = True  # type: ignore[attr-defined]
    return handler


def side_effect_free(handler: Callable) -> Callable:
    """Declare that a tool only reads: it may run ahead of the caller's last word, for nothing."""
    handler._vivace_side_effects = False  # type: ignore[attr-defined]
    return handler


def guard_tools(session: "Session", tools: Iterable[Callable | FunctionSchema]) -> list:
    """The same tools, each behind the session's boundary.

    Args:
        session: The session whose policy holds.
        tools: Direct functions or schemas that carry a handler.

    Returns:
        One ``FunctionSchema`` for each, ready for an ``LLMContext``.
    """
    return [_guard(session, tool) for tool in tools]


def is_guarded(schema: FunctionSchema) -> bool:
    """Whether a tool crosses the boundary."""
    return hasattr(schema.handler, "_vivace_guarded")


def _guard(session: "Session", tool: Callable | FunctionSchema) -> FunctionSchema:
    if isinstance(tool, FunctionSchema):
        schema, handler = tool, tool.handler
        if handler is None:
            raise ValueError(f"The tool {tool.name!r} has no handler. Give its schema one.")

        async def run(params: FunctionCallParams):
            await handler(params)
    else:
        wrapper = DirectFunctionWrapper(tool)
        schema, handler = wrapper.to_function_schema(), tool

        async def run(params: FunctionCallParams):
            await wrapper.invoke(params.arguments, params)

    kinds = getattr(handler, "_vivace_needs", frozenset())
    once = session.once if getattr(handler, "_vivace_side_effects", False) else None
    complaint = checker(schema)
    ledger = Ledger(session.recording.event)

    async def guarded(params: FunctionCallParams):
        began = session.clock.now()
        given = params

        async def report(result: Any, *, properties=None):
            if properties is None or properties.is_final:
                took_ms = round((session.clock.now() - began) * 1000)
                failed = isinstance(result, Mapping) and "error" in result
                await session.notify(
                    "tool", name=schema.name, status="failed" if failed else "done", ms=took_ms
                )
                if once:
                    once.done(given, result)
            if session.phi:
                raw, result = result, session.phi.redact_data(result)
                ledger.redacted("tool", str(raw), str(result))
            await params.result_callback(result, properties=properties)

        try:
            shown: Counter[str] = Counter()
            arguments = _in_clear(session, params.arguments, kinds, shown)
        except UnknownSurrogate as error:
            await report({"error": str(error)})
            return
        if wrong := complaint(arguments):
            await report({"error": wrong})
            return
        await session.notify("tool", name=schema.name, status="called")
        if shown:
            ledger.in_clear(schema.name, shown)
        given = replace(params, arguments=arguments, result_callback=report)
        await (once.run(given, run) if once else run(given))

    guarded.__dict__.update(handler.__dict__)
    guarded._vivace_guarded = True  # type: ignore[attr-defined]
    if getattr(guarded, "_pipecat_timeout_secs", None) is None:
        guarded._pipecat_timeout_secs = TOOL_TIMEOUT_SECS  # type: ignore[attr-defined]
    return FunctionSchema(
        schema.name, schema.description, schema.properties, schema.required, guarded
    )


def _in_clear(session: "Session", value: Any, kinds: frozenset[str], shown: Counter[str]) -> Any:
    """Arguments with the originals of these kinds; how many of each is counted in ``shown``."""
    if session.phi is None:
        return value
    if isinstance(value, str):
        vault = session.phi.vault

        def original(match: re.Match) -> str:
            entry = vault.get(match.group())
            if entry.label not in kinds:
                return entry.surrogate
            shown[entry.label] += 1
            return vault.canonical(entry.surrogate)

        return SURROGATE.sub(original, value)
    if isinstance(value, Mapping):
        return {key: _in_clear(session, item, kinds, shown) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_clear(session, item, kinds, shown) for item in value]
    return value
