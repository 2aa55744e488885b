"""How long a newcomer waits: fresh clone, fresh environment, empty caches, no keys.

    python -m tests.benchmarks.first_call [--quick]

Runs the README's first command in a clone of HEAD and prints, as its last line, a JSON object:
``set_up_s`` (the environment stands), ``first_word_s`` (the disclosure begins) and
``first_turn_s`` (the answer to the caller's first line has been spoken), all from the start of
the command. ``--quick`` hangs up after the first turn; otherwise the whole call is run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "vivace"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        environment = {
            **{k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")},
            "HOME": folder,
            "PIP_CACHE_DIR": f"{folder}/pip",
            "UV_CACHE_DIR": f"{folder}/uv",
            "PYTHONUNBUFFERED": "1",
        }
        began = time.monotonic()
        call = subprocess.Popen(
            [sys.executable, "bootstrap.py", "call", "consultation"],
            cwd=clone,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        at = follow(call, began, quick)
        call.wait(60)
        print(json.dumps({**at, "returncode": call.returncode}))


def follow(call: subprocess.Popen, began: float, quick: bool) -> dict[str, float]:
    """Time the call's milestones by the lines it prints."""
    at: dict[str, float] = {}
    callers = 0
    assert call.stdout
    for line in call.stdout:
        now = round(time.monotonic() - began, 1)
        print(f"{now:6.1f}  {line}", end="")
        callers += "  Caller  " in line
        if line.startswith("Set up in"):
            at.setdefault("set_up_s", now)
        elif "  Bot     " in line:
            at.setdefault("first_word_s", now)
        if callers == 2:  # the second line begins when the first has been answered
            at.setdefault("first_turn_s", now)
            if quick and call.poll() is None:
                call.terminate()
    return at


if __name__ == "__main__":
    main()
