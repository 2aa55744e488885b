"""Remember the caller from one call to the next, if they agreed to it."""

from datetime import UTC, datetime

from pipecat.services.llm_service import FunctionCallParams

from sessions.memory import MemoryRefused
from sessions.store import StoreError
from sessions.tool_boundary import side_effect_free, side_effects


@side_effect_free
async def recall(params: FunctionCallParams, about: str):
    """Look up what the caller told in earlier calls. Use it when they refer to one.

    Args:
        about: What to look for, in a few words; empty for the latest.
    """
    try:
        notes = await params.app_resources.memory.recall(about)
    except (MemoryRefused, StoreError) as error:
        await params.result_callback({"error": str(error)})
        return
    days = [datetime.fromtimestamp(note.at, UTC).date().isoformat() for note in notes]
    known = [{"told": day, "what": note.text} for day, note in zip(days, notes)]
    await params.result_callback({"remembered": known})


@side_effects
async def remember(params: FunctionCallParams, fact: str):
    """Remember something for the caller's next calls. Use it when they ask for it.

    Args:
        fact: What to remember, in one sentence, in the caller's words.
    """
    try:
        await params.app_resources.memory.remember(fact)
    except (MemoryRefused, StoreError) as error:
        await params.result_callback({"error": str(error)})
        return
    await params.result_callback({"status": "it will be remembered"})


@side_effects
async def forget_me(params: FunctionCallParams):
    """Delete all that is remembered of the caller. Use it when they ask for it."""
    try:
        await params.app_resources.memory.forget()
    except (MemoryRefused, StoreError) as error:
        await params.result_callback({"error": str(error)})
        return
    await params.result_callback({"status": "all that was remembered is deleted"})
