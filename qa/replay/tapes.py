"""Finds tapes and the keys to them."""

import getpass
import sys
from collections.abc import Iterable
from pathlib import Path

from sessions.audit_log import audit_log
from sessions.tape import Tape, key_from_env, local_key, read_tape
from sessions.tape.writer import SEALED_SUFFIX, SUFFIX

LOCAL_KEY = "local.key"


def open_tape(path: str | Path) -> Tape:
    """Open a tape with the key of the environment, or the rehearsal's beside it.

    Raises:
        TapeError: It cannot be opened; the message says why.
    """
    path = Path(path)
    if log := audit_log():
        log.append("access", tape=path.name, by=getpass.getuser(), how=Path(sys.argv[0]).name)
    key = key_from_env()
    beside = path.parent / LOCAL_KEY
    if key is None and beside.exists():
        key = local_key(beside)
    return read_tape(path, key)


def find_tapes(places: Iterable[str | Path]) -> list[Path]:
    """The tapes named, and those in the folders named, in order.

    Raises:
        FileNotFoundError: A place does not exist, or a folder holds no tape.
    """
    found: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            inside = [*place.glob(f"*{SUFFIX}"), *place.glob(f"*{SEALED_SUFFIX}")]
            if not inside:
                raise FileNotFoundError(f"There is no tape in {place}.")
            found += sorted(inside)
        elif place.exists():
            found.append(place)
        else:
            raise FileNotFoundError(f"There is no tape {place}.")
    return found
