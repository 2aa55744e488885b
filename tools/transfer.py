"""Hand the caller to a person."""

from pipecat.services.llm_service import FunctionCallParams

from sessions.untrusted import privileged


@privileged(asked=("nurse", "doctor", "human being"), free=("reason",))
async def transfer_to_person(params: FunctionCallParams, reason: str):
    """Transfer the caller to a human colleague. Use it whenever the caller asks for one.

    Args:
        reason: Why the caller needs a person, in one sentence.
    """
    await params.result_callback(await params.app_resources.transfer.ring(reason))
