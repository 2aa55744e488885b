"""No identifier reaches a sink that does not need it; and without its guards, each of them shows one."""

import re

import pytest

from sessions.guards import EXPLANATION
from sessions.phi import PHIEngine
from sessions.phi.vault import STRICT_SURROGATE
from tests.leaks import play as playing
from tests.leaks.sinks import NAMES, Process
from tests.leaks.stage import STEPS

# Numbers only: nothing that could be left out, and so nothing to prove the detector with.
NUMBERS = {"metrics"}


@pytest.fixture(scope="module")
def process():
    process = Process()
    yield process
    process.close()


@pytest.fixture(autouse=True)
def worst_log(monkeypatch):
    monkeypatch.setenv("PIPECAT_LOG_LLM_CONTEXT", "full")


def test_no_identifier_reaches_a_sink_that_does_not_need_it(process, tmp_path):
    batch = playing.play(process, tmp_path, count=2, seed=11)
    batch.leaks += (every := playing.play(process, tmp_path, count=1, seed=12, script=STEPS)).leaks
    assert [played.error for played in batch.played + every.played] == [""] * 3
    assert batch.leaks == []
    assert batch.seen == set(NAMES)
    told = [played.sinks["model"] for played in batch.played]
    assert all(EXPLANATION in text for text in told)


def test_tools_that_declare_a_need_and_the_voice_get_the_originals(process, tmp_path):
    script = [step for step in STEPS if step.__name__ in ("says", "code_speaks")] * 3
    batch = playing.play(process, tmp_path, count=2, seed=13, script=script)
    names = [name for played in batch.played for name in played.handlers.get("look_up", [])]
    numbers = [phone for played in batch.played for phone in played.handlers.get("ring", [])]
    notes = [note for played in batch.played for note in played.handlers.get("whisper", [])]
    assert names and not any(STRICT_SURROGATE.search(name) for name in names)
    assert numbers and all(re.fullmatch(r"\+1\d{10}", number) for number in numbers)
    assert notes and all(STRICT_SURROGATE.search(note) for note in notes)
    for played in batch.played:
        assert not STRICT_SURROGATE.search(played.mouth)
    assert any(
        trace in played.mouth.lower()
        for played in batch.played
        for canary in played.canaries
        for trace in canary.traces
    )


def test_without_its_guards_every_sink_shows_a_canary(process, tmp_path, monkeypatch):
    for guard in ("guard_pushes", "guard_client", "guard_door", "guard_bus"):
        monkeypatch.setattr(f"sessions.running.{guard}", lambda *_, **__: None)
    for guard in ("guard_mind", "EarsGuard"):
        monkeypatch.setattr(f"sessions.adoption.{guard}", lambda *_, **__: None)
    monkeypatch.setattr("sessions.mouth_guard.MouthGuard.report", lambda *_: None)
    monkeypatch.setattr("sessions.phi.PHIFirewall.redact_data", lambda _, value, *__: value)
    for module in ("logs", "traces"):
        monkeypatch.setattr(f"sessions.sinks.{module}.anyone", lambda: False)
    monkeypatch.setattr("sessions.sinks.reports.guarded", lambda: False)
    for name in ("masked", "scrub_data"):
        monkeypatch.setattr(f"sessions.sinks.reports.{name}", lambda it: it)
    monkeypatch.setattr("qa.redacted_copy._payload", lambda message, *_: message.data)
    batch = playing.play(process, tmp_path, count=2, seed=14, script=STEPS)
    shown = {leak.sink for leak in batch.leaks}
    assert set(NAMES) - NUMBERS <= shown


def test_an_engine_that_crashes_blocks_the_text_and_never_passes_it(process, tmp_path, monkeypatch):
    analyse = PHIEngine.analyse

    def crash(self, text, **options):
        if "jane doe" in text:  # how an engine warms up, before there is a caller
            return analyse(self, text, **options)
        raise RuntimeError(f"the engine is gone at {text}")

    monkeypatch.setattr(PHIEngine, "analyse", crash)
    script = [s for s in STEPS if s.__name__ in ("says", "says_in_pieces", "types", "uploads")]
    batch = playing.play(process, tmp_path, count=2, seed=15, script=script)
    assert [played.error for played in batch.played] == ["", ""]
    assert batch.leaks == []
    assert all("[REDACTED]" in played.sinks["model"] for played in batch.played)
