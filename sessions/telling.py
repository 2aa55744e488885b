"""Telling a bot's model something that the caller did not say aloud."""

from typing import TYPE_CHECKING

from pipecat.frames.frames import LLMMessagesAppendFrame
from pipecat.processors.aggregators.llm_context import LLMContextMessage

if TYPE_CHECKING:
    from sessions.session import Session


async def tell(session: "Session", content: str, *, role: str = "developer", run: bool) -> None:
    """Add a message to the conversation; nothing once the call is over.

    Args:
        session: Whose model.
        content: What it is told.
        role: Whose words they are.
        run: Whether it is to answer.
    """
    message: LLMContextMessage = {"role": role, "content": content}  # type: ignore[assignment]
    frame = LLMMessagesAppendFrame([message], run_llm=run)
    if session.cores:
        # The user aggregator keeps messages from a core, and the opening is before it.
        await session.opening.until_heard()
        await session.cores[0].queue_frame(frame)
    elif session.worker:
        await session.worker.queue_frame(frame)
