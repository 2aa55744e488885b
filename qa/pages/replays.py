"""Replays for the QA page, one at a time, each in a process of its own: it owns the clocks there."""

import asyncio
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qa.diff.command import write_page
from qa.diff.compare import TAPE, compare
from qa.diff.page import page
from qa.replay.player import Options, replay
from qa.replay.report import report_of
from qa.replay.tapes import open_tape

ROOT = Path(__file__).parents[2]


@dataclass
class Progress:
    """How far a replay is.

    Parameters:
        running: Whether it still runs.
        share: How much of the tape is done, 0 to 1.
        report: What it came to, as :class:`qa.replay.report.Report`.
        error: Why there is no report.
    """

    running: bool = True
    share: float = 0.0
    report: dict[str, Any] | None = None
    error: str = ""


class Replays:
    """Runs replays and keeps what they came to."""

    def __init__(self):
        """Keep the diff pages in a folder that only this user reads, and that goes with the process."""
        self._folder = tempfile.TemporaryDirectory(prefix="vivace-qa-")
        self._known: dict[str, Progress] = {}
        self._task: asyncio.Task | None = None

    def start(self, tape: Path) -> dict[str, Any]:
        """Begin to replay a tape.

        Raises:
            RuntimeError: Another one is being replayed.
        """
        if self._task and not self._task.done():
            raise RuntimeError("Another tape is being replayed. Wait until it is done.")
        self._known[tape.name] = Progress()
        self._task = asyncio.create_task(self._run(tape))
        return self.state(tape.name)

    def state(self, name: str) -> dict[str, Any]:
        """How far the replay of a tape is; not running and without a report if there was none."""
        return asdict(self._known.get(name, Progress(running=False)))

    def page(self, name: str) -> Path:
        """Where the diff page of a tape's replay lies, once it is done."""
        return Path(self._folder.name) / f"{name}.html"

    async def _run(self, tape: Path) -> None:
        progress = self._known[tape.name]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(tape.resolve()), str(self.page(tape.name))),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=2**24,
        )
        try:
            assert process.stdout
            async for line in process.stdout:
                if line.startswith(b'{"qa": '):
                    for name, value in json.loads(line)["qa"].items():
                        setattr(progress, name, value)
            await process.wait()
            if not (progress.report or progress.error):
                progress.error = "The replay broke off. See it with: runner.py replay"
        finally:
            progress.running = False
            if process.returncode is None:
                process.kill()


def main(tape: Path, out: Path) -> None:
    """Replay a tape and write its diff page; tells its progress in lines on stdout."""

    def tell(**fields: Any) -> None:
        print(json.dumps({"qa": fields}), flush=True)

    shown = 0.0

    def progress(share: float) -> None:
        nonlocal shown
        if share - shown >= 0.01:
            shown = share
            tell(share=share)

    try:
        taped = open_tape(tape)
        result = replay(taped, Options(progress=progress))
        report = report_of(tape, taped, result)
        found = compare(taped, result.tape, TAPE, misses=result.misses)
        write_page(out, page(taped, result.tape, found, names=(tape.name, "replay")))
        tell(share=1.0, report=asdict(report))
    except Exception as error:  # the process ends with it, and the page shows it
        tell(error=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
