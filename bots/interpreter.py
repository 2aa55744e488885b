"""Interpreter: says in the other language what each participant says, while the call goes on.

Everybody in a Daily or LiveKit room has ears of their own; in one browser two people take turns,
and the ears notice who speaks which language.
"""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.runner.types import RunnerArguments

from processors.interpreting import INSTRUCTION, Interpreter, Tongue
from processors.meeting.tracks import ENDPOINTING_MS, Tracks
from services import llm, stt, tts
from sessions import EU, Session

POLICY = EU

TONGUES = {
    "en": Tongue("English", "71a7ad14-091c-4e8e-a314-022ece01c121"),
    "de": Tongue("German", "b9de4a89-2257-424b-94c2-db18ba68c81a"),
}

GLOSSARY = {
    "heart failure": "Herzinsuffizienz",
    "power of attorney": "Vorsorgevollmacht",
    "invoice": "Rechnung",
}


async def bot(runner_args: RunnerArguments):
    """Interpret one conversation."""
    session = await Session.open(runner_args, policy=POLICY, tracks=True)

    def ears():
        return stt(session, "deepgram/nova-3", language="multi", endpointing=ENDPOINTING_MS)

    tracks = Tracks(session, ears)
    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction=INSTRUCTION)
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")

    mode = "simultaneous" if session.body.get("mode") == "simultaneous" else "consecutive"
    interpreter = Interpreter(session, TONGUES, glossary=GLOSSARY, mode=mode)

    pipeline = Pipeline(
        [
            session.transport.input(),
            tracks,
            interpreter,
            mind,
            interpreter.terms,  # a translation goes on when it is whole and its terms are kept
            mouth,
            interpreter.heard,  # takes the time of each segment
            session.transport.output(),
        ]
    )
    await session.run(pipeline, greet=False)
