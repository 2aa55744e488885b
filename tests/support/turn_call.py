"""The rig at the far end of a real WebRTC call: served as a bot is, dialled as a page does.

Caller and bot share a process and its clock, so that what the ears are told and what the caller
hears can be compared to the millisecond. As the page does, the caller falls silent at a "duck".
"""

import asyncio
import fractions
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from aiortc.mediastreams import MediaStreamTrack
from av import AudioFrame
from pipecat.transports.base_transport import TransportParams

from qa.call.wire import Wire
from serving.app import create_app
from serving.cards import BotCard
from serving.server import listening
from sessions import OPEN
from sessions.doors import open_door
from tests.support.turn_rig import TICK, Air, Rig
from tests.support.turn_sounds import RATE

CARD = BotCard(name="rig", about="Says the same thing at length.")
HEARD_RATE = 48000


class Microphone(MediaStreamTrack):
    """Sends what is in the air, each 20 ms as they have passed."""

    kind = "audio"

    def __init__(self, air: Air):
        super().__init__()
        self._air = air
        self._began: float | None = None
        self._frames = 0

    async def recv(self) -> AudioFrame:
        """The next 20 ms."""
        self._began = self._began or time.monotonic()
        begin = self._began + self._frames * TICK / RATE
        await asyncio.sleep(max(0.0, begin + TICK / RATE - time.monotonic()))
        sound = (np.clip(self._air.listen(begin), -1, 1) * 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts, frame.time_base = self._frames * TICK, fractions.Fraction(1, RATE)
        self._frames += 1
        return frame


@asynccontextmanager
async def called(*, house: bool, **options):
    """Serve a rig, dial it, and hang up at the end; yields the :class:`Rig`.

    Args:
        house: House turn-taking, or Pipecat's defaults.
        **options: As :class:`Rig`.
    """
    air = Air(np.random.default_rng(options.get("seed", 0)))
    answering: asyncio.Future[Rig] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()
    ducked = False

    async def bot(runner_args):
        transport = await open_door(runner_args, sees={}, policy=OPEN)
        ends = transport.input(), transport.output()
        if not house:
            ends[1]._params.audio_out_10ms_chunks = TransportParams().audio_out_10ms_chunks
        async with Rig(house=house, air=air, ends=ends, **options) as rig:
            answering.set_result(rig)
            await over.wait()

    def hear(samples: np.ndarray) -> None:
        sound = samples[:: HEARD_RATE // RATE].astype(np.float32) / 32768
        air.heard.append((time.monotonic(), sound * (not ducked)))

    def notice(message: dict) -> None:
        nonlocal ducked
        data = message.get("data") or {}
        if message.get("type") == "server-message" and data.get("type") == "duck":
            ducked = data["on"]

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(
            bot=bot, catalogue=lambda: [CARD], uploads=Path(folder), loopback=True, candid=True
        )
        async with listening(app) as (url, _):
            wire = Wire(
                url,
                microphone=Microphone(air),
                on_step=lambda step: None,
                on_audio=hear,
                on_message=notice,
                on_closed=lambda reason: None,
            )
            try:
                await wire.dial({"bot": CARD.name})
                yield await answering
            finally:
                over.set()
                await wire.close()
