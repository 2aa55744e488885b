"""The warm process: `python -m serving.engine.warm_process FD`, started by `Zygote`.

It has imported what bots need, holds both models and has run each once. It has no event loop and
no thread, opens nothing and talks to nobody, so a fork of it is ready in 25 ms where a cold
process takes 4.7 s.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from loguru import logger

from serving.engine.zygote import FORKED, LEARN, LENGTH, ORPHAN_SECS, READY, RECORD, Spec

LATE = (
    "pipecat.adapters.llm.services.open_ai_adapter",
    "pipecat.transports.smallwebrtc.transport",
    "pipecat.transports.websocket.fastapi",
    "pipecat.transports.daily.transport",
)
"""Imported by Pipecat when a session first needs them: 0.4 s for the first, each time anew."""


def main() -> None:
    """Be the warm process: read the spec, warm up, and fork on demand until the front is gone."""
    spec = Spec(**json.loads(sys.stdin.readline()))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    logger.remove()
    logger.add(sys.stderr, level=spec.log_level, diagnose=False, backtrace=False)
    bot = _prepared(spec)
    if threading.active_count() > 1:
        logger.warning(f"Threads before the fork: {threading.enumerate()}")
    control = socket.socket(fileno=int(sys.argv[1]))
    control.sendall(RECORD.pack(*READY))
    _serve(control, lambda line: _be_session_process(line, spec, bot))


def _prepared(spec: Spec) -> Callable:
    module, _, function = spec.bot.partition(":")
    bot = getattr(import_module(module), function)
    for name in (*spec.imports, *LATE):
        # An extra that is not installed is told by the bot that wants it, with the cure.
        with contextlib.suppress(ImportError):
            import_module(name)
    from services.trust_store import share_trust_store
    from serving.engine import session_process  # noqa: F401 (warm for the forks)
    from sessions.phi.lexicon import lexicon
    from sessions.prices import Prices
    from sessions.turns.shared_models import warm_up

    if find_spec("uvloop"):
        import_module("uvloop")
    lexicon()
    with contextlib.suppress(OSError, ValueError):
        Prices.load()  # a table of the operator's that is none is told by the session
    share_trust_store()
    warm_up()
    return bot


def _serve(control: socket.socket, child: Callable[[socket.socket], None]) -> None:
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wake.fileno())
    living: set[int] = set()
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            with contextlib.suppress(OSError):
                _reap(living, control)
        if control in ready:
            asked, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not asked:
                break
            if asked == LEARN:
                _learn(control)
                continue
            # A program that a session starts holds no end of its line: the front hears its death.
            os.set_inheritable(descriptors[0], False)
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (control, woken, wake):
                    end.close()
                child(socket.socket(fileno=descriptors[0]))
            living.add(pid)
            os.close(descriptors[0])
            control.sendall(RECORD.pack(pid, FORKED))
    _end(living)


def _learn(control: socket.socket) -> None:
    length = LENGTH.unpack(control.recv(LENGTH.size, socket.MSG_WAITALL))[0]
    for name in json.loads(control.recv(length, socket.MSG_WAITALL)):
        # What cannot be imported out of a session's context is left to the sessions.
        with contextlib.suppress(Exception):
            import_module(name)
    if threading.active_count() > 1:
        logger.warning(f"Threads before the fork: {threading.enumerate()}")
    gc.collect()
    gc.freeze()


def _reap(living: set[int], control: socket.socket | None) -> None:
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        living.discard(pid)
        if control:
            control.sendall(RECORD.pack(pid, os.waitstatus_to_exitcode(status)))


def _end(living: set[int]) -> None:
    deadline = time.monotonic() + ORPHAN_SECS
    while living and time.monotonic() < deadline:
        _reap(living, None)
        time.sleep(0.05)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _be_session_process(line: socket.socket, spec: Spec, bot: Callable) -> None:
    code = 1
    try:
        from serving.engine.session_process import SessionProcess

        SessionProcess(spec, bot).run(line)
        code = 0
    except BaseException as fault:
        logger.error(f"A session process failed: {type(fault).__name__}: {fault}")
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
