"""What the model is shown with one inference: pictures, screen text, readings of that moment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

FRESHEN_SECS = 0.3
"""How long an inference waits for a fresh picture: two frames at 15 a second, and its encoding."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing the model sees with one inference; it never becomes part of the context.

    Parameters:
        id: Unique in the session, such as ``"camera-17"``.
        source: Where it came from, in words: ``"camera"``, ``"screen"``, ``"screen text"``.
        at_ns: When it reached the process, on the session's clock.
        text: What it says.
        image: A picture, as JPEG.
        trusted: Whether it is ground truth from an authorised sender. Anything else is data:
            marked with its source, and no instruction in it opens a privileged tool.
        cleared: Whether its picture went through image privacy. One that did not is not shown
            where the policy redacts; text is redacted as it is shown, whatever this says.
        max_age: Seconds after which it is no longer shown. ``None``: 3 s for a picture, and no
            limit for a text, which its provider keeps true.
    """

    id: str
    source: str
    at_ns: int
    text: str | None = None
    image: bytes | None = None
    trusted: bool = False
    cleared: bool = False
    max_age: float | None = None


Provider = Callable[[int], list[Evidence]]
"""Given the time in ns on the session's clock: what belongs to that moment."""

Freshen = Callable[[int], Awaitable[None]]
"""Given the time: returns once the provider's evidence is as fresh as it can soon be."""


class EvidenceDesk:
    """Where those who see, read and measure leave word of what they have."""

    def __init__(self):
        """Begin with nobody."""
        self._providers: list[Provider] = []
        self._fresheners: list[Freshen] = []
        self.watchers: list[Callable[[Evidence], None]] = []

    def add(self, provider: Provider, *, freshen: Freshen | None = None) -> None:
        """Ask this provider at every inference from now on.

        Args:
            provider: What belongs to a moment.
            freshen: Awaited before it is asked, for at most ``FRESHEN_SECS``.
        """
        self._providers.append(provider)
        if freshen:
            self._fresheners.append(freshen)

    async def freshen(self, now_ns: int) -> None:
        """Give those who can a short while to look again."""
        if self._fresheners:
            looks = [asyncio.ensure_future(freshen(now_ns)) for freshen in self._fresheners]
            _, late = await asyncio.wait(looks, timeout=FRESHEN_SECS)
            for look in late:
                look.cancel()

    def at(self, now_ns: int) -> list[Evidence]:
        """What belongs to this moment, in the order the providers were added."""
        return [piece for provider in self._providers for piece in provider(now_ns)]

    def shown(self, piece: Evidence) -> None:
        """A model is being shown this; those who watch what models see are told."""
        for watcher in self.watchers:
            watcher(piece)
