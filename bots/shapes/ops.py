"""NAME: watches a camera, sends an alert when something moves, and tells who asks.

Yours is this docstring and what stands between "yours" and "the house's".
"""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments

from processors.event_trigger import EventTrigger
from processors.frame_sampler import FrameSampler
from processors.watches import Happening, Motion
from services import llm, stt, tts
from sessions import EU, Session
from tools.alerts import Alerts

# yours: the rules, the words, and what is watched
POLICY = EU

INSTRUCTION = """\
You watch a yard for an operator, who hears you over a loudspeaker: one or two short sentences. Say
what is there from the newest picture alone; if nothing is there, say so. Never guess who somebody
is. An alert has gone out for everything that a note tells you; send one more when you are asked."""

WATCHES = [Motion(name="something has moved in the yard", share=0.05, cooldown=60)]
# the house's


async def bot(runner_args: RunnerArguments):
    """Stand one watch."""
    session = await Session.open(runner_args, policy=POLICY, sees={"camera": 15})

    # yours: whom it casts, and what it can do
    ears = stt(session, "deepgram/nova-3")
    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction=INSTRUCTION)
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")
    alerts = Alerts(session)
    tools = [alerts.tool()]
    # the house's

    context, eyes = LLMContext(tools=session.tools(*tools)), FrameSampler(session)
    trigger = EventTrigger(session, WATCHES, eyes=eyes)
    user, assistant = LLMContextAggregatorPair(
        context, user_params=session.user_params(), assistant_params=session.assistant_params()
    )

    @trigger.event_handler("on_event")
    async def on_event(_trigger, happening: Happening):
        watch = happening.watch
        await alerts.send(watch.name, severity=watch.severity, evidence=happening.evidence)

    ends = session.transport
    await session.run(
        Pipeline([ends.input(), ears, eyes, trigger, user, mind, mouth, ends.output(), assistant])
    )
