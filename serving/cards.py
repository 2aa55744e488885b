"""What a caller may know about a bot before calling it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import HTTPException


@dataclass(frozen=True, kw_only=True)
class BotCard:
    """One bot on the list at ``/bots``, and on the page where a caller chooses.

    Parameters:
        name: What ``body["bot"]`` calls it.
        about: First docstring line of the bot file.
        policy: Name of the policy it runs under.
        disclosure: The words that tell the caller they talk to an AI.
        consent: What the caller is asked to agree to, such as ``"recording"``.
        sees: Frames per second it looks at, by video source (``camera``, ``screenVideo``).
        records: Whether it leaves a tape, consent given.
        retention_days: Days the tape is kept; ``None`` when the policy sets no limit.
        redacts: Whether identifying details are taken out before the model reads them.
        gates: Whether the page may hold back what is no voice: noise then costs nothing
            upstream, and a voice comes 30 ms later.
        gathers: Whether several people can be in one call, over a link that one gives the others.
        rehearsed: Vendors played by the rehearsal instead of called.
    """

    name: str
    about: str
    policy: str = "open"
    disclosure: str = "You are talking to an AI, not to a person."
    consent: tuple[str, ...] = ()
    sees: Mapping[str, float] = field(default_factory=dict)
    records: bool = False
    retention_days: int | None = None
    redacts: bool = False
    gates: bool = False
    gathers: bool = False
    rehearsed: tuple[str, ...] = ()


Catalogue = Callable[[], list[BotCard]]


def choose(catalogue: Catalogue, wanted: str | None) -> str | None:
    """The bot a caller gets: the one named, or the only one there is.

    Raises:
        HTTPException: 404 when no bot has that name, 400 when none was named and there are several.
    """
    names = [card.name for card in catalogue()]
    if wanted in names:
        return wanted
    if wanted:
        raise HTTPException(404, f"There is no bot {wanted!r}. Call one of: {', '.join(names)}.")
    if len(names) == 1:
        return names[0]
    raise HTTPException(400, f'Name a bot in body["bot"]: one of {", ".join(names)}.')
