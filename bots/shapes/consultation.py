"""NAME: takes a caller's request and reads the letter they hand over, under HIPAA.

Yours is this docstring and what stands between "yours" and "the house's".
"""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments

from processors.redaction import PHIRedactor
from services import llm, stt, tts
from sessions import HIPAA, Session
from tools.mcp_client import served_by
from tools.transfer import transfer_to_person

# yours: the rules, and the words
POLICY = HIPAA

INSTRUCTION = """\
You take requests at a front desk. Your answers are spoken aloud: no lists, two sentences at most.
Ask what the caller needs, and read the letter they have handed over before you speak about it. What
you do not know, you say. Call a person when the caller asks for one, or when you are in doubt."""
# the house's


async def bot(runner_args: RunnerArguments):
    """Answer one call."""
    session = await Session.open(runner_args, policy=POLICY)

    # yours: whom it casts, and what it can do
    ears = stt(session, "deepgram/nova-3")
    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction=INSTRUCTION)
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")

    letters = {"read_document": {"folder": str(session.documents)}}
    records = await served_by("records", only=["read_document"], pinned=letters)
    tools = [transfer_to_person, *records]
    # the house's

    context, redactor = LLMContext(tools=session.tools(*tools)), PHIRedactor(session)
    user, assistant = LLMContextAggregatorPair(
        context, user_params=session.user_params(), assistant_params=session.assistant_params()
    )
    ends = session.transport
    await session.run(
        Pipeline([ends.input(), ears, redactor, user, mind, mouth, ends.output(), assistant])
    )
