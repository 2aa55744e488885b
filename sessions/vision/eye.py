"""One source of pictures: the camera or the screen of one participant."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sessions.evidence import Evidence
from sessions.vision.pace import Pace
from sessions.vision.stamps import Stamps

if TYPE_CHECKING:
    from sessions.vision.privacy import PictureMemory

SCREEN_VIDEO = "screenVideo"


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture that was taken.

    Parameters:
        evidence: The picture as models are shown it.
        size: Its width and height.
        why: ``"first"``, ``"asked"``, ``"change"``, ``"moving"``, ``"talking"`` or ``"still"``.
        gray: Its likeness for whoever watches for events, about 320 pixels wide, uint8. The same
            in a replay, to the byte.
        memory: What image privacy read in it, in clear; None where it did not read.
        raw: The frame it was made of, RGB, and its width and height; None where it was taken from
            a tape, or identifiers are hidden in it.
        participant: Whose it is, as the door knows them; empty where it knows of one only.
    """

    evidence: Evidence
    size: tuple[int, int]
    why: str
    gray: np.ndarray
    memory: "PictureMemory | None" = None
    raw: tuple[bytes, tuple[int, int]] | None = None
    participant: str = ""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A frame on its way to become a picture.

    Parameters:
        image: Raw RGB, or the JPEG of a tape.
        size: Width and height.
        at_ns: When it came.
        why: See :class:`Sample`.
        id: Of the picture it already is on a tape.
        cleared: Whether that picture went through image privacy.
        mended_ns: Of the source's :class:`Stamps` when it was stamped.
    """

    image: bytes
    size: tuple[int, int]
    at_ns: int
    why: str
    id: str = ""
    cleared: bool = False
    mended_ns: int = 0


@dataclass(eq=False)
class Eye:
    """What is known of one source.

    Parameters:
        name: ``"camera"``, ``"screen"``; of a second participant ``"camera 2"``.
        user_id: The participant.
        source: As the transport names it.
        pace: When it looks.
        stamps: How late its frames are.
        newest: Its last picture.
        mended_ns: Of the stamps, when it was taken.
        size: Of its last frame.
        memory: What image privacy needs for the next picture of that size.
        silent: Nothing came when it was last waited for.
        exposed: The frame to be developed next; a newer one takes its place.
        developing: Whether one is being developed.
        waiting: Who waits for the next picture.
        rate: Frames a second asked of the transport, and since when.
    """

    name: str
    user_id: str
    source: str
    pace: Pace
    stamps: Stamps = field(default_factory=Stamps)
    newest: Sample | None = None
    size: tuple[int, int] = (0, 0)
    memory: "PictureMemory | None" = None
    silent: bool = False
    exposed: Exposure | None = None
    developing: bool = False
    waiting: list[asyncio.Future] = field(default_factory=list)
    rate: tuple[int, int] = (0, 0)

    def age_ns(self, now_ns: int) -> int:
        """How old the last picture is."""
        return now_ns - self.newest.evidence.at_ns if self.newest else 10**18

    def took(self, sample: Sample) -> None:
        """A picture is there."""
        self.newest, self.silent = sample, False
        self.mended_ns = self.stamps.mended_ns
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(sample)

    async def next(self) -> Sample:
        """Ask for a picture of now, and wait for it."""
        self.pace.asked = True
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        return await future
