"""A server of one's own for a load test, with a core to itself."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from qa.call.wire import use_loopback_only
from services.rehearsal.process import ADDRESS, start


@contextlib.contextmanager
def server_on_a_core(command: Sequence[str], *, log: Path) -> Iterator[str]:
    """Run a server on one core, and this process and the scripted vendors on the others.

    Args:
        command: What Python runs; a port and the address of the rehearsal are added.
        log: Where its log goes.

    Yields:
        Its URL.

    Raises:
        ValueError: It does not start.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    pinned = ["taskset", "-c", str(cores[0])] if cores[1:] else []
    if pinned:
        os.sched_setaffinity(0, cores[1:])
    use_loopback_only()
    rehearsal = start(engines=False)  # scripted ears: real ones would be most of the load
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("w") as stderr:
        server = subprocess.Popen(
            [*pinned, sys.executable, *command, "--port", "0", "--loopback"],
            env={**os.environ, ADDRESS: rehearsal.address},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert server.stdout
    try:
        for line in server.stdout:
            if url := re.search(r"http://\S+", line):
                yield url[0]
                break
        else:
            raise ValueError(f"The server did not start. {log} says why.")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
        server.stdout.close()
        rehearsal.stop()
