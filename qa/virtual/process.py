"""Child processes in memory: a program that reads lines and writes lines, as MCP servers do."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any


class MemoryProcess(asyncio.SubprocessTransport):
    """A child process in memory: a program that reads lines and writes lines.

    Attributes:
        on_line: Called with each line the parent writes; set by the program.
    """

    _pids = itertools.count(2**30)

    def __init__(self, loop, protocol: Any, pipes: list[bool]):
        """See :meth:`start`."""
        super().__init__()
        self._loop, self._protocol, self._pipes = loop, protocol, pipes
        self._pid = next(self._pids)
        self._returncode: int | None = None
        self._rest = b""
        self._stdin = _Stdin(self)
        self.on_line: Callable[[str], None] = lambda line: None

    @classmethod
    def start(cls, loop, protocol: Any, serve: Callable[["MemoryProcess"], None], pipes):
        """Start a program as the child of a subprocess protocol.

        Args:
            loop: The loop of both.
            protocol: The parent's.
            serve: The program; given the process, it sets ``on_line``.
            pipes: Whether stdin, stdout and stderr are pipes.
        """
        process = cls(loop, protocol, pipes)
        protocol.connection_made(process)
        serve(process)
        return process

    def write_line(self, line: str) -> None:
        """Write to the parent, from the program."""
        if self._returncode is None:
            self._loop.call_soon(self._protocol.pipe_data_received, 1, line.encode() + b"\n")

    def feed(self, data) -> None:
        """Take what the parent wrote."""
        *lines, self._rest = (self._rest + bytes(data)).split(b"\n")
        for line in lines:
            self._loop.call_soon(self.on_line, line.decode())

    def exit(self, code: int = 0) -> None:
        """End, as the program would."""
        if self._returncode is not None:
            return
        self._returncode = code
        for number, piped in enumerate(self._pipes):
            if piped:
                self._loop.call_soon(self._protocol.pipe_connection_lost, number, None)
        self._loop.call_soon(self._protocol.process_exited)
        self._loop.call_soon(self._protocol.connection_lost, None)

    def get_pid(self) -> int:
        """A number no process has."""
        return self._pid

    def get_returncode(self) -> int | None:
        """None while it runs."""
        return self._returncode

    def get_pipe_transport(self, fd: int):
        """The parent's end of a pipe."""
        if not self._pipes[fd]:
            return None
        return self._stdin if fd == 0 else _Stdout()

    def send_signal(self, signal: int) -> None:
        """End by a signal."""
        self.exit(-signal)

    def terminate(self) -> None:
        """End by SIGTERM."""
        self.exit(-15)

    def kill(self) -> None:
        """End by SIGKILL."""
        self.exit(-9)

    def close(self) -> None:
        """End."""
        self.exit(0)

    def is_closing(self) -> bool:
        """Whether it has ended."""
        return self._returncode is not None

    async def _wait(self) -> int:
        while self._returncode is None:
            await asyncio.sleep(0.01)
        return self._returncode


class _Stdin(asyncio.WriteTransport):
    def __init__(self, process: MemoryProcess):
        super().__init__()
        self._process = process

    def write(self, data) -> None:
        self._process.feed(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._process.is_closing()

    def close(self) -> None:
        self._process.exit(0)

    def abort(self) -> None:
        self._process.exit(0)

    def get_write_buffer_size(self) -> int:
        return 0


class _Stdout(asyncio.ReadTransport):
    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass
