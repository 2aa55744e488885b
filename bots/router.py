"""Router: one voice in front of a fleet; it hands work to specialists over A2A and talks on.

The hot path stays in this one agent: nobody waits for a specialist. ``retrieval`` looks things up,
``ops`` looks at the newest picture of the caller's camera. Start them with ``python -m
serving.agents --port 9999``; ``VIVACE_AGENTS_URL`` says where, if elsewhere.
"""

import os

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments

from processors.frame_sampler import FrameSampler
from services import llm, stt, tts
from sessions import EU, Session
from tools.delegate import Peer, delegate
from tools.transfer import transfer_to_person

POLICY = EU

INSTRUCTION = """\
You are the one voice of an operations team. One or two short sentences, spoken. What others know
better, you hand to them in full sentences, say that you have asked, and go on with the caller; when
an answer comes, tell it in your own words. Never make up what you have not been told. Call a person
when the caller asks for one."""

AGENTS = (os.environ.get("VIVACE_AGENTS_URL") or "http://127.0.0.1:9999").rstrip("/")
PEERS = {
    "retrieval": Peer(
        url=f"{AGENTS}/retrieval", about="looks up stock, sensors and tickets.", reads=True
    ),
    "ops": Peer(url=f"{AGENTS}/ops", about="looks at the picture of the camera.", reads=True),
}


async def bot(runner_args: RunnerArguments):
    """Answer one call."""
    session = await Session.open(runner_args, policy=POLICY, sees={"camera": 5})

    ears = stt(session, "deepgram/nova-3")
    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction=INSTRUCTION)
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")

    eyes = FrameSampler(session)
    context = LLMContext(tools=session.tools(delegate(PEERS), transfer_to_person))
    user, assistant = LLMContextAggregatorPair(
        context, user_params=session.user_params(), assistant_params=session.assistant_params()
    )

    ends = session.transport
    await session.run(
        Pipeline([ends.input(), ears, eyes, user, mind, mouth, ends.output(), assistant])
    )
