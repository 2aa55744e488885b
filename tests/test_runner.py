"""The command line: what a person types, gets wrong, and reads."""

import socket

import pytest

from tests.support.runner import run


def one_breath(text: str) -> bool:
    return "Traceback" not in text and 0 < len(text.strip().splitlines()) <= 3


def test_the_list_names_every_bot_and_whom_it_casts(tmp_path):
    done = run("list", tapes=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    assert "consultation" in done.stdout and "anthropic/" in done.stdout


def test_an_unknown_bot_is_answered_with_those_there_are(tmp_path):
    for command in (["call", "nobody"], ["serve", "nobody"], ["check", "nobody"]):
        done = run(*command, tapes=tmp_path)
        assert done.returncode == 2 and one_breath(done.stderr)
        assert "There are: " in done.stderr and "consultation" in done.stderr


@pytest.mark.slow
def test_an_unreadable_sound_file_is_refused_before_anything_is_dialled(tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"this is no sound")
    done = run("call", "consultation", "--caller", str(tmp_path / "noise.wav"), tapes=tmp_path)
    assert done.returncode == 2 and "noise.wav" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_port_that_is_taken_is_named_with_the_cure(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, tapes=tmp_path)
    assert done.returncode == 2
    assert f"Port {port}" in done.stderr and "--port" in done.stderr


@pytest.mark.slow
def test_check_says_what_is_rehearsed_and_how_it_goes_live(tmp_path):
    done = run("check", "consultation", tapes=tmp_path)
    assert done.returncode == 0
    assert "deepgram/nova-3-medical (rehearsed)" in done.stdout
    assert "Set DEEPGRAM_API_KEY in .env" in done.stdout


@pytest.mark.slow
def test_check_refuses_a_live_vendor_without_an_agreement(tmp_path):
    done = run(
        "check",
        "consultation",
        tapes=tmp_path,
        ELEVENLABS_API_KEY="",
        VIVACE_BAA="",
        DEEPGRAM_API_KEY="sk",
        DEEPGRAM_URL="wss://127.0.0.1:9",
    )
    assert done.returncode == 1
    assert "VIVACE_BAA" in done.stdout
