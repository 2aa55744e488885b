"""Legal intake: what has happened, the letter about it, and an hour with a lawyer.

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
POLICY = replace(EU, name="LEGAL", redact=True, interims=False, sealed=True, retention_days=90)

INSTRUCTION = """\
You take the first call for a law firm. Your answers are spoken aloud: no lists, two sentences at
most. Ask what has happened, when, and which deadline there is, read the letter they have handed
over before you speak about it, and offer an hour with a lawyer. You give no legal advice and say
nothing about the outcome. Call a person when the caller asks, or when a deadline is near."""

DAY = frozenset({"DATE"})
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
    hours = await served_by("appointments", needs={"find_free_hours": DAY, "book_hour": DAY})
    tools = [transfer_to_person, *records, *hours]
    # the house's

    context, redactor = LLMContext(tools=session.tools(*tools)), PHIRedactor(session)
    user, assistant = LLMContextAggregatorPair(
        context, user_params=session.user_params(), assistant_params=session.assistant_params()
    )
    ends = session.transport
    await session.run(
        Pipeline([ends.input(), ears, redactor, user, mind, mouth, ends.output(), assistant])
    )
