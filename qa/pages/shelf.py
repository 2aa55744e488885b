"""The tapes of a folder, as the QA page shows them."""

from pathlib import Path
from typing import Any

from qa.diff.page import images_of, sound_of, turn_as_json
from qa.diff.turns import call_of
from qa.replay.tapes import open_tape
from sessions.tape import Tape, TapeError
from sessions.tape.schemas import EVENTS
from sessions.tape.writer import SEALED_SUFFIX, SUFFIX


class Shelf:
    """Reads the tapes of one folder. Everything here blocks: call it in a thread."""

    def __init__(self, folder: Path):
        """Show a folder, which need not exist yet."""
        self._folder = folder

    def path(self, name: str) -> Path:
        """The file of that name.

        Raises:
            FileNotFoundError: There is no such tape in the folder.
        """
        if found := next((path for path in self._files() if path.name == name), None):
            return found
        raise FileNotFoundError(f"There is no tape {name!r} here. Reload the list.")

    def list(self) -> list[dict[str, Any]]:
        """The tapes, newest first. One that cannot be opened says why in ``error``."""
        return [self._entry(path) for path in self._files()]

    def newest(self, most: int) -> "list[Path]":
        """The files of the newest tapes."""
        return self._files()[:most]

    def call(self, path: Path) -> dict[str, Any]:
        """One tape's call: its header, turns, pictures and events, without the sound.

        Raises:
            TapeError: It cannot be opened, or is damaged.
        """
        tape = open_tape(path)
        call = call_of(tape)
        events = [
            {"at": m.clock_ns / 1e9, "name": m.data.get("name")} for m in tape.messages(EVENTS)
        ]
        return {
            **_header(tape),
            "secs": call.length,
            "turns": [turn_as_json(turn) for turn in call.turns],
            "images": images_of(tape),
            "events": events,
            "peaks": sound_of(tape).peaks,
        }

    def sound(self, path: Path) -> bytes:
        """Both voices as a WAV file: the caller left, the bot right.

        Raises:
            TapeError: It cannot be opened, or is damaged.
        """
        return sound_of(open_tape(path)).wav

    def _files(self) -> "list[Path]":
        tapes = [*self._folder.glob(f"*{SUFFIX}"), *self._folder.glob(f"*{SEALED_SUFFIX}")]
        return sorted(tapes, key=lambda path: -path.stat().st_mtime)

    def _entry(self, path: Path) -> dict[str, Any]:
        entry = {
            "name": path.name,
            "sealed": path.name.endswith(SEALED_SUFFIX),
            "bytes": path.stat().st_size,
        }
        try:
            return entry | _header(open_tape(path))
        except TapeError as error:
            return entry | {"error": str(error)}


def _header(tape: Tape) -> dict[str, Any]:
    header = tape.header
    return {
        "session": header.session_id,
        "bot": header.bot,
        "policy": header.policy,
        "code": header.code_version,
        "started": header.started_at // 1_000_000,
    }
