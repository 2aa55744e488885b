"""Hand the caller to a person."""

from pipecat.services.llm_service import FunctionCallParams


async def transfer_to_person(params: FunctionCallParams, reason: str):
    """Transfer the caller to a human colleague. Use it whenever the caller asks for one.

    Args:
        reason: Why the caller needs a person, in one sentence.
    """
    session = params.app_resources
    await session.notify("transfer", status="requested")
    await params.result_callback({"status": "a colleague has been called and takes over"})
