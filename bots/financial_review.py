"""Financial review: goes through the statement that a client has handed over, and advises nothing.

The consultation with another instruction, other tools and a policy of its own.
"""

from dataclasses import replace

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments

from processors.redaction import PHIRedactor
from services import llm, stt, tts
from sessions import EU, Session
from tools.mcp_client import served_by
from tools.transfer import transfer_to_person

# yours: the rules, and the words
POLICY = replace(
    EU,
    name="FINANCE",
    redact=True,
    interims=False,
    sealed=True,
    withdrawal_deletes=False,
    retention_days=5 * 365,  # MiFID II, Article 16(7): calls are kept for five years
)

INSTRUCTION = """\
You go through a statement with a client. Your answers are spoken aloud: no lists, two sentences at
most. Read the statement they have handed over before you name a figure, and name it as it stands
there, with its currency. You recommend nothing, foresee nothing and compute no tax. Call a person
when the client asks for one, wants advice, or doubts an entry."""
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
