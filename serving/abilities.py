"""What a bot can do without a caller: its guarded tools, and answers in writing.

The bot file runs unchanged up to ``session.run``: its session, policy, vendors and tools are those
of a call. Its ears and its voice are not used, so nobody hears a disclosure: those who ask are
programs, which an agent card or a tool list has told what they deal with.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    LLMFullResponseEndFrame,
    LLMMessagesAppendFrame,
    LLMTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMContextAggregator,
    LLMUserAggregator,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.services.llm_service import FunctionCallParams, LLMService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.utils.string import match_endofsentence
from pipecat.workers.runner import WorkerRunner

from bots import bot as run_bot
from sessions import Session

OPEN_SECS = 30.0
ANSWER_SECS = 60.0
CLOSE_SECS = 5.0
Hear = Callable[[str], Awaitable[None]]
UNDONE = "This needs the word of the person it is for, and was not done."


class AgentError(RuntimeError):
    """The bot cannot answer. The message holds nothing of what was asked."""


class _NoDoor(BaseTransport):
    def __init__(self, params: TransportParams):
        super().__init__()
        self._ends = BaseInputTransport(params), BaseOutputTransport(params)
        for event in ("on_client_connected", "on_client_disconnected"):
            self._register_event_handler(event)

    def input(self) -> FrameProcessor:
        return self._ends[0]

    def output(self) -> FrameProcessor:
        return self._ends[1]


@dataclass(kw_only=True)
class _Backstage(RunnerArguments):
    built: asyncio.Future = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def open_transport(self, params: TransportParams) -> BaseTransport:
        return _NoDoor(params)

    async def without_call(self, session: Session, pipeline: Pipeline) -> None:
        self.built.set_result(Abilities(session, pipeline))
        await self.left.wait()


@asynccontextmanager
async def backstage(bot: str) -> AsyncIterator["Abilities"]:
    """Open a bot for one who asks, with a session of its own.

    Args:
        bot: The bot's name.

    Raises:
        AgentError: It could not be opened.
    """
    args = _Backstage(body={"bot": bot}, session_id=f"agent-{uuid4().hex}")
    running = asyncio.create_task(run_bot(args))
    await asyncio.wait({running, args.built}, timeout=OPEN_SECS, return_when="FIRST_COMPLETED")
    if not args.built.done():
        running.cancel()
        raise AgentError(f"{bot} could not be opened.") from _fault(running)
    abilities = args.built.result()
    try:
        yield abilities
    finally:
        await abilities.close()
        args.left.set()
        await running


def _fault(task: asyncio.Task) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


class Abilities:
    """One bot's tools and mind, for one who asks."""

    def __init__(self, session: Session, pipeline: Pipeline):
        """Take from a pipeline what needs no caller.

        Args:
            session: Its session.
            pipeline: As the bot file has chained it.
        """
        self.session = session
        self._parts = list(pipeline.processors)
        aggregators = [p for p in _all(self._parts) if isinstance(p, LLMContextAggregator)]
        if not aggregators:
            raise AgentError(f"{session.bot} has no context, and so no tools.")
        self.context: LLMContext = aggregators[0].context
        self._asking = asyncio.Lock()
        self._listener: _Listener | None = None
        self._worker: PipelineWorker
        self._running: asyncio.Task

    @property
    def tools(self) -> list[FunctionSchema]:
        """The bot's tools, each behind the session's boundary."""
        tools = self.context.tools
        return [*tools.standard_tools] if isinstance(tools, ToolsSchema) else []  # type: ignore[list-item]

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool.

        Raises:
            KeyError: There is no such tool.
            TimeoutError: It took longer than it may.
        """
        handler: Any = {tool.name: tool for tool in self.tools}[name].handler
        results: list[Any] = []

        async def take(result: Any, *, properties=None) -> None:
            results.append(result)

        params: Any = FunctionCallParams(
            function_name=name,
            tool_call_id=uuid4().hex,
            arguments=arguments,
            llm=None,  # type: ignore[arg-type]
            pipeline_worker=None,  # type: ignore[arg-type]
            context=self.context,
            result_callback=take,
            app_resources=self.session,
        )
        async with asyncio.timeout(handler._pipecat_timeout_secs):
            await handler(params)
        return results[-1] if results else None

    async def answer(
        self,
        text: str,
        *,
        by_caller: bool = True,
        hear: Hear | None = None,
        note: Hear | None = None,
    ) -> str:
        """What the bot says to a task, in writing; identifiers stay surrogates.

        Args:
            text: The task.
            by_caller: Whether these are the words of the one it is for; else they open no tool
                that needs a caller's word.
            hear: Told each sentence of the answer as it is made.
            note: Told what the bot does on the way, in a few words.

        Raises:
            AgentError: The model did not answer.
            TimeoutError: It took longer than ``ANSWER_SECS``.
        """
        phi, gate = self.session.phi, self.session.gate
        if phi:
            text = phi.redact(text).text
        if by_caller:
            gate.heard(text)
        else:
            gate.tainted = True
        async with self._asking, asyncio.timeout(ANSWER_SECS):
            listener = await self._listen()
            said = listener.begin(hear, note)
            message: Any = {"role": "user", "content": text}
            await self._worker.queue_frame(LLMMessagesAppendFrame([message], run_llm=True))
            await asyncio.wait({self._running, said}, return_when="FIRST_COMPLETED")
            if not said.done():
                raise AgentError(f"{self.session.bot} went away before it had answered.")
            return said.result()

    async def _listen(self) -> "_Listener":
        """Whoever hears the bot's mind, which works from the first task to :meth:`close`."""
        if self._listener is None:
            self._listener = _Listener()
            self._worker = PipelineWorker(
                Pipeline([*self._minds(), self._listener, self._assistant()]),
                app_resources=self.session,
                cancel_on_idle_timeout=False,
                enable_rtvi=False,
            )
            runner = WorkerRunner(handle_sigint=False)
            await runner.add_workers(self._worker)
            self._running = asyncio.create_task(runner.run())
        return self._listener

    def _minds(self) -> list[FrameProcessor]:
        kinds = (LLMUserAggregator, LLMService)
        return [part for part in self._parts if any(isinstance(p, kinds) for p in _all([part]))]

    def _assistant(self) -> FrameProcessor:
        for part in self._parts:
            if isinstance(part, LLMAssistantAggregator):
                return part
        raise AgentError(f"{self.session.bot} does not write down what it says.")

    async def close(self) -> None:
        """Let go of its mind, and of the servers its tools are on."""
        if self._listener is None:
            for cleanup in {getattr(t.handler, "_pipecat_cleanup", None) for t in self.tools}:
                if cleanup:
                    await cleanup()
            return
        with contextlib.suppress(Exception):
            await self._worker.cancel()
            await asyncio.wait({self._running}, timeout=CLOSE_SECS)
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)


