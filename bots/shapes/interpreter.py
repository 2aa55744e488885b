"""NAME: says in the other language what each participant says, while the call goes on.

Yours is this docstring and what stands between "yours" and "the house's".
"""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.runner.types import RunnerArguments

from processors.interpreting import INSTRUCTION, Interpreter, Tongue
from processors.meeting.tracks import ENDPOINTING_MS, Tracks
from services import llm, stt, tts
from sessions import EU, Session

# yours: the rules, the languages with their voices, and the terms that must be right
POLICY = EU

TONGUES = {
    "en": Tongue("English", "71a7ad14-091c-4e8e-a314-022ece01c121"),
    "de": Tongue("German", "b9de4a89-2257-424b-94c2-db18ba68c81a"),
}

GLOSSARY = {"invoice": "Rechnung"}
# the house's


async def bot(runner_args: RunnerArguments):
    """Interpret one conversation."""
    session = await Session.open(runner_args, policy=POLICY, tracks=True)

    # yours: whom it casts
    def ears():
        return stt(session, "deepgram/nova-3", language="multi", endpointing=ENDPOINTING_MS)

    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction=INSTRUCTION)
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")
    # the house's

    tracks, one = Tracks(session, ears), Interpreter(session, TONGUES, glossary=GLOSSARY)
    ends = session.transport
    await session.run(
        Pipeline([ends.input(), tracks, one, mind, one.terms, mouth, one.heard, ends.output()]),
        greet=False,
    )
