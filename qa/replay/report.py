"""What a replay came to: the same call or not, and where it first differs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qa.diff import Difference, compare
from qa.diff.compare import TAPE, as_json
from qa.diff.turns import call_of
from qa.replay.misses import OnMiss
from qa.replay.player import Options, Replay, replay
from qa.replay.tapes import open_tape
from qa.virtual.memo import InferenceMemo
from sessions.tape import TapeError
from sessions.tape.writer import MEMO_SUFFIX


@dataclass
class Report:
    """The outcome of one replay.

    Parameters:
        tape: The file.
        turns: Turns the caller took in the replay.
        same: Whether it is the same call, within the tolerances.
        first_difference: Where it first differs, or None.
        differences: All of them, at most one a turn.
        speed_x: Audio seconds per processor second.
        error: What ended the replay early, or empty.
        digest: Of the canonical event log, if it was kept.
        raw_digest: Of the raw log, if it was kept.
    """

    tape: str
    turns: int = 0
    same: bool = False
    first_difference: dict[str, Any] | None = None
    differences: list[dict[str, Any]] = field(default_factory=list)
    speed_x: float = 0.0
    error: str = ""
    digest: str = ""
    raw_digest: str = ""


@dataclass(frozen=True)
class How:
    """How to replay, in a form that can go to another process.

    Parameters:
        on_miss: fail, recorded or live.
        real_time: At the pace of the call.
        memo: Keep what VAD and smart turn gave beside the tape.
        check_memo: Run the models all the same and compare.
        event_log: Keep the event log.
        live: Stages that go to the real vendor.
    """

    on_miss: str = OnMiss.FAIL
    real_time: bool = False
    memo: bool = False
    check_memo: bool = False
    event_log: bool = False
    live: tuple[str, ...] = ()


def replay_file(
    path: str | Path, how: How, progress: Callable[[float], None] = lambda share: None
) -> Report:
    """Replay a tape file and compare it with its tape. Never raises for a bad tape."""
    try:
        return _replay_file(Path(path), how, progress)
    except (TapeError, OSError) as e:
        return Report(str(path), error=str(e))


def _replay_file(path: Path, how: How, progress: Callable[[float], None]) -> Report:
    tape = open_tape(path)
    options = Options(
        on_miss=OnMiss(how.on_miss),
        event_log=how.event_log,
        progress=progress,
        real_time=how.real_time,
    )
    if how.live or options.on_miss is OnMiss.LIVE:
        from qa.replay.live import Live

        options.live = Live(how.live, seed=tape.header.seed)
    if not how.memo:
        return report_of(path, tape, replay(tape, options))
    memo = InferenceMemo(path.with_name(path.name + MEMO_SUFFIX), check=how.check_memo)
    with memo.active():
        result = replay(tape, options)
    memo.save()
    return report_of(path, tape, result)


def report_of(path: Path, tape: Any, result: Replay) -> Report:
    """Compare a replay with its tape."""
    after = call_of(result.tape)
    found = compare(tape, after, TAPE, misses=result.misses)
    last = len(after.turns) - 1
    if result.error:
        found.insert(0, Difference(last, "replay", result.error))
    found[:0] = [Difference(last, "outside", f"tried {where}") for where in result.refused]
    plain = as_json(found)["differences"]
    return Report(
        tape=str(path),
        turns=len(after.turns) - 1,
        same=not found,
        first_difference=plain[0] if plain else None,
        differences=plain,
        speed_x=round(result.speed_x, 1),
        error=result.error,
        digest=result.log.digest() if result.log else "",
        raw_digest=result.log.raw_digest() if result.log else "",
    )