class _Listener(FrameProcessor):
    """Hears what the model says until it has nothing more to do."""

    def __init__(self):
        super().__init__()
        self._said: asyncio.Future[str] | None = None

    def begin(self, hear: Hear | None, note: Hear | None) -> asyncio.Future[str]:
        """Listen to one answer."""
        self._hear, self._note = hear, note
        self._text = self._told = ""
        self._calls: set[str] = set()
        self._called = False
        self._said = asyncio.get_running_loop().create_future()
        return self._said

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if self._said and not self._said.done():
            await self._listen(frame)
        await self.push_frame(frame, direction)

    async def _listen(self, frame: Frame) -> None:
        match frame:
            case LLMTextFrame():
                self._text += frame.text
                if end := match_endofsentence(self._text[len(self._told) :]):
                    await self._tell(end)
            case FunctionCallsStartedFrame():
                self._called = True
                self._calls |= {call.tool_call_id for call in frame.function_calls}
                if self._note:
                    names = ", ".join(call.function_name for call in frame.function_calls)
                    await self._note(names.replace("_", " "))
            case FunctionCallCancelFrame():
                self._calls.discard(frame.tool_call_id)
            case FunctionCallResultFrame():
                self._calls.discard(frame.tool_call_id)
                if frame.properties and frame.properties.run_llm is False and not self._calls:
                    self._text += f" {UNDONE}"
                    await self._finish()
            case LLMFullResponseEndFrame():
                if not self._called and not self._calls:
                    await self._finish()
                await self._tell(len(self._text))
                self._text += " "
                self._told += " "
                self._called = False
            case ErrorFrame() if self._said:
                self._said.set_exception(AgentError("The model did not answer."))

    async def _tell(self, characters: int) -> None:
        """Pass on so much more of the answer."""
        more = self._text[len(self._told) :][:characters]
        self._told += more
        if self._hear and more.strip():
            await self._hear(f"{more.strip()} ")

    async def _finish(self) -> None:
        await self._tell(len(self._text))
        if self._said and not self._said.done():
            self._said.set_result(" ".join(self._text.split()))


def _all(parts: list[FrameProcessor]) -> list[FrameProcessor]:
    return [found for part in parts for found in (part, *_all(list(part.processors)))]
