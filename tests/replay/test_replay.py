"""Replaying cassettes: the same call every time, and misses that say what differs."""

import asyncio
import json
import shutil
import urllib.request
from pathlib import Path

import pytest
from pipecat.pipeline.worker_observer import WorkerObserver

from qa.diff import compare
from qa.replay.misses import OnMiss
from qa.replay.player import Options, replay
from qa.replay.report import How, replay_file
from qa.replay.tapes import find_tapes, open_tape

CASSETTES = Path(__file__).parents[1] / "cassettes"
SHORT = CASSETTES / "barge-in.mcap.sealed"


@pytest.fixture(scope="module")
def tape():
    return open_tape(SHORT)


def test_a_cassette_replays_to_the_same_call_and_the_same_log(tape):
    one, two = (replay(tape, Options(event_log=True)) for _ in range(2))
    assert not one.misses and not one.error and not one.refused
    assert compare(tape, one.tape) == []
    assert one.log.raw_digest() == two.log.raw_digest()
    assert one.log.canonical() == two.log.canonical()


def test_a_changed_prompt_is_named_with_its_turn(tape, monkeypatch):
    from bots import consultation

    changed = consultation.INSTRUCTION.replace("never diagnose", "always diagnose")
    monkeypatch.setattr(consultation, "INSTRUCTION", changed)
    result = replay(tape)
    assert (result.misses[0].turn, result.misses[0].stage) == (0, "llm")
    assert "always diagnose" in result.misses[0].what
    assert compare(tape, result.tape, misses=result.misses)[0].stage == "llm"


def test_a_miss_may_be_answered_as_it_was_recorded(tape, monkeypatch):
    from bots import consultation

    monkeypatch.setattr(consultation, "INSTRUCTION", "Say something else.")
    result = replay(tape, Options(on_miss=OnMiss.RECORDED))
    assert {miss.stage for miss in result.misses} == {"llm"}
    assert len(list(result.tape.messages("/bot/audio"))) > 500


def test_a_bot_that_reaches_outside_is_stopped_by_name(tape):
    async def bot(arguments):
        await asyncio.to_thread(urllib.request.urlopen, "http://example.com/x", timeout=1)

    result = replay(tape, Options(bot=bot))
    assert any("example.com" in where for where in result.refused)


def test_a_bot_that_hangs_is_ended_in_virtual_time(tape):
    async def bot(arguments):
        while True:
            await asyncio.sleep(1)

    assert "ReplayOverrun" in replay(tape, Options(bot=bot)).error


@pytest.mark.slow
def test_what_the_observers_see_does_not_depend_on_how_they_are_told(tape, monkeypatch):
    ours = replay(tape, Options(event_log=True))

    def stock(worker):
        worker._observer = WorkerObserver(observers=worker._observer._observers)

    monkeypatch.setattr("sessions.running.tell_only_whom_it_concerns", stock)
    pipecats = replay(tape, Options(event_log=True))
    assert ours.log.canonical() == pipecats.log.canonical()


@pytest.mark.slow
def test_a_memo_changes_nothing(tmp_path):
    for name in (SHORT.name, "local.key"):
        shutil.copy(CASSETTES / name, tmp_path)
    plain, first, second, checked = (
        replay_file(tmp_path / SHORT.name, how)
        for how in (
            How(event_log=True),
            How(event_log=True, memo=True),
            How(event_log=True, memo=True),
            How(event_log=True, memo=True, check_memo=True),
        )
    )
    assert plain.same and checked.same
    assert {plain.digest} == {first.digest, second.digest, checked.digest}


def test_a_report_is_plain_json_and_a_bad_tape_is_one_too(tmp_path):
    (tmp_path / "x.mcap").write_bytes(b"not a tape")
    report = replay_file(tmp_path / "x.mcap", How())
    assert not report.same and "not a tape" in report.error
    assert json.loads(json.dumps(report.__dict__))["first_difference"] is None


def test_tapes_are_found_in_folders(tmp_path):
    assert SHORT in find_tapes([CASSETTES])
    with pytest.raises(FileNotFoundError, match="no tape in"):
        find_tapes([tmp_path])


@pytest.mark.slow
@pytest.mark.parametrize("path", find_tapes([CASSETTES]), ids=lambda p: p.name.split(".")[0])
def test_every_cassette_is_the_call_it_was(path):
    report = replay_file(path, How())
    assert report.same, report.differences
