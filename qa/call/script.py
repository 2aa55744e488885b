"""What the caller does: the lines of a rehearsal script, or one audio file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from qa.call.pictures import OFF, clip

RATE = 48_000
"""Samples per second of everything that the caller sends and receives (Opus)."""

VOICE = "en-us+m3"
LONGEST_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing the caller does, in this order: wait, show, upload, type, say (or play).

    Parameters:
        say: Words to speak.
        type: Words to type.
        audio: Audio file to play.
        upload: File to hand to the bot.
        wait: Seconds to wait first.
        barge_in: Begin this many seconds after the bot began to speak, instead of waiting for
            the end of its turn.
        hang_up: Hang up this many seconds after the line began, mid-word if need be.
        voice: Name of the speaking voice.
        camera: Clip that the camera shows from now on, see `qa.call.pictures`; "off" ends it.
        screen: Clip that is shared as the screen from now on; "off" ends it.
        unasked: Wait until the bot speaks of what is shown, though nobody asked.
        aside: It is said to others, and the bot is to be silent.
    """

    say: str = ""
    type: str = ""
    audio: str = ""
    upload: str = ""
    wait: float = 0.0
    barge_in: float | None = None
    hang_up: float | None = None
    voice: str = VOICE
    camera: str = ""
    screen: str = ""
    unasked: bool = False
    aside: bool = False

    def __post_init__(self):
        for shown in (self.camera, self.screen):
            if shown and shown != OFF:
                clip(shown)
        does = self.answerable or self.say or self.upload or self.wait or self.camera or self.screen
        if not does and self.hang_up is None:
            raise ValueError(f"A caller's line is empty. Give it {', '.join(KEYS)}.")
        for name in ("wait", "barge_in", "hang_up"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(
                    f"A caller's line has {name} {getattr(self, name)}; use 0 or more."
                )

    @property
    def answerable(self) -> str:
        """The words that the bot should answer, or the name of what holds or shows them."""
        if self.aside:
            return ""
        shown = (self.camera or self.screen) if self.unasked else ""
        return self.say or self.type or self.audio or shown

    @classmethod
    def of(cls, raw: Any) -> "Line":
        """Read a line from a script's mapping, or from any object with the same attributes."""
        if isinstance(raw, Line):
            return raw
        given = raw if isinstance(raw, Mapping) else vars(raw)
        given = {
            key: value
            for key, value in given.items()
            if value not in (None, "") and value is not False
        }
        if unknown := sorted(set(given) - set(KEYS)):
            raise ValueError(f"A caller's line cannot {unknown[0]!r}. Use {', '.join(KEYS)}.")
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """Return the line as plain data."""
        return asdict(self)


KEYS = [field.name for field in fields(Line)]


def lines_of(script: Any) -> list[Line]:
    """Read the caller's lines from a script: an object or a mapping with `lines`, or a list.

    Raises:
        ValueError: A line that cannot be performed, or none at all.
    """
    if isinstance(script, Mapping):
        script = script.get("lines") or ()
    lines = [Line.of(line) for line in getattr(script, "lines", script)]
    if not lines:
        raise ValueError("The script has no lines for the caller. Add some under `lines:`.")
    return lines


def read_audio(path: str | Path) -> np.ndarray:
    """Read any audio file that soundfile knows.

    Returns:
        int16 mono samples at 48 kHz.

    Raises:
        ValueError: The file cannot be read, is empty or is longer than ten minutes.
    """
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        why = "it does not exist" if not Path(path).exists() else str(error).rstrip(".")
        raise ValueError(
            f"Cannot play {path}: {why}. Give a WAV, FLAC, OGG or MP3 file, or --caller rehearsal."
        ) from None
    if not len(samples):
        raise ValueError(f"Cannot play {path}: it holds no audio.")
    if len(samples) > LONGEST_S * rate:
        raise ValueError(f"Cannot play {path}: it is longer than {LONGEST_S / 60:.0f} minutes.")
    mono = samples.mean(axis=1)
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE)
    return (np.clip(mono, -1, 1) * 32767).astype(np.int16)


def voiced(line: Line) -> np.ndarray:
    """Return what is heard of a line: int16 mono samples at 48 kHz, empty when it is typed."""
    if line.audio:
        return read_audio(line.audio)
    if not line.say:
        return np.zeros(0, np.int16)
    from services.rehearsal import mouth

    return np.frombuffer(mouth.speak(line.say, rate=RATE, voice=line.voice), np.int16)
