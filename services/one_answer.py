"""All tool calls of one message are announced before any of them runs."""

from collections.abc import Sequence

from pipecat.frames.frames import Frame, FunctionCallInProgressFrame
from pipecat.services.llm_service import FunctionCallRunnerItem, LLMService, TAdapter


class OneAnswerMind(LLMService[TAdapter]):
    """Answers once after a batch of tool calls, however fast each of them returns.

    Pipecat announces a call as its handler starts. A handler that returns without waiting
    finishes before the next call of the batch is known, so the batch looks complete, the
    model is asked, and asked again after the next one: the caller hears the answer twice.
    """

    def __init__(self, **kwargs):
        """Initialize the mind.

        Args:
            **kwargs: As the service it is mixed into.
        """
        super().__init__(**kwargs)
        self._announced: set[str] = set()

    async def _run_parallel_function_calls(self, runner_items: Sequence[FunctionCallRunnerItem]):
        for item in runner_items:
            await self.broadcast_frame(
                FunctionCallInProgressFrame,
                function_name=item.function_name,
                tool_call_id=item.tool_call_id,
                arguments=item.arguments,
                cancel_on_interruption=item.registry_item.cancel_on_interruption,
                group_id=item.group_id,
            )
        self._announced |= {item.tool_call_id for item in runner_items}
        await super()._run_parallel_function_calls(runner_items)

    async def broadcast_frame(self, frame_cls: type[Frame], **kwargs):
        """Broadcast a frame, except the announcement of a call that was announced already."""
        call_id = kwargs.get("tool_call_id")
        if frame_cls is FunctionCallInProgressFrame and call_id in self._announced:
            self._announced.discard(call_id)
        else:
            await super().broadcast_frame(frame_cls, **kwargs)
