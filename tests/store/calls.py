"""Sessions in this process, with a scripted model and a tone for a voice, for tests of the store."""

import asyncio
from contextlib import asynccontextmanager

from pipecat.frames.frames import (
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy

from services.rehearsal.latency import PROFILES
from sessions import OPEN, Session
from tests.support.loopback import Line
from tests.support.tone_voice import ToneVoice
from tests.support.turn_model import Model, Reply


class Call:
    """One running session and its caller."""

    def __init__(self, line, session, context, model, voice):
        self.line, self.session, self.context = line, session, context
        self.model, self.voice = model, voice
        self.task: asyncio.Task

    async def say(self, text: str) -> None:
        """Take a turn of the caller's."""
        worker = self.session.worker
        self.session.gate.heard(text)  # as from the ears, which this pipeline has none of
        await worker.queue_frame(VADUserStartedSpeakingFrame(start_secs=0.1))
        await asyncio.sleep(0.05)
        await worker.queue_frame(TranscriptionFrame(text, "", "", finalized=True))
        await asyncio.sleep(0.05)
        await worker.queue_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))

    def contains(self, text: str) -> bool:
        return text in str(self.context.messages)

    async def crash(self) -> None:
        """End as a killed process does: nothing more is written, and nobody is told."""
        keeper = self.session.keeper
        keeper._task.cancel()
        await asyncio.wait([keeper._task])
        self.task.cancel()
        await asyncio.wait([self.task], timeout=10)


@asynccontextmanager
async def calling(
    decide=lambda _: Reply("Yes of course."), *, body, policy=OPEN, tools=(), word_ms=10
):
    """A session whose disclosure has been heard."""
    line = Line(body={"bot": "clerk", **body})
    line.handle_sigint = False
    session = await Session.open(line, policy=policy)
    params = session.user_params()
    params.user_turn_strategies.stop = [SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0)]
    context = LLMContext(tools=session.tools(*tools))
    user, assistant = LLMContextAggregatorPair(
        context, user_params=params, assistant_params=session.assistant_params()
    )
    model, voice = Model(decide, profile=PROFILES["instant"]), ToneVoice(word_ms)
    session.adopt(model, stage="llm")
    session.adopt(voice, stage="tts")
    ends = session.transport
    pipeline = Pipeline([ends.input(), user, model, voice, ends.output(), assistant])
    call = Call(line, session, context, model, voice)
    call.task = asyncio.create_task(session.run(pipeline, greet=False))
    try:
        await line.connect()
        await line.until(lambda: session.opening.heard or call.task.done())
        yield call
        if not call.task.done():
            await line.hang_up()
            await asyncio.wait([call.task], timeout=10)
    finally:
        call.task.cancel()
        await asyncio.wait([call.task], timeout=10)
