"""Ctrl-C in the middle of a call: a summary, a clean end, and nothing left behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.runner import ROOT, environment

pytestmark = pytest.mark.slow


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_a_call_that_is_interrupted_ends_cleanly(tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    call = subprocess.Popen(
        [sys.executable, "runner.py", "call", "consultation"],
        cwd=ROOT,
        env=environment(tmp_path, TMPDIR=str(temporary), PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    for line in call.stdout:
        lines.append(line)
        if "What brings you in today" in line:
            call.send_signal(signal.SIGINT)
            break
    rest = call.communicate(timeout=30)[0]
    assert "Traceback" not in rest and "Turns heard" in rest
    assert not [path for path in temporary.glob("vivace-*")], "a caller's documents are left"
    assert "over" in Path(tmp_path / "call.log").read_text()
