"""What the model is shown with one inference: pictures, screen text, readings of that moment."""

from collections.abc import Callable
from dataclasses import dataclass


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
    """

    id: str
    source: str
    at_ns: int
    text: str | None = None
    image: bytes | None = None
    trusted: bool = False


Provider = Callable[[int], list[Evidence]]
"""Given the time in ns on the session's clock: what belongs to that moment."""


class EvidenceDesk:
    """Where those who see, read and measure leave word of what they have."""

    def __init__(self):
        """Begin with nobody."""
        self._providers: list[Provider] = []

    def add(self, provider: Provider) -> None:
        """Ask this provider at every inference from now on."""
        self._providers.append(provider)

    def at(self, now_ns: int) -> list[Evidence]:
        """What belongs to this moment, in the order the providers were added."""
        return [piece for provider in self._providers for piece in provider(now_ns)]
