"""Read-only tools that have run by the time the model may call them."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import FunctionCallFromLLM
from pipecat.services.llm_service import FunctionCallParams, LLMService

from sessions.clock import Clock

# What was read earlier than this is read again.
FRESH_SECS = 5.0


@dataclass
class _Reading:
    at: float
    task: asyncio.Task


class Prefetch:
    """Runs the read-only tools that a speculative answer asks for, and keeps what they say.

    Pipecat runs no tool before the turn has ended, and withdraws the answer that wants one. Here
    a tool that is ``side_effect_free`` is begun nevertheless. When the turn has ended and the
    model calls it with equal arguments, its result is there.

    Attributes:
        begun: Tools that were run ahead.
        used: Those whose result was wanted.
        saved_secs: By how much each of these was ahead.
    """

    def __init__(self, clock: Clock):
        """Start with nothing read.

        Args:
            clock: The session's.
        """
        self._now = clock.now
        self.begun = self.used = 0
        self.saved_secs: list[float] = []
        self._handlers: dict[str, Callable] = {}
        self._readings: dict[str, _Reading] = {}

    def summary(self) -> dict[str, int]:
        """The same in numbers; ``saved_ms`` is the median."""
        saved_ms = round(1000 * median(self.saved_secs or [0.0]))
        return {"begun": self.begun, "used": self.used, "saved_ms": saved_ms}

    def tool(self, schema: FunctionSchema) -> FunctionSchema:
        """The same tool, which answers from what was read ahead.

        Args:
            schema: A tool with its handler. One that may change anything is returned as it is.
        """
        handler = schema.handler
        if handler is None or getattr(handler, "_vivace_side_effects", True):
            return schema
        self._handlers[schema.name] = handler

        async def answer(params: FunctionCallParams):
            reading = self._readings.pop(_key(params.function_name, params.arguments), None)
            if reading is None or self._now() - reading.at > FRESH_SECS:
                await handler(params)
                return
            called = self._now()
            try:
                result, properties = await asyncio.shield(reading.task)
            except Exception as error:
                logger.debug(f"{schema.name} failed ahead of its call ({error!r}) and is run again")
                await handler(params)
                return
            self.used += 1
            self.saved_secs.append(called - reading.at)
            await params.result_callback(result, properties=properties)

        answer.__dict__.update(handler.__dict__)
        return FunctionSchema(
            schema.name, schema.description, schema.properties, schema.required, answer
        )

    def watch(self, llm: LLMService) -> None:
        """Look for the calls that a model wants to make too early.

        Args:
            llm: The service whose tools these are.
        """
        run = llm.run_function_calls

        async def run_function_calls(function_calls: Sequence[FunctionCallFromLLM]):
            if llm._speculation_gate.is_speculating:
                for call in function_calls:
                    self._begin(llm, call)
            await run(function_calls)

        llm.run_function_calls = run_function_calls  # type: ignore[method-assign]

    def _begin(self, llm: LLMService, call: FunctionCallFromLLM) -> None:
        handler = self._handlers.get(call.function_name)
        key = _key(call.function_name, call.arguments)
        known = self._readings.get(key)
        if handler is None or (known and self._now() - known.at < FRESH_SECS):
            return
        worker = llm.pipeline_worker
        params = FunctionCallParams(
            function_name=call.function_name,
            tool_call_id=call.tool_call_id,
            arguments=call.arguments,
            llm=llm,
            pipeline_worker=worker,
            context=call.context,
            result_callback=_no_callback,
            app_resources=worker.app_resources,
        )
        self.begun += 1
        self._readings[key] = _Reading(self._now(), llm.create_task(_read(handler, params)))


async def _read(handler: Callable, params: FunctionCallParams) -> tuple[Any, Any]:
    results: list[tuple[Any, Any]] = []

    async def collect(result: Any, *, properties=None):
        if properties is None or properties.is_final:
            results.append((result, properties))

    await handler(replace(params, result_callback=collect))
    return results[-1]


async def _no_callback(result: Any, *, properties=None) -> None:
    raise RuntimeError("a tool that was run ahead has no model to answer")


def _key(name: str, arguments: Mapping[str, Any]) -> str:
    return f"{name} {json.dumps(dict(arguments), sort_keys=True, default=str)}"
