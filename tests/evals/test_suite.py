"""Pipecat's own harness, unchanged, against our bots."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    suite = yaml.safe_load((ROOT / "tests/evals/manifest.yaml").read_text())["suite"]
    files = [ROOT / "tests/evals" / f"{name}.yaml" for run in suite for name in run["scenarios"]]
    count = sum(len(yaml.safe_load(file.read_text())["scenarios"]) for file in files)
    assert f"{count}/{count} passed" in done.stdout
