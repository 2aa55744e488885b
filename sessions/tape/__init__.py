"""The tape: what a session leaves, one MCAP file on the session clock."""

from sessions.tape.errors import NotATape, TapeCorrupted, TapeError, TapeKeyError
from sessions.tape.reader import Tape, TapeHeader, TapeMessage, read_tape
from sessions.tape.retention import delete, expire
from sessions.tape.seal import decode_key, key_from_env, local_key
from sessions.tape.writer import TapeWriter, tape_path

__all__ = [
    "NotATape",
    "Tape",
    "TapeCorrupted",
    "TapeError",
    "TapeHeader",
    "TapeKeyError",
    "TapeMessage",
    "TapeWriter",
    "decode_key",
    "delete",
    "expire",
    "key_from_env",
    "local_key",
    "read_tape",
    "tape_path",
]
