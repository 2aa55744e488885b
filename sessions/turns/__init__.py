"""House turn-taking: barge-in that can be taken back, and answers begun before the turn ends."""

from sessions.turns.barge_in import BargeInUserTurnStartStrategy
from sessions.turns.hearing import VAD, Hearing
from sessions.turns.house import house_turns
from sessions.turns.partials import Guesses, PartialsUserTurnStopStrategy
from sessions.turns.playback import Playback
from sessions.turns.prefetch import Prefetch
from sessions.turns.taking import TurnTaking
from sessions.turns.verdict import DECIDE_SECS, Sound, Verdict, is_backchannel, judge

__all__ = [
    "DECIDE_SECS",
    "VAD",
    "BargeInUserTurnStartStrategy",
    "Guesses",
    "Hearing",
    "PartialsUserTurnStopStrategy",
    "Playback",
    "Prefetch",
    "Sound",
    "TurnTaking",
    "Verdict",
    "house_turns",
    "is_backchannel",
    "judge",
]
