"""What a sound over the bot's voice was: the caller taking the turn, or anything else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sessions.turns.hearing import Loudness, Window

# The bot is silent within 0.2 s of the first sound and decides within 0.4 s from there. The voice
# is usually held after 0.1 s, which leaves this; the last window before it is the last to judge.
DECIDE_SECS = 0.5
WINDOW_SECS = 0.032

# Speech that has paused this long has ended, for a decision that cannot wait for Silero's stop.
QUIET_WINDOWS = 3

# Twice as far from the microphone as the caller, turned away from it, or on the radio.
FAR_DB = 6.0

# What sounds as near as the caller needs no second thought.
CLOSE_DB = 3.0

# So much voice has been heard before words are believed to be of this sound.
SPOKEN_WINDOWS = 3

# A sound whose energy lies below is hummed with a closed mouth: it holds no words.
HUM_HZ = 450.0

# The end of a word: its last 64 ms against its loudest. Within words speech dips by less.
FADING_DB = 20.0

# Or a voice that only grows fainter, and has lost this much: the breath at the end of a phrase.
FADING_WINDOWS, FADED_DB = 4, 10.0

_ACKNOWLEDGED = frozenset(
    {
        "ah", "aha", "all right", "alright", "absolutely", "cool", "course", "definitely",
        "exactly", "fair enough", "fine", "go ahead", "go on", "good", "got it", "gotcha", "great",
        "hm", "hmm", "huh", "i hear you", "i know", "i see", "i understand", "indeed",
        "interesting", "makes sense", "mhm", "mm", "mmm", "nice", "of course", "oh", "ok", "okay",
        "perfect", "really", "right", "sounds good", "sure", "that makes sense", "thats right",
        "true", "uh", "uhhuh", "um", "understood", "wow", "ya", "yea", "yeah", "yep", "yes", "yup",
    }
)  # fmt: skip
_LONGEST = max(len(phrase.split()) for phrase in _ACKNOWLEDGED)


class Verdict(Enum):
    """What to do with the voice that is held."""

    YIELD = "yield"
    RESUME = "resume"


@dataclass(frozen=True)
class Sound:
    """What is known of a sound over the bot's voice.

    Parameters:
        held_secs: How long the bot's voice has been held for it.
        windows: What the microphone held since it began.
        words: What was transcribed of it so far; empty where transcripts come late.
        caller: How the caller usually sounds; ``None`` if unknown.
    """

    held_secs: float
    windows: Sequence[Window]
    words: str = ""
    caller: Loudness | None = None

    @property
    def quiet(self) -> bool:
        """Whether nobody has spoken for :data:`QUIET_WINDOWS`."""
        tail = self.windows[-QUIET_WINDOWS:]
        return len(tail) == QUIET_WINDOWS and not any(w.voiced for w in tail)

    @property
    def ended(self) -> bool:
        """Whether it is over, or fading out."""
        if self.quiet:
            return True
        levels = [w.level_db for w in self.windows]
        peak = max(levels, default=0.0)
        if max(levels[-2:], default=-120.0) < peak - FADING_DB:
            return True
        tail = levels[-FADING_WINDOWS:]
        faded = len(tail) == FADING_WINDOWS and tail[-2] < peak - FADED_DB
        return faded and tail == sorted(tail, reverse=True)

    @property
    def voiced_windows(self) -> int:
        """In how many windows somebody speaks."""
        return sum(w.voiced for w in self.windows)

    @property
    def farther_db(self) -> float:
        """How much farther away than the caller it sounds; 0 as long as that is unknown."""
        loudness = Loudness.of(self.windows)
        return loudness.farther_db(self.caller) if loudness and self.caller else 0.0

    @property
    def near(self) -> bool:
        """Whether it may be the caller, speaking to the bot."""
        return self.voiced_windows >= SPOKEN_WINDOWS and self.farther_db < FAR_DB

    @property
    def hummed(self) -> bool:
        """Whether it was made with a closed mouth."""
        voiced = sorted(w.brightness_hz for w in self.windows if w.voiced)
        return len(voiced) >= 4 and voiced[len(voiced) * 3 // 4] < HUM_HZ


def is_backchannel(words: str) -> bool:
    """Whether words only say that the caller is listening, such as "mm-hmm" or "right".

    Args:
        words: A transcript. Nothing said is no backchannel.
    """
    heard, rest = parted(words)
    return bool(heard) and not rest


def takes_the_turn(words: str, *, final: bool = False) -> bool:
    """Whether words are more than a backchannel, and more than the beginning of one.

    Args:
        words: A transcript, such as "I", which may become "I see" or "I have a question".
        final: Whether no more words follow.
    """
    _, rest = parted(words)
    if not rest:
        return False
    return final or not any(phrase.split()[: len(rest)] == rest for phrase in _ACKNOWLEDGED)


def parted(words: str) -> tuple[list[str], list[str]]:
    """The backchannels that words begin with, and what follows them.

    Args:
        words: A transcript.
    """
    heard: list[str] = []
    rest = re.sub(r"[^\w\s]", " ", words.lower().replace("'", "")).split()
    while rest:
        for length in range(min(_LONGEST, len(rest)), 0, -1):
            if " ".join(rest[:length]) in _ACKNOWLEDGED:
                heard, rest = heard + rest[:length], rest[length:]
                break
        else:
            break
    return heard, rest


def judge(sound: Sound) -> Verdict | None:
    """Decide about a sound; ``None`` as long as it may still become either.

    Args:
        sound: What is known so far.
    """
    words = sound.words if sound.voiced_windows >= SPOKEN_WINDOWS else ""
    taken = takes_the_turn(words)
    if taken and sound.farther_db < CLOSE_DB:
        return Verdict.YIELD
    if is_backchannel(words) and sound.quiet:
        return Verdict.RESUME
    if sound.held_secs < DECIDE_SECS - WINDOW_SECS:
        return None
    if not sound.near:
        return Verdict.RESUME
    if taken:
        return Verdict.YIELD
    # Words that may still be a listener's are let pass: the next one overturns it.
    return Verdict.RESUME if words or sound.ended or sound.hummed else Verdict.YIELD
