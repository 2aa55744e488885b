"""Retrieval: it looks things up in the catalog, the sensors and the tickets, for callers and agents.

The specialist behind ``router``: asked in writing over A2A (``python -m serving.agents``), and good
for a call of its own. It changes nothing.
"""

import asyncio

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments

from services import llm, stt, tts
from sessions import EU, Session
from tools.mcp_client import apart, served_by

POLICY = EU

INSTRUCTION = """\
You look things up for others, in the catalog, the sensors and the tickets. Answer in one or two
short sentences that can be spoken, from what the tools return alone, with its numbers and units.
If they return nothing, say so."""


async def bot(runner_args: RunnerArguments):
    """Answer one call."""
    session = await Session.open(runner_args, policy=POLICY)

    ears = stt(session, "deepgram/nova-3")
    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction=INSTRUCTION)
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")

    catalog, sensors, tickets = await asyncio.gather(
        served_by("catalog"), served_by("sensors"), served_by("tickets", only=["list_tickets"])
    )
    found = apart(catalog, sensors, tickets)
    context = LLMContext(tools=session.tools(*found))
    user, assistant = LLMContextAggregatorPair(
        context, user_params=session.user_params(), assistant_params=session.assistant_params()
    )

    ends = session.transport
    await session.run(Pipeline([ends.input(), ears, user, mind, mouth, ends.output(), assistant]))
