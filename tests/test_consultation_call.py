"""The main job: a caller dials the consultation bot over WebRTC and is answered, with no network."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sessions.tape import decode_key, read_tape
from tests.support.runner import run

pytestmark = pytest.mark.slow


def no_network() -> tuple[str, ...]:
    """A prefix that leaves a command the loopback interface only, where the machine allows it."""
    inside = ("unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    if shutil.which("unshare") and shutil.which("ip"):
        if subprocess.run([*inside, "true"], capture_output=True).returncode == 0:
            return inside
    return ()


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    tapes = tmp_path_factory.mktemp("tapes")
    done = run("call", "consultation", "--json", tapes=tapes, within=240, prefix=no_network())
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]), done, tapes


def test_the_whole_consultation_is_heard_and_answered(call):
    summary, _, _ = call
    assert summary["errors"] == []
    assert summary["turns"] >= 5
    assert summary["tool_calls"] >= 2
    assert len(summary["voice_to_voice_ms"]) >= 5


def test_the_disclosure_came_first(call):
    assert call[0]["disclosed_first"] is True


def test_no_identifier_of_the_script_reached_the_model(call):
    assert call[0]["phi_in_model_requests"] == 0


def test_the_caller_sees_that_it_is_a_rehearsal(call):
    assert "scripted rehearsal, not an AI" in call[1].stderr


def test_both_sides_are_recorded_and_the_tape_is_sealed(call):
    summary, _, tapes = call
    assert Path(summary["recording"]).exists()
    (sealed,) = tapes.glob("*.mcap.sealed")
    tape = read_tape(sealed, key=decode_key((tapes / "local.key").read_text()))
    assert tape.header.bot == "consultation" and tape.header.policy == "HIPAA"
