"""What a compliance officer gets of a tape, and what of it anyone may see."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest

from qa.audit import audit
from qa.redacted_copy import redacted_copy
from qa.replay.tapes import open_tape
from qa.spoken import Word, bot_intervals, telling
from sessions.phi import PHIFirewall
from sessions.tape import TapeMessage, read_tape
from sessions.tape.audio import lay_out
from sessions.tape.schemas import CALLER_AUDIO, EVENTS, TRANSCRIPT

CASSETTE = Path(__file__).parents[1] / "cassettes" / "tool-calls.mcap.sealed"
IDENTIFIERS = ("jordan", "miller", "march fifth", "1982")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return redacted_copy(open_tape(CASSETTE), tmp_path_factory.mktemp("copy") / "open.mcap")


def test_an_audit_names_kinds_and_counts_and_never_a_value():
    out = io.StringIO()
    (found,) = audit([CASSETTE], out, as_json=True)
    assert json.loads(out.getvalue())["policy"] == "HIPAA"
    assert found.redacts and found.sealed and found.complete
    assert found.redacted["speech"]["NAME"] >= 1
    assert found.tools["find_patient"]["in_clear"] == {"DATE": 1, "NAME": 1}
    assert found.rehearsed == ["anthropic", "cartesia", "deepgram"] and found.live == []
    assert found.disclosure["heard_at_secs"] > found.disclosure["begun_at_secs"]
    assert found.consent[0]["to"] == ["recording"]
    text = io.StringIO()
    audit([CASSETTE], text)
    for identifier in IDENTIFIERS:
        assert identifier not in (out.getvalue() + text.getvalue()).lower()


def test_an_open_copy_is_marked_and_names_no_one(copy):
    tape = read_tape(copy)
    assert "surrogates" in tape.header.facts["redacted"]
    texts = "\n".join(m.json.decode() for m in tape.messages() if not m.topic.endswith("audio"))
    for identifier in IDENTIFIERS:
        assert identifier not in texts.lower()
    assert any("[NAME_1]" in m.data["text"] for m in tape.messages(TRANSCRIPT))
    assert not any(m.data["name"] == "phi.vault" for m in tape.messages(EVENTS))


def test_the_caller_is_bleeped_where_an_identifier_was_said_and_nowhere_else(copy):
    before, after = open_tape(CASSETTE), read_tape(copy)
    raw, rate = lay_out(before.messages(CALLER_AUDIO), before.header.started_at)
    clean, _ = lay_out(after.messages(CALLER_AUDIO), after.header.started_at)
    assert len(raw) == len(clean)
    changed = float(np.sum(raw != clean)) / rate
    assert 2.0 < changed < 8.0  # a name and a date of birth, in a call of 52 s
    hidden = np.flatnonzero(raw != clean) / rate
    heard = [m.clock_ns / 1e9 for m in before.messages(TRANSCRIPT) if "[DATE_1]" in m.data["text"]]
    assert heard[0] - 6 < hidden.min() < hidden.max() < heard[0] + 0.5


def spoken_by_the_bot(*, stopped: float) -> list[TapeMessage]:
    """A stretch of the bot's speech from second 2 on, of one sentence of a second and a half."""
    wire = "/wire/voice/1"
    words = ["Thank", "you", "Jordan", "Miller."]
    times = {"words": words, "start": [0.0, 0.3, 0.6, 1.0], "end": [0.3, 0.5, 1.0, 1.4]}
    sent = {"context_id": "c", "output_format": {"sample_rate": 8000}}
    chunk = {"type": "chunk", "context_id": "c", "data": base64.b64encode(bytes(24_000)).decode()}
    stamps = {"type": "timestamps", "context_id": "c", "word_timestamps": times}
    told = {"who": "bot", "kind": "spoken", "text": "Thank you [NAME_1]."}
    return [
        tape_message(1.8, wire, direction="sent", kind="text", text=json.dumps(sent)),
        tape_message(1.9, wire, direction="received", kind="text", text=json.dumps(chunk)),
        tape_message(1.9, wire, direction="received", kind="text", text=json.dumps(stamps)),
        tape_message(2.0, EVENTS, name="bot.started"),
        tape_message(2.1, TRANSCRIPT, **told),
        tape_message(stopped, EVENTS, name="bot.stopped"),
    ]


def tape_message(at: float, topic: str, **data) -> TapeMessage:
    return TapeMessage(topic, round(at * 1e9), json.dumps(data).encode())


def test_the_bot_is_bleeped_by_the_voices_word_times():
    phi = PHIFirewall()
    phi.vault.put("jordan miller", "NAME")
    (interval,) = bot_intervals(spoken_by_the_bot(stopped=3.5), phi)
    assert interval == pytest.approx((2.6 - 0.2, 3.4 + 0.2))


def test_a_stretch_whose_word_times_do_not_add_up_is_bleeped_whole():
    phi = PHIFirewall()
    phi.vault.put("jordan miller", "NAME")
    (interval,) = bot_intervals(spoken_by_the_bot(stopped=9.0), phi)
    assert interval == pytest.approx((2.0 - 0.2, 9.0 + 0.2))


def test_words_tell_by_the_engine_and_by_what_the_vault_knows():
    phi = PHIFirewall()
    phi.vault.put("jordan miller", "NAME")
    said = "and then mister Miller called me yesterday".split()
    words = [Word(word, i, i + 0.5) for i, word in enumerate(said)]
    assert [word.text for word in telling(words, phi)] == ["Miller"]


def test_an_audit_of_an_open_copy_says_that_it_is_one(copy):
    out = io.StringIO()
    (found,) = audit([copy], out)
    assert found.open_copy and "redacted copy" in out.getvalue()
    assert not any("sealed" in finding for finding in found.findings)
