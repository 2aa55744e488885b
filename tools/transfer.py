"""Hand the caller to a person: one at the desk, or one behind a number."""

from collections.abc import Callable

from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams

from sessions.transfer import PUTTING_THROUGH
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
    """The same tool, with a number that rings besides the desk, whichever door the caller came by.

    A Daily room dials by itself; for any other door Twilio places the call, from ``TWILIO_NUMBER``.

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
    """A tool that puts a caller through to one number: one on the phone for good.

    Args:
        number: ``+15550001`` or ``sip:nurse@example.org``. The model learns that there is one.
    """

    @records
    @privileged(asked=("nurse", "doctor", "human being"), free=("reason",))
    async def put_through(params: FunctionCallParams, reason: str):
        """Put the caller through to a colleague, who is told nothing before.

        Args:
            reason: Why the caller needs a person, in one sentence.
        """
        result = await params.app_resources.transfer.send(number, reason=reason)
        silent = FunctionCallResultProperties(run_llm=result != PUTTING_THROUGH)
        await params.result_callback(result, properties=silent)

    return put_through
