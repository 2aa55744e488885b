"""Deepgram Flux, which hears turns and not just words, on a line that may break mid-turn."""

import asyncio
import random
from collections.abc import AsyncGenerator
from typing import Any

from pipecat.frames.frames import ErrorFrame, Frame
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.utils.errors import ErrorCategory
from pipecat.utils.network import QuickFailureTracker

from services.addresses import Address, require_address
from services.backoff import Backoff, passing_refusal
from services.kept_audio import KeptAudio

LEAD_SECS = 2.0


class FluxEars(DeepgramFluxSTTService):
    """Speech to text and turn taking by Deepgram Flux.

    Pipecat drops the audio that arrives while the connection is down and ends the
    caller's turn in the middle. Here the turn stays open, its audio is sent again on the
    new connection, and only 401 and 403 end the session's hearing for good.
    """

    def __init__(self, *, rng: random.Random, **kwargs):
        """Initialize the ears.

        Args:
            rng: Where the jitter of reconnections is drawn from.
            **kwargs: As ``DeepgramFluxSTTService``.
        """
        super().__init__(**kwargs)
        self._backoff = Backoff(rng)
        self._kept: KeptAudio | None = None
        self._in_turn = False
        # Waiting is the Backoff's, not the base class's.
        self._reconnect_backoff_min_wait = self._reconnect_backoff_max_wait = 0
        self._quick_failure_tracker = QuickFailureTracker(max_consecutive_failures=8)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Keep a chunk of audio, and send all that is due if there is a line to send it on."""
        kept = self._keep()
        kept.add(audio)
        if not self._in_turn:
            kept.shorten(LEAD_SECS)
        due = kept.due()
        async for frame in super().run_stt(due):
            yield frame
        if self._transport_is_active():
            kept.sent(len(due))

    async def _handle_turn_info(self, data: dict[str, Any]):
        event = data.get("event")
        if event == "EndOfTurn":
            self._keep().settle(float(data.get("audio_window_end", 0)))
        resumed = self._in_turn and event == "StartOfTurn"
        self._in_turn = event not in ("EndOfTurn", None)
        if resumed:
            # The turn that a broken line cut short goes on: nobody is interrupted twice.
            self._user_is_speaking = True
        else:
            await super()._handle_turn_info(data)

    async def _end_turn_cut_short(self):
        if not self.is_usable:
            await super()._end_turn_cut_short()
        elif self._in_turn:
            await self.push_error("Deepgram Flux's connection ended in a turn; the turn goes on")

    async def _connect_websocket(self):
        await super()._connect_websocket()
        if self._transport_is_active():
            self._keep().rewind()

    async def _try_reconnect(self, max_retries: int = 3, report_error=None) -> bool:
        self._backoff.reset()
        if await super()._try_reconnect(max_retries=1, report_error=None):
            return True
        while self.is_usable and not self._backoff.exhausted:
            await asyncio.sleep(self._backoff.next_secs())
            if await super()._try_reconnect(max_retries=1, report_error=None):
                return True
        gone = f"Deepgram Flux stayed out of reach for {self._backoff.attempts} attempts"
        await self._report_error(ErrorFrame(gone), force_treat_as_permanent=True)
        return False

    async def _report_error(self, error, force_treat_as_permanent: bool = False):
        await super()._report_error(error, force_treat_as_permanent)
        if not self.is_usable:
            # Nothing will hear the rest of this turn.
            self._user_is_speaking, self._in_turn = self._in_turn, False
            await self._end_turn_cut_short()

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        return passing_refusal(exception) or super()._classify_error(exception)

    def _keep(self) -> KeptAudio:
        # The sample rate is known once the service is set up.
        if self._kept is None:
            self._kept = KeptAudio(self.sample_rate * 2)
        return self._kept


def build(session, address: Address, model: str, *, eager: bool = False, **settings) -> FluxEars:
    """Cast Flux at an address.

    Args:
        session: The session that will be heard.
        address: Where Flux is.
        model: Such as ``flux-general-en``.
        eager: Whether a predicted end of turn is answered ahead of the real one.
        **settings: Fields of ``FluxEars.Settings``.
    """
    url = f"{address.ws}/v2/listen"
    service = FluxEars(
        rng=session.random,
        api_key=address.key,
        url=url,
        mip_opt_out=True if session.policy.redact else None,
        enable_eager_end_of_turn=eager,
        settings=FluxEars.Settings(model=model, **settings),
    )
    require_address(url, service._url, vendor="deepgram")
    return service
