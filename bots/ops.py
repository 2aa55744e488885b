"""Ops: it watches a gate day and night, alerts people, and tells the operator who asks.

Vision first: nobody has to speak. What moves at the gate opens a turn by itself and goes out as an
alert with its picture (``VIVACE_ALERT_WEBHOOK`` or ``VIVACE_ALERT_EMAIL``, see ``tools/alerts.py``).
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

POLICY = EU
GATES = True  # until the operator speaks, the noise of the yard stays there

INSTRUCTION = """\
You watch the gate of a yard for an operator, who hears you over a loudspeaker: one or two short
sentences. Say what is at the gate, its colour and where it stands, from the newest picture alone;
if nothing is there, say so. Never guess who somebody is. The house has sent an alert for everything
that a note tells you; send a further one when the operator asks for it."""

GATE = ((0.6, 0.2), (1.0, 0.2), (1.0, 1.0), (0.6, 1.0))
WATCHES = [Motion(name="something has moved at the gate", zone=GATE, share=0.05, cooldown=60)]


async def bot(runner_args: RunnerArguments):
    """Stand one watch."""
    session = await Session.open(runner_args, policy=POLICY, sees={"camera": 15})

    ears = stt(session, "deepgram/nova-3")
    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction=INSTRUCTION)
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")

    alerts, eyes = Alerts(session), FrameSampler(session)
    trigger = EventTrigger(session, WATCHES, eyes=eyes)
    context = LLMContext(tools=session.tools(alerts.tool()))
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
