"""The front's hold on the warm process that session processes are forked from."""

import asyncio
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RECORD = struct.Struct(">ii")
LENGTH = struct.Struct(">I")
FORK, LEARN = b"F", b"L"
READY = (0, 0)
FORKED = 1 << 16
"""In a record's second place, where an exit code would be: the process was just forked."""

MODULE = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
START_SECS = 60.0
ORPHAN_SECS = 10.0
"""How long session processes may take to end when the front process has died."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""A second thread of a numeric library spins: it costs 46 ms of CPU per turn and gains nothing."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What the session processes of one server have in common.

    Parameters:
        bot: The bot function, as ``module:function``.
        imports: Modules that bots need.
        uploads: Folder of the callers' documents.
        ice_servers: STUN and TURN servers of WebRTC connections.
        lines: Sessions a process.
        patience: Seconds an admitted caller has to connect.
        loopback: Keep all media on this machine.
        candid: Tell callers the text of a fault.
        log_level: Of loguru.
        memory_mb: Memory a process may take beyond what it was forked with.
    """

    bot: str
    uploads: str
    imports: Sequence[str] = ()
    ice_servers: Sequence[Mapping[str, Any]] = ()
    lines: int = 1
    patience: float = 30.0
    loopback: bool = False
    candid: bool = False
    log_level: str = "INFO"
    memory_mb: int = 512


class ZygoteError(RuntimeError):
    """No session process can be had; the message says why."""


@dataclass(eq=False)
class Zygote:
    """The front's hold on the warm process. Start it on the running loop.

    Parameters:
        spec: What its forks have in common.
        on_exit: Told the process id and the exit code (negative: the signal) of each that ended.
    """

    spec: Spec
    on_exit: Callable[[int, int], None] = lambda pid, code: None
    _process: subprocess.Popen | None = None
    _control: socket.socket | None = None
    _buffer: bytes = b""
    _ready: asyncio.Future[None] | None = None
    _forks: list[asyncio.Future[int]] = field(default_factory=list)
    _learnt: set[str] = field(default_factory=set)

    @property
    def running(self) -> bool:
        """Whether it can fork."""
        return self._control is not None

    async def start(self) -> None:
        """Start the process and wait until it is warm (a cold start: 5 to 10 s).

        Raises:
            ZygoteError: It does not come up; its own message is on stderr.
        """
        ours = self._spawn()
        ours.setblocking(False)
        self._control, self._buffer = ours, b""
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_reader(ours, self._read)
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), START_SECS)
        except TimeoutError:
            raise ZygoteError(
                f"The warm process was not ready within {START_SECS:.0f} s."
            ) from None

    def _spawn(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "serving.engine.warm_process", str(theirs.fileno())],
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for the front, which ends the sessions in order
        )
        theirs.close()
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(asdict(self.spec)).encode() + b"\n")
            self._process.stdin.close()
        return ours

    async def fork(self) -> tuple[int, socket.socket]:
        """Fork a session process.

        Returns:
            Its process id, and the front's end of the line to it.

        Raises:
            ZygoteError: The warm process is gone.
        """
        if not self._control:
            raise ZygoteError("The warm process is gone.")
        ours, theirs = socket.socketpair()
        forked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forks.append(forked)
        try:
            with theirs:
                socket.send_fds(self._control, [FORK], [theirs.fileno()])
            return await forked, ours
        except BaseException:
            ours.close()
            raise

    def learn(self, modules: Sequence[str]) -> bool:
        """Have it import what a session had to, so that the next one need not.

        Returns:
            Whether any of it is new.
        """
        new = [name for name in modules if name not in self._learnt and MODULE.fullmatch(name)]
        self._learnt.update(new)
        if new and self._control:
            names = json.dumps(new).encode()
            with contextlib.suppress(OSError):
                self._control.sendall(LEARN + LENGTH.pack(len(names)) + names)
        return bool(new)

    async def stop(self) -> None:
        """End the process; session processes end when their lines are closed."""
        self._lost("it was stopped")
        if self._process:
            process, self._process = self._process, None
            await asyncio.to_thread(process.wait, ORPHAN_SECS + 5)

    def _read(self) -> None:
        assert self._control
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost("it ended by itself; its own message is above")
            return
        self._buffer += data
        while len(self._buffer) >= RECORD.size:
            record = RECORD.unpack(self._buffer[: RECORD.size])
            self._buffer = self._buffer[RECORD.size :]
            pid, code = record
            if record == READY:
                if self._ready and not self._ready.done():
                    self._ready.set_result(None)
            elif code == FORKED:
                self._forks.pop(0).set_result(pid)
            else:
                self.on_exit(pid, code)

    def _lost(self, why: str) -> None:
        if not self._control:
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        self._control = None
        for waiting in (self._ready, *self._forks):
            if waiting and not waiting.done():
                waiting.set_exception(ZygoteError(f"The warm process is gone: {why}."))
        self._forks.clear()
