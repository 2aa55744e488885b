"""A bot on the phone, under a policy that redacts, with few words of its own."""

from dataclasses import replace

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair

from processors.redaction import PHIRedactor
from services import llm, stt, tts
from serving.cards import BotCard
from sessions import HIPAA, Session
from sessions.person import FIELD, person
from tools.transfer import put_through_to, transfer_to_person

CARD = BotCard(name="clinic", about="A phone line.")
POLICY = replace(HIPAA, disclosure="You speak with an AI.", baa=False)
NIGHT_DESK = "+15550009"


async def bot(runner_args):
    if FIELD in runner_args.body:
        return await person(runner_args)
    session = await Session.open(runner_args, policy=POLICY)
    ears = stt(session, "deepgram/nova-3-medical")
    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction="Help the caller.")
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")
    tools = session.tools(transfer_to_person, put_through_to(NIGHT_DESK))
    user, assistant = LLMContextAggregatorPair(
        LLMContext(tools=tools),
        user_params=session.user_params(),
        assistant_params=session.assistant_params(),
    )
    ends = session.transport.input(), session.transport.output()
    parts = [ends[0], ears, PHIRedactor(session), user, mind, mouth, ends[1], assistant]
    await session.run(Pipeline(parts))
