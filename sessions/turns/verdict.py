"""What a sound over the bot's voice was: the caller taking the turn, or anything else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sessions.turns.hearing import Window

# The decision is due this long after the voice was held.
DECIDE_SECS = 0.4

# Speech that has paused this long has ended, for a decision that cannot wait for Silero's stop.
QUIET_WINDOWS = 3

# Farther away, turned away, or on the radio: this much below the caller's own level.
FAR_DB = 9.0

# A sound whose energy lies below is hummed with a closed mouth: it holds no words.
HUM_HZ = 450.0

# The end of a word: its last 64 ms against its loudest.
FADING_DB = 14.0

_ACKNOWLEDGED = (
    "ah|aha|all right|alright|absolutely|cool|course|definitely|exactly|fair enough|fine|"
    "go ahead|go on|good|got it|gotcha|great|hm|hmm|huh|i hear you|i know|i see|i understand|"
    "indeed|interesting|makes sense|mhm|mm|mmm|nice|of course|oh|ok|okay|perfect|really|right|"
    "sounds good|sure|that makes sense|thats right|true|uh|uh huh|uhhuh|um|understood|wow|ya|"
    "yea|yeah|yep|yes|yup"
)
_BACKCHANNEL = re.compile(rf"(?:(?:{_ACKNOWLEDGED})(?:\s+|$))+")


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
        caller_db: The caller's usual level, dB of full scale; ``None`` if unknown.
    """

    held_secs: float
    windows: Sequence[Window]
    words: str = ""
    caller_db: float | None = None

    @property
    def ended(self) -> bool:
        """Whether it is over, or fading out."""
        tail = self.windows[-QUIET_WINDOWS:]
        if len(tail) == QUIET_WINDOWS and not any(w.voiced for w in tail):
            return True
        last = max((w.level_db for w in self.windows[-2:]), default=-120.0)
        return last < max((w.level_db for w in self.windows), default=0.0) - FADING_DB

    @property
    def near(self) -> bool:
        """Whether it is as loud as the caller, whose level may not be known yet."""
        if self.caller_db is None:
            return True
        levels = sorted(w.level_db for w in self.windows if w.voiced)
        return bool(levels) and levels[len(levels) * 3 // 4] > self.caller_db - FAR_DB

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
    plain = " ".join(re.sub(r"[^\w\s]", " ", words.replace("'", "").lower()).split())
    return bool(plain) and _BACKCHANNEL.fullmatch(plain) is not None


def judge(sound: Sound) -> Verdict | None:
    """Decide about a sound; ``None`` as long as it may still become either.

    Args:
        sound: What is known so far.
    """
    said_something = bool(sound.words.strip()) and not is_backchannel(sound.words)
    if said_something and sound.near:
        return Verdict.YIELD
    if sound.words and not said_something and sound.ended:
        return Verdict.RESUME
    if sound.held_secs < DECIDE_SECS:
        return None
    if sound.ended or sound.hummed or not sound.near:
        return Verdict.RESUME
    return Verdict.YIELD
