"""What an event trigger watches for."""

from dataclasses import dataclass
from typing import Literal

from sessions.evidence import Evidence
from sessions.vision.detect import WHOLE, Box, Detector, Zone, people

Severity = Literal["info", "warning", "critical"]
ORDER = ("info", "warning", "critical")


@dataclass(frozen=True, kw_only=True, eq=False)
class Watch:
    """Something to watch for.

    Parameters:
        name: What has happened when it does, in words: ``"somebody is in the loading bay"``.
        severity: How bad it is. What is critical is told over the bot's own voice.
        cooldown: Seconds before it is told again.
    """

    name: str
    severity: Severity = "warning"
    cooldown: float = 30.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion(Watch):
    """Something new in a part of the picture.

    Parameters:
        zone: Where.
        share: How much of the zone it fills, 0 to 1; it is over at half of that.
        source: ``"camera"`` or ``"screen"``.
    """

    zone: Zone = WHOLE
    share: float = 0.02
    source: str = "camera"


@dataclass(frozen=True, kw_only=True, eq=False)
class Present(Watch):
    """Something that a detector finds.

    Parameters:
        detector: The plug, see :data:`sessions.vision.detect.Detector`.
        zone: Where it stands.
        at_least: How many.
        source: ``"camera"`` or ``"screen"``.
    """

    detector: Detector = people
    zone: Zone = WHOLE
    at_least: int = 1
    source: str = "camera"


@dataclass(frozen=True, kw_only=True, eq=False)
class Threshold(Watch):
    """A reading that leaves its bounds.

    Parameters:
        reading: Its name.
        above: More than this is news.
        below: Less than this is news.
        slack: It is over when the value has come back this far within the bound.
    """

    reading: str
    above: float | None = None
    below: float | None = None
    slack: float = 0.0


@dataclass(frozen=True)
class Happening:
    """Something that has happened.

    Parameters:
        watch: What was watched for.
        text: What the model is told.
        at_ns: When, on the session's clock.
        evidence: The picture that shows it.
        region: Where in the picture.
    """

    watch: Watch
    text: str
    at_ns: int
    evidence: Evidence | None = None
    region: Box | None = None
