"""Let nothing but redacted transcripts leave the ears."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TranslationFrame,
    UserBackchannelFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from sessions.ledger import Ledger, nowhere
from sessions.phi import PHIFirewall
from sessions.policy import Policy
from sessions.turns.gist import gist

# The end of a segment that may be the beginning of an identifier waits for the next segment,
# but never longer than this: the pause between two halves of a spoken number.
HOLD_SECS = 0.6

EARLY_REDACTED = (
    InterimTranscriptionFrame,
    EagerTranscriptionFrame,
    TranslationFrame,
    UserBackchannelFrame,
)


def redacted(frame, text: str):
    """The same transcript with other words; the vendor's raw result does not ride along."""
    changes: dict = {"text": text}
    if hasattr(frame, "result"):
        changes["result"] = None
    new = replace(frame, **changes)
    new.pts, new.metadata = frame.pts, frame.metadata
    new.transport_source = frame.transport_source
    return new


class EarsGuard:
    """Stands on the ears' own push: observers, tracing and clients see a frame there first.

    Final transcripts pass up to their open tail; the tail waits for the next segment, for the
    end of the caller's speech, or for :data:`HOLD_SECS`. What is told before the words are final,
    or in another language than the engine reads, passes where the policy allows interims only;
    elsewhere turn-taking learns the gist of interims, which can name nobody.
    """

    def __init__(
        self,
        ears: FrameProcessor,
        *,
        phi: PHIFirewall | None,
        policy: Policy,
        ledger: Ledger | None = None,
        heard: Callable[[Frame], None] | None = None,
    ):
        """Put the guard in place.

        Args:
            ears: Any service that pushes transcripts.
            phi: The session's firewall; ``None`` where the policy does not redact.
            policy: Says whether interim transcripts may leave the ears at all.
            ledger: Told what was redacted.
            heard: Shown what the ears return, as they return it, to take figures from.
        """
        self._ears = ears
        self._heard = heard
        self._phi = phi
        self._policy = policy
        self._ledger = ledger or nowhere()
        self._push = ears.push_frame
        self._speaking = False
        self._timer: asyncio.Task | None = None
        ears.push_frame = self._guarded  # type: ignore[method-assign]
        ears._vivace_ears = True  # type: ignore[attr-defined]
        ears.add_event_handler("on_before_process_frame", self._listen)

    def _listen(self, _ears, frame: Frame):
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._speaking = True
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._speaking = False

    async def _guarded(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM):
        if isinstance(frame, InputAudioRawFrame):  # 50 of 51
            await self._push(frame, direction)
            return
        if self._heard:
            self._heard(frame)
        early = EARLY_REDACTED if self._phi else InterimTranscriptionFrame
        if isinstance(frame, early) and not self._policy.interims:
            known = gist(frame.text) if isinstance(frame, InterimTranscriptionFrame) else None
            if known:
                await self._push(known, direction)
            return
        if self._phi and isinstance(frame, TranscriptionFrame):
            await self._final(self._phi, frame, direction)
            return
        if self._phi and isinstance(frame, EARLY_REDACTED):
            frame = redacted(frame, self._phi.scrub(self._phi.redact(frame.text).text))
        await self._push(frame, direction)

    async def _final(self, phi: PHIFirewall, frame: TranscriptionFrame, direction: FrameDirection):
        if self._timer:
            await self._ears.cancel_task(self._timer)
            self._timer = None
        text = phi.feed(frame.text)
        if frame.finalized or not self._speaking:
            text = f"{text} {phi.flush()}".strip()
        else:
            self._timer = self._ears.create_task(self._release(phi, frame, direction))
        text = phi.scrub(text)
        self._ledger.redacted("speech", frame.text, text)
        if text or not frame.text.strip():
            await self._push(redacted(frame, text), direction)

    async def _release(
        self, phi: PHIFirewall, frame: TranscriptionFrame, direction: FrameDirection
    ):
        await asyncio.sleep(HOLD_SECS)
        self._timer = None
        if text := phi.flush():
            text = phi.scrub(text)
            self._ledger.redacted("speech", "", text)
            await self._push(redacted(frame, text), direction)
