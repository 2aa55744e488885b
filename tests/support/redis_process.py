"""A real redis-server of one's own, on a free port of this machine."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

REDIS = shutil.which("redis-server") or shutil.which("valkey-server")
MISSING = "redis-server is not installed (apt-get install redis-server)"


class RedisProcess:
    """Started anew with what its folder holds; killed or stopped at will."""

    def __init__(self, folder: Path):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen | None = None

    def start(self, *, within: float = 15.0) -> None:
        """Start, and wait until it has read its files."""
        assert REDIS
        options = "--bind 127.0.0.1 --save '' --appendonly yes --appendfsync everysec"
        words = [word.strip("'") for word in options.split()]
        self._process = subprocess.Popen(
            [REDIS, *words, "--port", str(self.port), "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )
        end = time.monotonic() + within
        while not self._answers():
            if time.monotonic() > end:
                raise TimeoutError("redis-server did not come up")
            time.sleep(0.01)

    def kill(self) -> None:
        """``kill -9``."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop, as an operator would."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as s,
        ):
            s.sendall(b"PING\r\n")
            return s.recv(16).startswith(b"+PONG")
        return False
