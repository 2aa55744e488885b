"""Runs a command that leaves with whoever started it: ``python -m serving.engine.tether COMMAND…``.

The command gets SIGTERM when this process's stdin ends, however its starter came to its end. The
starter sees an exit at once, and the command's stdout: Ray kills the children of its processes
without a warning, and a host is to put its calls down first. Where it may, the command runs at the
priority of any other process.
"""

import contextlib
import os
import subprocess
import sys
import threading


def main() -> None:
    """Run the command."""
    if os.fork():
        os._exit(0)
    with contextlib.suppress(PermissionError):  # Ray runs its workers at 15
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

    def follow() -> None:
        sys.stdin.buffer.read()
        child.terminate()

    threading.Thread(target=follow, daemon=True).start()
    os.close(sys.stdout.fileno())  # it ends with the command's
    os._exit(child.wait())


if __name__ == "__main__":
    main()
