"""Cartesia's mouth, which finishes its sentences even when the line breaks in one."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.websocket_service import WebsocketService
from pipecat.utils.context.word_timestamp_tracker import WordTimestamp
from pipecat.utils.errors import ErrorCategory
from pipecat.utils.tracing.service_decorators import traced_tts
from websockets.protocol import State

from services.addresses import Address, require_address
from services.backoff import passing_refusal
from services.saying import Overheard, Saying
from services.spoken import SparedMouth

# A context that owes speech and has been silent this long is not going to say it.
# Cartesia's first audio comes within 0.2 s (p95); 3 s is what a caller may notice.
QUIET_SECS = 2.5
# A stall costs two: a new connection, and the sentence said again on it.
MOST_MENDS = 4


class CartesiaMouth(SparedMouth, CartesiaTTSService):
    """Text to speech by Cartesia.

    Pipecat loses the rest of a sentence, without an error, when the connection drops in
    it, and waits in vain when the stream stalls. Here the words whose audio never came
    are said again on a new connection, in their place. An interruption ends that as it
    ends any speech.
    """

    def __init__(self, *, rng: random.Random, **kwargs):
        """Initialize the mouth.

        Args:
            rng: Where the jitter of reconnections is drawn from.
            **kwargs: As ``CartesiaTTSService``.
        """
        super().__init__(
            stop_frame_timeout_s=QUIET_SECS,
            # Silence is repaired and reported; it never writes the session's voice off.
            max_consecutive_zero_audio_contexts=0,
            **kwargs,
        )
        self._rng = rng
        self._reconnect_backoff_min_wait = 0.5
        self._saying: dict[str, Saying] = {}
        self._line = asyncio.Lock()

    @traced_tts
    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Send text to be spoken; what cannot be sent now is said once the line is back."""
        saying = self._saying.setdefault(context_id, Saying())
        saying.asked += 1
        await self.start_tts_usage_metrics(text)
        if not self._line_is_open():
            saying.broken = True
            await self._reopen()
        async with self._line:
            if not saying.broken:
                error = await self._send(self._build_msg(text=text, context_id=context_id))
                saying.broken = error is not None
                if error:
                    yield ErrorFrame(error)
        yield None

    async def flush_audio(self, context_id: str | None = None):
        """Tell Cartesia that a context gets no more text."""
        if context_id is None:
            context_id = self.get_active_audio_context_id()
        if context_id in self._saying:
            saying = self._saying[context_id]
            saying.whole = True
            async with self._line:
                if not saying.broken:
                    await self._send(self._end_msg(context_id))

    async def _next_audio_context_item(self, context_id: str) -> Any:
        """The context's next item in playing order, or None once it has nothing more to say."""
        saying = self._saying.setdefault(context_id, Saying())
        while True:
            if word := saying.word_due():
                return word
            item: Any = _QUIET
            with suppress(TimeoutError):
                item = await self._audio_context_manager.get(context_id, timeout=QUIET_SECS)
            if item is _QUIET or item is _BROKEN:
                if not await self._mend(context_id, saying, item):
                    return None
            elif item is _SAID:
                saying.said += 1
            elif isinstance(item, WordTimestamp):
                saying.words.append(item)
            else:
                if isinstance(item, TTSAudioRawFrame):
                    saying.audio_secs += item.num_frames / item.sample_rate
                elif item is None or isinstance(item, TTSStoppedFrame):
                    await self._release_words(saying)
                return item

    async def _mend(self, context_id: str, saying: Saying, item: object) -> bool:
        """Say what is left of a context again, if there is anything.

        Returns:
            Whether the context may go on.
        """
        if not self._left_to_say(context_id, saying):
            saying.broken = False
            return item is _BROKEN and not saying.whole
        if self.spare and (item is _QUIET or saying.mends):
            texts = self._left_to_say(context_id, saying)
            self._forget_unsaid(context_id)
            await self.give_up(texts)
            return False
        if item is _QUIET and self._reconnect_in_progress:
            return True
        if saying.mends == MOST_MENDS:
            await self.push_error(
                "Cartesia did not finish a sentence, however often it was asked to",
                category=ErrorCategory.SERVER,
            )
            self._forget_unsaid(context_id)
            return False
        if item is _QUIET or not saying.mends:
            what = f"fell silent for {QUIET_SECS:g} s" if item is _QUIET else "was cut off"
            await self.push_error(
                f"Cartesia {what} in a sentence", category=ErrorCategory.CONNECTIVITY
            )
        saying.mends += 1
        if item is _QUIET:
            await self._reopen()
        else:
            await self._say_again(context_id, saying)
        return True

    async def _say_again(self, context_id: str, saying: Saying) -> None:
        async with self._line:
            texts = self._left_to_say(context_id, saying)
            saying.start_over()
            await self.reset_word_timestamps()
            for text in texts:
                saying.asked += 1
                await self._send(self._build_msg(text=text, context_id=context_id))
            if saying.whole:
                await self._send(self._end_msg(context_id))
            saying.broken = False

    async def _push_audio_context_item(self, context_id: str, item, playback):
        saying = self._saying.get(context_id)
        await super()._push_audio_context_item(context_id, item, playback)
        if saying and saying.restarted and isinstance(item, TTSAudioRawFrame):
            # The words of a repeated sentence are timed from its own first audio.
            saying.restarted = False
            await self.start_word_timestamps()

    async def _release_words(self, saying: Saying) -> None:
        while saying.words:
            word = saying.words.pop(0)
            await self._add_word_timestamps(
                [(word.word, word.timestamp)],
                word.context_id,
                includes_inter_frame_spaces=word.includes_inter_frame_spaces,
            )

    def _left_to_say(self, context_id: str, saying: Saying) -> list[str]:
        """The text of a context that was not spoken, sentence by sentence."""
        # A sentence that Cartesia finished is spoken, whatever words it reported of it.
        slots = self._unsaid(context_id)[-saying.owed :] if saying.owed else []
        texts = [slot.tracker.get_remaining_tts_text() for slot in slots]
        if slots and saying.newest and slots[0].tracker.get_accumulated_tts_text().strip():
            # The word that was being spoken as the line broke may have been cut in two.
            texts[0] = f"{saying.newest} {texts[0]}"
        return [text for text in texts if text.strip()]

    def _forget_unsaid(self, context_id: str) -> None:
        """Keep what was never heard out of the conversation's record."""
        for slot in self._unsaid(context_id):
            slot.complete = True

    def _unsaid(self, context_id: str) -> list:
        return [
            slot
            for slot in self._aggregated_frame_sequencer._slots
            if slot.context_id == context_id and slot.tracker and not slot.complete
        ]

    async def on_audio_context_interrupted(self, context_id: str):
        """Forget a context that the caller spoke over."""
        self._saying.pop(context_id, None)
        await super().on_audio_context_interrupted(context_id)

    async def on_audio_context_completed(self, context_id: str):
        """Forget a context that has been spoken, unless its turn goes on after a pause."""
        if context_id != self._turn_context_id:
            self._saying.pop(context_id, None)
        await super().on_audio_context_completed(context_id)

    def _get_websocket(self):
        return Overheard(super()._get_websocket(), self._overhear)

    async def _overhear(self, message: str) -> None:
        if '"flush_done"' in message:
            context_id = json.loads(message).get("context_id")
            if context_id and self.audio_context_available(context_id):
                await self._audio_context_manager.append(context_id, _SAID)

    def _line_is_open(self) -> bool:
        return self._websocket is not None and self._websocket.state is State.OPEN

    async def _send(self, message: str) -> str | None:
        """Send a message.

        Returns:
            What went wrong, if anything did.
        """
        try:
            await self._get_websocket().send(message)
        except Exception as e:
            return f"Cartesia did not take a message: {type(e).__name__}"

    def _end_msg(self, context_id: str) -> str:
        return self._build_msg(text="", continue_transcript=False, context_id=context_id)

    async def _reopen(self) -> None:
        """Replace the connection; the contexts on it notice by themselves."""
        if not self._receive_task or self._receive_task.done():
            self._receive_task = None
            await self._connect()
        elif self._websocket and self._line_is_open():
            self._websocket.transport.abort()

    async def _connect_websocket(self):
        was_open = self._line_is_open()
        await super()._connect_websocket()
        if self._line_is_open() and not was_open:
            # Contexts live in a connection: whatever these were saying, the new one knows not.
            for context_id in self.get_audio_contexts():
                self._saying.setdefault(context_id, Saying()).broken = True
                await self._audio_context_manager.append(context_id, _BROKEN)

    async def _reconnect_websocket(self, attempt_number: int) -> bool:
        # The base class would end the contexts of the old connection first, and part from it
        # politely, which takes 2 s when nobody is there.
        if self._websocket and self._line_is_open():
            self._websocket.transport.abort()
        await asyncio.sleep(self._rng.uniform(0, 0.1) * attempt_number)
        return await WebsocketService._reconnect_websocket(self, attempt_number)

    async def _report_error(self, error: ErrorFrame, force_treat_as_permanent: bool = False):
        # Only the vendor's own refusal is final: an outage ends, and the next text tries again.
        await super()._report_error(error)

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        return passing_refusal(exception) or super()._classify_error(exception)


_QUIET, _BROKEN, _SAID = object(), object(), object()


def build(session, address: Address, voice: str, **settings) -> CartesiaMouth:
    """Cast a Cartesia voice by its id."""
    url = f"{address.ws}/tts/websocket"
    service = CartesiaMouth(
        rng=session.random,
        api_key=address.key,
        url=url,
        settings=CartesiaMouth.Settings(voice=voice, **settings),
    )
    require_address(url, service._url, vendor="cartesia")
    return service
