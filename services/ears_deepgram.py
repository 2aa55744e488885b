"""Deepgram's ears, which survive a refused handshake and a line that breaks mid-word."""

import asyncio
import random
from collections.abc import AsyncGenerator

from deepgram.core import ApiError
from deepgram.core.events import EventType
from deepgram.listen.v1.types import ListenV1Finalize, ListenV1Results
from pipecat.frames.frames import Frame, VADUserStartedSpeakingFrame
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.utils.errors import ErrorCategory

from services.addresses import Address, require_address
from services.backoff import Backoff
from services.kept_audio import KeptAudio

# Before speech is confirmed, its onset is already in the past (Silero: 0.1 to 0.35 s).
LEAD_SECS = 2.0
STABLE_SECS = 5.0


class DeepgramEars(DeepgramSTTService):
    """Speech to text by Deepgram's streaming API.

    Pipecat gives up for good on any 4xx at the handshake, a passing 429 included, and
    loses the utterance in progress when a connection drops. Here only 401 and 403 are
    final; anything else is tried again, and the audio that no final transcript covers is
    sent once more on the new connection.
    """

    def __init__(self, *, rng: random.Random, **kwargs):
        """Initialize the ears.

        Args:
            rng: Where the jitter of reconnections is drawn from.
            **kwargs: As ``DeepgramSTTService``.
        """
        super().__init__(**kwargs)
        self._backoff = Backoff(rng)
        self._kept: KeptAudio | None = None
        self._owes_words = False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Keep a chunk of audio, and send it if there is a line to send it on."""
        kept = self._keep()
        kept.add(audio)
        if not self._owes_words:
            kept.shorten(LEAD_SECS)
        if self._connection:
            await self._send_due(self._connection)
        yield None

    async def _send_due(self, connection) -> bool:
        try:
            while due := self._keep().due():
                await connection.send_media(due)
                self._keep().sent(len(due))
        except Exception as e:
            # The listening side sees the same break and reconnects.
            await self.push_error(f"Deepgram did not take audio: {type(e).__name__}")
            self._connection = None
            return False
        return True

    async def _handle_vad_user_started_speaking(self, frame: VADUserStartedSpeakingFrame):
        self._owes_words = True
        await super()._handle_vad_user_started_speaking(frame)

    async def _on_message(self, message):
        if isinstance(message, ListenV1Results):
            if message.is_final:
                self._keep().settle(message.start + message.duration)
                self._owes_words = self._user_speaking
            elif message.channel and any(a.transcript for a in message.channel.alternatives):
                self._owes_words = True
        await super()._on_message(message)

    async def _connection_handler(self):
        """Hold a connection open, and replace it whenever it breaks."""
        try:
            while True:
                lasted = 0.0
                try:
                    lasted = await self._hold_connection()
                except ApiError as e:
                    # Its text carries the request's headers, the key among them.
                    message = f"Deepgram refused the connection with status {e.status_code}"
                    if e.status_code in (401, 403):
                        await self.push_error(message, force_treat_as_permanent=True)
                        return
                    await self.push_error(message, category=ErrorCategory.RATE_LIMIT)
                except Exception as e:
                    message = f"Deepgram could not be reached: {type(e).__name__}"
                    await self.push_error(message, category=ErrorCategory.CONNECTIVITY)
                # Whoever set the service up need not wait for the attempts that follow:
                # what is said meanwhile is kept.
                self._connection_settled.set()
                if lasted > STABLE_SECS:
                    self._backoff.reset()
                if self._backoff.exhausted:
                    await self.push_error(
                        f"Deepgram stayed out of reach for {self._backoff.attempts} attempts",
                        force_treat_as_permanent=True,
                    )
                    return
                await asyncio.sleep(self._backoff.next_secs())
        finally:
            self._connection_settled.set()

    async def _hold_connection(self) -> float:
        """Run one connection to its end.

        Returns:
            How long it lasted, in seconds.
        """
        loop = asyncio.get_running_loop()
        keepalive = None
        try:
            async with self._client.listen.v1.connect(**self._build_connect_kwargs()) as connection:
                opened = loop.time()
                connection.on(EventType.MESSAGE, self._on_message)
                connection.on(EventType.ERROR, self._on_error)
                self._keep().rewind()
                if await self._send_due(connection):
                    self._connection = connection
                    if self._owes_words and not self._user_speaking:
                        self.request_finalize()
                        await connection.send_finalize(ListenV1Finalize(type="Finalize"))
                self._connection_settled.set()
                keepalive = self.create_task(self._keepalive_handler(), f"{self}::keepalive")
                await connection.start_listening()
                if self._connection is connection:
                    await self.push_error("Deepgram's connection ended; opening a new one")
                return loop.time() - opened
        finally:
            self._connection = None
            if keepalive:
                await self.cancel_task(keepalive)

    def _keep(self) -> KeptAudio:
        # The sample rate is known once the service is set up.
        if self._kept is None:
            self._kept = KeptAudio(self.sample_rate * self._channels * 2)
        return self._kept


def build(session, address: Address, model: str, **settings) -> DeepgramEars:
    """Cast Deepgram's streaming ears at an address.

    Raises:
        CastingError: When the SDK would connect anywhere else.
    """
    service = DeepgramEars(
        rng=session.random,
        api_key=address.key,
        base_url=address.ws,
        # What is said on a call that redacts does not train anyone's model.
        mip_opt_out=True if session.policy.redact else None,
        settings=DeepgramEars.Settings(model=model, **settings),
    )
    environment = service._client._client_wrapper.get_environment()
    require_address(address.ws, environment.production, vendor="deepgram")
    require_address(address.http, environment.base, vendor="deepgram")
    return service
