"""Plays batches of fuzzed sessions in virtual time and looks for their canaries in every sink."""

import asyncio
import base64
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qa.cassettes.house import without_keys
from qa.redacted_copy import redacted_copy
from qa.virtual.loop import run
from sessions.tape import read_tape, tape_path
from sessions.tape.recorder import code_version
from tests.leaks import canaries as c
from tests.leaks.house import House
from tests.leaks.sinks import Process
from tests.leaks.stage import FuzzedSession, Played

EPOCH_NS = 1_790_000_000 * 10**9
LIMIT_SECS = 3600.0
KEY = secrets.token_bytes(32)


@dataclass(frozen=True, order=True)
class Leak:
    """A canary in a sink."""

    sink: str
    trace: str
    session: str
    near: str = ""


@dataclass
class Batch:
    """What a batch of sessions left.

    Parameters:
        played: The sessions.
        leaks: Canaries found.
        seen: Sinks that received anything at all.
    """

    played: list[Played] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


def play(
    process: Process,
    folder: Path,
    *,
    first: int = 0,
    count: int = 8,
    seed: int = 1,
    steps: int = 6,
    script: Sequence[Callable[[FuzzedSession], Any]] = (),
) -> Batch:
    """Play sessions side by side in one process, as a switchboard does.

    Args:
        process: The sinks of this process.
        folder: Where the tapes go.
        first: Number of the first session.
        count: How many.
        seed: Of everything.
        steps: Steps a session.
        script: Steps of every session instead of drawn ones.
    """
    code_version()
    batch = Batch()

    async def main(loop):
        house = House()
        await house.open(loop)
        sessions = [
            FuzzedSession(house, f"leak-{seed}-{number}", seed, steps=steps)
            for number in range(first, first + count)
        ]
        for session in sessions:
            session.script = list(script) or session.script
        batch.played = list(await asyncio.gather(*(session.run() for session in sessions)))

    settings = {
        "VIVACE_TAPES": str(folder),
        "VIVACE_TAPE_KEY": base64.b64encode(KEY).decode(),
    }
    with without_keys(**settings):
        run(main, wall_start_ns=EPOCH_NS, seed=seed + first, limit_secs=LIMIT_SECS)
        everyone = [canary for played in batch.played for canary in played.canaries]
        stored = [canary for played in batch.played for canary in played.stored]
        for sink, text in process.take().items():
            _look(batch, sink, "any", everyone + stored, text)
        for played in batch.played:
            played.sinks["tape"] = open_copy(folder, played.id)
            for sink, text in played.sinks.items():
                own = {trace for canary in played.stored for trace in canary.traces}
                skipped = own if sink == "context" else set()
                _look(batch, sink, played.id, everyone + stored, text, skipped)
    return batch


def open_copy(folder: Path, session: str) -> str:
    """Everything but media of a session's open copy."""
    sealed = tape_path(folder, session, sealed=True)
    if not sealed.exists():
        return ""
    copy = folder / f"{session}.open.mcap"
    redacted_copy(read_tape(sealed, KEY), copy)
    tape = read_tape(copy)
    texts = [str(tape.header)]
    texts += [m.json.decode() for m in tape.messages() if not m.topic.endswith(("audio", "camera"))]
    sealed.unlink()
    copy.unlink()
    return "\n".join(texts)


def _look(
    batch: Batch,
    sink: str,
    session: str,
    canaries: list[c.Canary],
    text: str,
    skipped: Collection[str] = (),
) -> None:
    if text:
        batch.seen.add(sink)
    for trace in set(c.found(canaries, text)) - set(skipped):
        at = c.place(trace, text)
        near = text[max(0, at - 150) : at + 100]
        batch.leaks.append(Leak(sink, trace, session, near))
