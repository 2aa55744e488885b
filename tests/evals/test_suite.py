"""Pipecat's own harness, unchanged, against our bots."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.runner import ROOT, environment

pytestmark = pytest.mark.slow


def test_the_pipecat_eval_suite_passes(tmp_path):
    pytest.importorskip("pipecat.evals", reason="pip install '.[eval]'")
    here = Path(sys.executable).parent
    path = f"{here}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(here / "pipecat"), "eval", "suite", "tests/evals/manifest.yaml"],
        cwd=ROOT,
        env=environment(tmp_path, PATH=path),
        capture_output=True,
        text=True,
        timeout=360,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "6/6 passed" in done.stdout
