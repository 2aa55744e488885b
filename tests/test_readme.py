"""The README is true: every command it shows runs."""

import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.runner import environment

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()
]

pytestmark = pytest.mark.slow


def here(command: str) -> list[str]:
    """The command with this Python, which is of a version the README names."""
    words = shlex.split(command)
    assert words[0] == "python3", f"{command!r}: the README shows commands of python3 only"
    return [sys.executable, *words[1:]]


def test_the_first_two_commands_are_the_call_and_the_tests():
    assert COMMANDS[:2] == [
        "python3 bootstrap.py call consultation",
        "python3 bootstrap.py test",
    ]


# The first command is the call of tests/test_consultation_call.py, which looks at all of it.
@pytest.mark.parametrize("command", COMMANDS[1:])
def test_a_command_of_the_readme_runs(command, tmp_path):
    if command.endswith(" serve"):
        serve(here(command), tmp_path)
        return
    words = here(command)
    if command.endswith(" test"):
        # It runs this very test: here it only has to find the tests.
        words = [sys.executable, "-m", "pytest", "-q", "--collect-only"]
    done = subprocess.run(
        words, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def serve(words: list[str], tapes: Path) -> None:
    env = environment(tapes, PYTHONUNBUFFERED="1")
    process = subprocess.Popen(
        [*words, "--port", "0"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        url = next(
            found[0] for line in process.stdout if (found := re.findall(r"http://\S+", line))
        )
        with urllib.request.urlopen(url, timeout=10) as page:
            assert b"<html" in page.read().lower()
    finally:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(15) in (0, 130)


def test_the_files_the_readme_points_at_exist():
    for link in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", README):
        assert (ROOT / link).exists(), link
