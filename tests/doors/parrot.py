"""The smallest bot: a tone in is a tone out."""

import numpy as np
from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.workers.runner import WorkerRunner

from serving.cards import BotCard
from sessions.doors import end_on_join_failure, is_empty, open_door
from sessions.policy import OPEN
from tests.doubles.heard import LOUD, tone

CARD = BotCard(name="parrot", about="Answers a tone with a tone.")
RATE = 24000
ANSWER_SECS = 0.3


class Parrot(FrameProcessor):
    """Answers when a tone of at least 100 ms has been quiet for 100 ms."""

    def __init__(self):
        super().__init__()
        self._loud = self._quiet = 0.0

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if not isinstance(frame, InputAudioRawFrame):
            return
        secs = frame.num_frames / frame.sample_rate
        if np.abs(np.frombuffer(frame.audio, np.int16).astype(int)).max(initial=0) > LOUD:
            self._loud, self._quiet = self._loud + secs, 0.0
        elif self._loud >= 0.1:
            self._quiet += secs
        if self._quiet >= 0.1:
            self._loud = self._quiet = 0.0
            await self.push_frame(OutputAudioRawFrame(tone(ANSWER_SECS, rate=RATE), RATE, 1))


async def bot(runner_args):
    transport = await open_door(runner_args, sees={}, policy=OPEN)
    worker = PipelineWorker(Pipeline([transport.input(), Parrot(), transport.output()]))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    end_on_join_failure(transport, runner.cancel, within=1.0)

    @transport.event_handler("on_client_disconnected")
    async def goodbye(transport, client):
        if is_empty(transport):
            await runner.cancel()

    await runner.run()
