"""Ends of a tape's life: its retention is over, or somebody asked for deletion."""

import re
import time
from pathlib import Path

from loguru import logger

from sessions.tape.writer import MEMO_SUFFIX, SEALED_SUFFIX, SUFFIX, tape_path


def delete(directory: str | Path, session_id: str) -> list[Path]:
    """Delete the tapes of a session, sealed or open, and what replays kept beside it.

    Args:
        directory: Where tapes lie.
        session_id: Whose.

    Returns:
        The files deleted; empty when there were none.
    """
    name = tape_path(directory, session_id, sealed=False).name.removesuffix(SUFFIX)
    ends = "|".join(map(re.escape, (SUFFIX, SEALED_SUFFIX)))
    # A session that was resumed has a tape for each part.
    theirs = re.compile(rf"{re.escape(name)}(\.\d+)?({ends})({re.escape(MEMO_SUFFIX)})?")
    gone = sorted(path for path in Path(directory).glob("*") if theirs.fullmatch(path.name))
    for path in gone:
        path.unlink()
        logger.info(f"Deleted tape {path.name}")
    return gone


def expire(
    directory: str | Path, days: float, *, sealed: bool | None = None, now: float | None = None
) -> list[Path]:
    """Delete tapes older than their retention; needs no key, sealed tapes included.

    Args:
        directory: Where tapes of one policy lie.
        days: How long they may be kept, counted from the last write.
        sealed: Only sealed tapes, or only open ones; both when None.
        now: Wall seconds; the present when None.

    Returns:
        The files deleted.
    """
    limit = (time.time() if now is None else now) - days * 86_400
    suffixes = {True: [SEALED_SUFFIX], False: [SUFFIX], None: [SUFFIX, SEALED_SUFFIX]}[sealed]
    tapes = [path for suffix in suffixes for path in Path(directory).glob(f"*{suffix}")]
    gone = [path for path in sorted(tapes) if path.stat().st_mtime < limit]
    for path in gone:
        path.unlink()
        logger.info(f"Tape {path.name} is past its {days:g} days: deleted")
    return gone
