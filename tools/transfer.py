"""Hand the caller to a person: one at the desk, or one behind a number."""

from collections.abc import Callable

from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams

from sessions.untrusted import privileged, records


@records
@privileged(asked=("nurse", "doctor", "human being"), free=("reason",))
async def transfer_to_person(params: FunctionCallParams, reason: str):
    """Transfer the caller to a human colleague. Use it whenever the caller asks for one.

    Args:
        reason: Why the caller needs a person, in one sentence.
    """
    await params.result_callback(await params.app_resources.transfer.ring(reason))


def transfer_by_phone(number: str) -> Callable:
    """The same tool, with a number that rings besides the desk; callers must be in a Daily room.

    Args:
        number: ``+15550001`` or ``sip:nurse@example.org``. The model learns that there is one.
    """

    @records
    @privileged(asked=("nurse", "doctor", "human being"), free=("reason",))
    async def transfer_to_person(params: FunctionCallParams, reason: str):
        """Transfer the caller to a human colleague. Use it whenever the caller asks for one.

        Args:
            reason: Why the caller needs a person, in one sentence.
        """
        transfer = params.app_resources.transfer
        await params.result_callback(await transfer.ring(reason, phone=number))

    return transfer_to_person


def put_through_to(number: str) -> Callable:
    """A tool that puts a caller on the phone through to one number, for good.

    Args:
        number: ``+15550001`` or ``sip:nurse@example.org``. The model learns that there is one.
    """

    @records
    @privileged(asked=("nurse", "doctor", "human being"), free=("reason",))
    async def put_through(params: FunctionCallParams, reason: str):
        """Put the caller through to a colleague for good. The call with you is then over.

        Args:
            reason: Why the caller needs a person, in one sentence.
        """
        result = await params.app_resources.transfer.send(number)
        silent = FunctionCallResultProperties(run_llm="error" in result)
        await params.result_callback(result, properties=silent)

    return put_through
