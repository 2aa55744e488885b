"""The rehearsal process seen from outside: start it, find it, read its journal, stop it."""

import atexit
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.rehearsal.script import BOTS

ROOT = Path(__file__).parents[2]
ADDRESS = "VIVACE_REHEARSAL"
START_TIMEOUT = 20.0  # seconds; about 0.5 on an idle machine

_lock = threading.Lock()
_own: "RehearsalProcess | None" = None


class RehearsalProcess:
    """A running rehearsal.

    Attributes:
        address: ``host:port`` of all its wires.
    """

    def __init__(self, address: str, child: subprocess.Popen | None = None):
        self.address = address
        self._child = child

    @property
    def running(self) -> bool:
        """Whether the process lives; one that somebody else started is taken to."""
        return self._child is None or self._child.poll() is None

    def stop(self) -> None:
        """End the process, if it was started here."""
        if self._child is None:
            return
        if self._child.stdin:
            self._child.stdin.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()

    def outlive_exec(self) -> None:
        """Go on when this process replaces itself by another program, and end with that one."""
        if self._child and self._child.stdin:
            os.set_inheritable(self._child.stdin.fileno(), True)

    def journal(self, session: str) -> list[dict[str, Any]]:
        """Return what a session exchanged; ``t`` is the clock of ``time.monotonic()``. Blocks briefly."""
        return self._ask(f"/_rehearsal/journal?session={session}")

    def control(self, **settings: Any) -> None:
        """Change ``profile``, ``seed`` or ``faults``, of one ``session`` or of all. Blocks briefly.

        Raises:
            ValueError: If a setting is not understood; the message says what is allowed.
        """
        self._ask("/_rehearsal/control", settings)

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", data=data)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as e:
            raise ValueError(e.read().decode()) from None


def start(
    *,
    scripts: Path | str = BOTS,
    profile: str = "typical",
    seed: int = 7,
    faults: Sequence[dict[str, Any]] = (),
    port: int = 0,
    engines: bool = True,
) -> RehearsalProcess:
    """Start a rehearsal process; it ends when this process closes its pipe or dies.

    Args:
        scripts: Folder of the ``<bot>.rehearsal.yaml`` files.
        profile: Latency profile: instant, typical or bad-day.
        seed: Seed of every draw.
        faults: ``{"vendor", "do", "skip"?, "times"?, "chance"?}`` each.
        port: 0 takes a free one.
        engines: False forces scripted ears and a tone voice.

    Raises:
        RuntimeError: If it does not come up; its own message is on stderr.
    """
    command = [sys.executable, str(Path(__file__).parent), "--port", str(port)]
    command += ["--scripts", str(Path(scripts).resolve()), "--profile", profile]
    command += ["--seed", str(seed), "--faults", json.dumps(list(faults))]
    command += [] if engines else ["--no-engines"]
    # In a session of its own, Ctrl-C reaches the calls first; the closed pipe ends it after them.
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdout
    watchdog = threading.Timer(START_TIMEOUT, child.kill)
    watchdog.start()
    line = child.stdout.readline()
    watchdog.cancel()
    if not line:
        raise RuntimeError(
            f"The rehearsal process did not start (exit code {child.wait()}). Its error is above; "
            "run `python -m services.rehearsal` to see it alone."
        )
    process = RehearsalProcess(json.loads(line)["address"], child)
    atexit.register(process.stop)
    return process


def rehearsal() -> RehearsalProcess:
    """Return this Python process's rehearsal: the one named by VIVACE_REHEARSAL, or its own.

    Its own is started at the first call, and again if it died.
    """
    global _own
    if address := os.environ.get(ADDRESS):
        return RehearsalProcess(address)
    with _lock:
        if _own is None or not _own.running:
            _own = start()
        return _own
