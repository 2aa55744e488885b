"""Set Vivace up on a fresh machine and run it: needs Python 3.11 to 3.13 and nothing else.

    python3 bootstrap.py call consultation    set up, then dial the consultation bot
    python3 bootstrap.py test                 set up for development, then run the tests
    python3 bootstrap.py COMMAND ...          set up, then runner.py COMMAND ...

What it makes is an ordinary virtual environment in ``.venv``.
"""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
RUN_EXTRAS = "offline"
TEST_EXTRAS = "dev,eval,livekit,ocr,offline,realtime,redis,tracing"


def set_up(extras: str) -> None:
    """Install what the extras need, unless that was done already."""
    began = time.monotonic()
    wanted = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in wanted)).hexdigest()
    done = VENV / f".vivace-{extras.replace(',', '-')}"
    if done.exists() and done.read_text() == digest:
        return
    print(f"Setting up {VENV.name} ({extras}); the first time takes about a minute.", flush=True)
    if not PYTHON.exists():
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)])
        if made.returncode:
            sys.exit(
                "This Python cannot make a virtual environment. "
                "On Debian and Ubuntu: apt-get install python3-venv"
            )
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    target = ["-c", str(ROOT / "constraints.txt"), f"{ROOT}[{extras}]"]
    # uv does in seconds what takes pip a minute; where there is no uv, pip does it.
    with_uv = [str(PYTHON), "-m", "uv", "pip", "install", "--quiet", "--compile-bytecode"]
    if (
        subprocess.run([*pip, "uv"]).returncode
        or subprocess.run([*with_uv, "--python", str(PYTHON), *target]).returncode
    ):
        if subprocess.run([*pip, *target]).returncode:
            sys.exit("The installation failed. What pip says above names the package.")
    done.write_text(digest)
    print(f"Set up in {time.monotonic() - began:.0f} s.", flush=True)


def main() -> int:
    """Set up, then run what was asked for."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(
            f"Vivace runs on Python 3.11 to 3.13, and this is {sys.version.split()[0]}. "
            "Run it with one of these, such as: python3.12 bootstrap.py call consultation"
        )
    arguments = sys.argv[1:] or ["serve"]
    if arguments[0] == "test":
        set_up(TEST_EXTRAS)
        command = [str(PYTHON), "-m", "pytest", "-q", "-n", "auto", *arguments[1:]]
    else:
        set_up(RUN_EXTRAS)
        command = [str(PYTHON), str(ROOT / "runner.py"), *arguments]
    os.chdir(ROOT)
    if sys.platform != "win32":
        os.execv(command[0], command)  # Ctrl-C and a kill then reach the runner itself
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main())
