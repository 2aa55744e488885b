"""The way back: the caller hears the originals, and what the voice reports is told with surrogates."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from pipecat.frames.frames import Frame, TTSTextFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.tts_service import TextAggregationMode, TTSService

from sessions.phi import PHIFirewall
from sessions.phi.restore import open_surrogate
from sessions.phi.vault import SURROGATE


def guard_mouth(mouth: TTSService, *, phi: PHIFirewall) -> None:
    """Let the caller, and only the caller, hear the originals.

    Args:
        mouth: A text-to-speech service, in any aggregation mode.
        phi: The session's firewall.
    """
    guard = MouthGuard(phi)
    push = mouth.push_frame

    async def guarded(frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM):
        if isinstance(frame, TTSTextFrame):
            guard.report(frame)
        await push(frame, direction)

    mouth.push_frame = guarded  # type: ignore[method-assign]
    mouth._vivace_mouth = True  # type: ignore[attr-defined]
    mouth.add_text_transformer(guard.restore)
    if mouth._text_aggregation_mode == TextAggregationMode.TOKEN:
        mouth._text_aggregator = WholeSurrogates(mouth._text_aggregator)  # type: ignore


class MouthGuard:
    """Restores what is to be spoken, and takes back what a vendor reports of it, word by word."""

    def __init__(self, phi: PHIFirewall):
        """Guard the mouth of one session."""
        self._phi = phi
        self._spoken: dict[str, str] = {}
        self._last: str | None = None

    async def restore(self, text: str, _type: str) -> str:
        """Put the originals in place of surrogates, and remember their words."""
        for match in SURROGATE.finditer(text):
            for word in self._phi.restore(match.group()).split():
                self._spoken[_letters(word)] = match.group()
        return self._phi.restore(text)

    def report(self, frame: TTSTextFrame) -> None:
        """Let a word that was spoken be told as it was written: by its surrogate, or not at all.

        Pipecat tells what a word stands for in ``raw_text``, once a value is spoken to its end;
        for text of a ``TTSSpeakFrame`` it does not.
        """
        text = frame.raw_text
        if text is None:
            text = " ".join(self._as_written(frame.text))
            text = frame.text if text.split() == frame.text.split() else text
        frame.text = self._phi.scrub(text)

    def _as_written(self, text: str) -> Iterator[str]:
        """Words, with one surrogate for those of an original."""
        for word in text.split():
            surrogate = self._spoken.get(_letters(word))
            if surrogate is None or surrogate != self._last:
                yield surrogate or word
            self._last = surrogate


def _letters(word: str) -> str:
    return re.sub(r"[\W_]", "", word).lower()


class WholeSurrogates:
    """Stands before a mouth's aggregator: no token it hands on ends inside a surrogate.

    A model streams ``[``, ``NA``, ``ME_1``, ``]``, and a mouth that speaks token by token would
    restore none of them.
    """

    def __init__(self, aggregator: Any):
        """Stand before ``aggregator``, Pipecat's own."""
        self._aggregator = aggregator
        self._held = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._aggregator, name)

    async def aggregate(self, text: str) -> AsyncIterator[Any]:
        """Hand on what cannot become a surrogate any more."""
        text = self._held + text
        end = open_surrogate(text)
        text, self._held = text[:end], text[end:]
        if text:
            async for aggregation in self._aggregator.aggregate(text):
                yield aggregation

    async def flush(self) -> Any:
        """Hand on the rest."""
        text, self._held = self._held, ""
        parts = [part async for part in self._aggregator.aggregate(text)] if text else []
        if rest := await self._aggregator.flush():
            parts.append(rest)
        for part in parts[1:]:
            parts[0].text += part.text
        return parts[0] if parts else None

    async def handle_interruption(self) -> None:
        """Forget what will not be said."""
        self._held = ""
        await self._aggregator.handle_interruption()

    async def reset(self) -> None:
        """Forget everything."""
        self._held = ""
        await self._aggregator.reset()
