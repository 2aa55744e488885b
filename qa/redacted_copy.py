"""An open copy of a sealed tape: surrogates in every text, identifiers bleeped in both voices."""

import json
from pathlib import Path
from typing import Any

from sessions.phi import PHIFirewall
from sessions.tape import Tape, TapeWriter
from sessions.tape.schemas import BOT_AUDIO, CALLER_AUDIO, CAMERA, EVENTS, SCREEN, WIRE

MARK = {"redacted": "open copy: surrogates for identifiers, voices bleeped, images withheld"}


def redacted_copy(tape: Tape, out: Path) -> Path:
    raise NotImplementedError
