"""Consultation: a caller, their document and their record, under HIPAA.

The core is a cascade, because redaction needs a transcript between hearing and thinking:
the model reads surrogates, and only the caller and the tools that need them meet the originals.
"""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments

from processors.redaction import PHIRedactor
from services import llm, stt, tts
from sessions import HIPAA, Session
from sessions.distress import Distress
from tools.mcp_client import served_by
from tools.transfer import transfer_to_person

POLICY = HIPAA

INSTRUCTION = """\
You are the intake assistant of a clinic. Your answers are spoken aloud: no lists, no
markdown, two sentences at most. Find the caller's record by name and date of birth before
you speak about it, and read the uploaded document before you rely on it: both are the
truth, and what they do not say you do not know. You never diagnose. Call a person whenever
the caller asks for one, when a reading shows a sign of distress, or when you are in doubt."""

PATIENT = frozenset({"MRN"})
NEEDS = {
    "find_patient": frozenset({"NAME", "DATE"}),
    "find_allergies": PATIENT,
    "find_medications": PATIENT,
    "add_note": PATIENT,
}


async def bot(runner_args: RunnerArguments):
    """Answer one call."""
    session = await Session.open(runner_args, policy=POLICY)
    session.observers.append(Distress(session))  # flagged to a person, never diagnosed

    ears = stt(session, "deepgram/nova-3-medical")
    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction=INSTRUCTION)
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")

    documents = {"read_document": {"folder": str(session.documents)}}
    records = await served_by("records", needs=NEEDS, pinned=documents)
    context = LLMContext(tools=session.tools(transfer_to_person, *records))
    user, assistant = LLMContextAggregatorPair(
        context, user_params=session.user_params(), assistant_params=session.assistant_params()
    )

    pipeline = Pipeline(
        [
            session.transport.input(),
            ears,
            PHIRedactor(session),  # typed text: the model reads surrogates from here on
            user,
            mind,
            mouth,  # and the caller hears the originals from here on
            session.transport.output(),
            assistant,
        ]
    )
    await session.run(pipeline)
