"""Machines that are lost: all processes of one, ended at once."""

import contextlib
import os
import signal
import socket
from pathlib import Path


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def lose(*pids: int) -> None:
    """End processes and all below them before any of them notices."""
    everyone = [one for pid in pids for one in (pid, *below(pid))]
    for how in (signal.SIGSTOP, signal.SIGKILL):
        for one in everyone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, how)


def running(words: str) -> list[int]:
    """The processes whose command line has these words in it."""
    found = []
    for about in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if words in about.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(about.parent.name))
    return found


def below(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    found, look = [], [pid]
    while look:
        look = [child for one in look for child in children.get(one, [])]
        found += look
    return found
