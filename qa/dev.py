"""``runner.py dev``: serves a bot, and serves it anew on each save.

This process has imported everything and takes no calls. On a save it forks one that imports the
team's floors anew (``bots``, ``processors``, ``tools``: hundredths of a second) and takes the port
from the one before, which goes when its last call has ended. After a save below them it begins
again from the start, which takes seconds.
"""

import gc
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEAMS = ("bots", "processors", "tools")
KITS = ("services", "serving", "sessions", "qa", "runner.py")
POLL_SECS = 0.1
START_SECS = 30.0

Serve = Callable[[bool, Callable[[], object]], int]
"""Serves until told to go, given whether to take the port over and what to call once it has."""


def keep_serving(serve: Serve, *, begin_again: Callable[[], None], take_over: bool = False) -> int:
    """Serve, and serve anew on each save, until Ctrl-C.

    Args:
        serve: Called in a process of its own each time.
        begin_again: Replaces this process by a new one.
        take_over: Whether a server of this port is there already.

    Returns:
        The exit code.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lifeline, held = os.pipe()  # closed when this process dies, however it does
    seen = times()
    living: set[int] = set()
    gc.collect()
    gc.freeze()  # a fork would copy what its collector only looks at
    try:
        if not _start(serve, take_over, lifeline, held, living):
            return os.waitstatus_to_exitcode(os.waitpid(living.pop(), 0)[1])
        while True:
            time.sleep(POLL_SECS)
            _reap(living)
            if (now := times()) != seen:
                saved = sorted(p for p in {*now, *seen} if now.get(p) != seen.get(p))
                seen = now
                if any(path.relative_to(ROOT).parts[0] in KITS for path in saved):
                    print(f"Saved {_names(saved)}: beginning again", flush=True)
                    os.set_inheritable(held, True)  # calls that run go on
                    begin_again()
                began = max([now.get(path, 0.0) for path in saved])
                if _start(serve, True, lifeline, held, living):
                    took = max(0.0, time.time() - began)
                    print(f"Saved {_names(saved)}: ready {took:.2f} s later", flush=True)
    except KeyboardInterrupt:
        return 130
    finally:
        for pid in living:
            os.kill(pid, signal.SIGTERM)
        os.close(held)
        while living:
            os.waitpid(living.pop(), 0)


def times() -> dict[Path, float]:
    """When each source file was saved, in seconds of the wall."""
    return {path: path.stat().st_mtime for path in _sources() if path.exists()}


def _sources() -> Iterator[Path]:
    for name in (*TEAMS, *KITS):
        place = ROOT / name
        yield from [place] if place.is_file() else place.rglob("*.py")
    yield from (ROOT / "bots").glob("*.yaml")


def _names(paths: list[Path]) -> str:
    return ", ".join(str(path.relative_to(ROOT)) for path in paths[:3]) + (
        f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    )


def _start(serve: Serve, take_over: bool, lifeline: int, held: int, living: set[int]) -> bool:
    """Fork a server; whether it answers. The one before does until then."""
    told, tell = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.close(held)
        os.close(told)
        _be_server(serve, take_over, lifeline, tell)
    living.add(pid)
    os.close(tell)
    ready, _, _ = select.select([told], [], [], START_SECS)
    answers = bool(ready and os.read(told, 1))
    os.close(told)
    return answers


def _be_server(serve: Serve, take_over: bool, lifeline: int, tell: int) -> None:
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        threading.Thread(target=_leave_with_parent, args=(lifeline,), daemon=True).start()
        forget(*TEAMS)
        code = serve(take_over, lambda: os.write(tell, b"R"))
    except KeyboardInterrupt:
        code = 130
    except BaseException as error:
        print(f"The server did not start: {error}", file=sys.stderr, flush=True)
    finally:
        sys.stdout.flush()
        os._exit(code)


def _leave_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def forget(*packages: str) -> None:
    """Have modules imported anew by whoever asks for them next."""
    for name in [name for name in sys.modules if name.split(".")[0] in packages]:
        del sys.modules[name]


def _reap(living: set[int]) -> None:
    for pid in [*living]:
        if os.waitpid(pid, os.WNOHANG)[0]:
            living.discard(pid)
