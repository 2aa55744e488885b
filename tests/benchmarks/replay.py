"""Replays: how equal they are from run to run, how fast, and how true to real time.

``python -m tests.benchmarks.replay [--quick]``; the last line is one JSON object:

- ``identical``, ``runs``: replays of the cassettes whose canonical event log equals the first
  one's, of all; some in other processes with another hash seed, some on a loaded machine.
- ``speed_x``: audio seconds per CPU second, a cascaded call of five minutes (quick: under
  one), real models, every push logged. ``speed_memo_x``: with VAD and smart turn memoised, no log.
  ``speed_video_x``: the same with a camera at 2 fps.
- ``realtime_turn_diff_ms``: median difference of a turn's time between virtual and real time.
- ``recording_core_percent``, ``tape_mb_per_hour``: what writing the long call's tape costs.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CASSETTES = ROOT / "tests" / "cassettes"
SHORTEST = CASSETTES / "barge-in.mcap.sealed"
SAYS = (
    "good morning i have a rash on my arm",
    "my name is jordan miller and my date of birth is march fifth nineteen eighty two",
    "i am allergic to penicillin",
    "my knee hurts when i walk",
    "which medication am i taking",
    "please repeat that",
)


def worker(args: argparse.Namespace) -> dict:
    """One measurement, in a process of its own."""
    from loguru import logger

    logger.remove()
    from qa.replay.player import Options, replay
    from qa.replay.tapes import open_tape
    from qa.virtual.memo import InferenceMemo

    if args.work == "real-time":
        return {"turn_diff_ms": real_time_difference(Path(args.tapes[0]))}
    if args.work == "digests":
        return {"digests": [digests(Path(path), args.runs) for path in args.tapes]}
    replay(open_tape(SHORTEST))  # imports everything
    plain, video = map(open_tape, args.tapes)
    results = [replay(plain, Options(event_log=True))]
    for tape in (plain, video):
        memo = InferenceMemo(tape.path.with_suffix(".memo"))
        with memo.active():
            replay(tape)
            results.append(replay(tape))
    for result in results:
        assert not result.misses and not result.error, (result.misses, result.error)
    return {
        "speeds": [result.speed_x for result in results],
        "audio_secs": results[0].audio_secs,
    }


def digests(path: Path, runs: int) -> list[str]:
    """Digests of the canonical log, and of the raw one, of a number of replays."""
    from qa.replay.report import How, replay_file

    reports = [replay_file(path, How(event_log=True)) for _ in range(runs)]
    return [f"{report.digest} {report.same}" for report in reports]


def begin(work: str, tapes: list[Path], *, runs: int = 1, hash_seed: str = "0") -> subprocess.Popen:
    """Begin :func:`worker` in another process."""
    command = [sys.executable, "-m", "tests.benchmarks.replay", "--work", work]
    command += ["--runs", str(runs), *map(str, tapes)]
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "PIPECAT_LOG_LLM_CONTEXT": "off"}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE)


def result_of(process: subprocess.Popen) -> dict:
    """What a :func:`worker` measured."""
    out, _ = process.communicate()
    assert not process.returncode, process.args
    return json.loads(out.splitlines()[-1])


@contextlib.contextmanager
def loaded() -> Iterator[None]:
    """Keep every core busy."""
    burn = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(burn) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def identity(tapes: list[Path], runs: int) -> tuple[int, int]:
    """Replays equal to the first of their cassette, and how many there were."""
    first = result_of(begin("digests", tapes, runs=runs - 1))["digests"]
    with loaded():
        starved = result_of(begin("digests", tapes, hash_seed="4242"))["digests"]
    equal = total = 0
    for one, two in zip(first, starved):
        seen = one + two
        equal += sum(digest == one[0] and digest.endswith("True") for digest in seen)
        total += len(seen)
    return equal, total


def long_call(directory: Path, *, turns: int, video_fps: float = 0.0) -> Path:
    """A call of about ten seconds a turn, rehearsed in virtual time."""
    from qa.cassettes.caller import Line
    from qa.cassettes.record import Scenario, record

    lines = [
        Line(say=SAYS[n % len(SAYS)], barge_in=1.5 if n % 5 == 4 else None) for n in range(turns)
    ]
    name = f"long-{video_fps:g}-fps"
    scenario = Scenario(name, "consultation", lines, seed=5, video_fps=video_fps, voice="espeak")
    return record(scenario, directory)


def recording_cost(path: Path) -> tuple[float, float]:
    """Percent of a core that writing the tape takes, and its megabytes an hour."""
    from qa.replay.tapes import open_tape
    from sessions.tape import TapeWriter

    tape = open_tape(path)
    messages = [(m.topic, m.clock_ns, m.data) for m in tape.messages()]
    secs = max(at for _, at, _ in messages) / 1e9
    copy = path.with_name("copy.mcap.sealed")
    cpu = time.process_time()
    writer = TapeWriter(
        copy,
        session_id="copy",
        bot="",
        policy="",
        seed=0,
        code_version="",
        started_at=0,
        key=bytes(32),
        queue_bytes=2**30,
    )
    for topic, at, data in messages:
        writer.write(topic, at, data)
    writer.close()
    percent = 100 * (time.process_time() - cpu) / secs
    return percent, copy.stat().st_size / secs * 3600 / 1e6


def real_time_difference(path: Path) -> float:
    """Median difference of the turns' times between virtual and real time, milliseconds."""
    from qa.diff import call_of, compare
    from qa.diff.compare import TAPE
    from qa.replay.player import Options, replay
    from qa.replay.tapes import open_tape

    tape = open_tape(path)
    virtual, real = replay(tape), replay(tape, Options(real_time=True))
    assert not compare(virtual.tape, real.tape, TAPE), compare(virtual.tape, real.tape, TAPE)
    turns = zip(call_of(virtual.tape).turns, call_of(real.tape).turns)
    times = [(a.voice_to_voice, b.voice_to_voice) for a, b in turns]
    return statistics.median(abs(a - b) * 1000 for a, b in times if a and b)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--work", choices=["digests", "real-time", "speeds"], help=argparse.SUPPRESS
    )
    parser.add_argument("--runs", type=int, default=100, help="replays of each cassette")
    parser.add_argument("tapes", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault("PIPECAT_LOG_LLM_CONTEXT", "off")
    if args.work:
        print(json.dumps(worker(args)))
        return
    from loguru import logger

    logger.remove()
    tapes = [SHORTEST] if args.quick else sorted(CASSETTES.glob("*.mcap*"))
    equal, total = identity(tapes, 2 if args.quick else args.runs)
    print(f"{equal} of {total} replays identical")
    # Speeds are in processor time: on the other core a call may take its real time meanwhile.
    real_time = begin("real-time", [SHORTEST]) if args.quick else None
    with tempfile.TemporaryDirectory() as folder:
        plain = long_call(Path(folder), turns=2 if args.quick else 28)
        video = long_call(Path(folder), turns=1 if args.quick else 28, video_fps=2.0)
        measured = result_of(begin("speeds", [plain, video]))
        percent, megabytes = recording_cost(plain)
    speeds = [round(speed, 1) for speed in measured["speeds"]]
    print(f"a call of {measured['audio_secs']:.0f} s: {speeds[0]}x real time on a core")
    real_time = real_time or begin("real-time", [SHORTEST])
    result = {
        "identical": equal,
        "runs": total,
        "speed_x": speeds[0],
        "speed_memo_x": speeds[1],
        "speed_video_x": speeds[2],
        "realtime_turn_diff_ms": round(result_of(real_time)["turn_diff_ms"], 1),
        "recording_core_percent": round(percent, 2),
        "tape_mb_per_hour": round(megabytes),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
