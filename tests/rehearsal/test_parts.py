import random
import statistics

import numpy as np
import pytest

from services.rehearsal import mouth
from services.rehearsal.ears import Framer, Gate, Prompter, ScriptedEars, Utterance
from services.rehearsal.espeak import engine
from services.rehearsal.faults import Fault, faults_from, take
from services.rehearsal.g2p import arpabet
from services.rehearsal.journal import Journal, without_binaries
from services.rehearsal.latency import PROFILES, Latency, profile_named

needs_espeak = pytest.mark.skipif(engine() is None, reason="espeak-ng is not installed")


def test_a_latency_has_its_median_and_95th_percentile():
    rng = random.Random(1)
    draws = [Latency(100, 300).draw(rng) for _ in range(4000)]
    assert statistics.median(draws) == pytest.approx(0.1, rel=0.05)
    assert statistics.quantiles(draws, n=20)[-1] == pytest.approx(0.3, rel=0.1)
    assert PROFILES["instant"].final.draw(rng) == 0.0


def test_an_unknown_profile_names_those_there_are():
    with pytest.raises(ValueError, match="bad-day"):
        profile_named("sunny")


def test_faults_are_taken_in_order_and_used_up():
    faults = [Fault("deepgram", "status:429", skip=1, times=2), Fault("cartesia", "drop_after:3")]
    rng = random.Random(1)
    taken = [take(faults, "deepgram", rng) for _ in range(4)]
    assert [fault and fault.do for fault in taken] == [None, "status:429", "status:429", None]
    assert take(faults, "deepgram", rng, live=True) is None
    assert take(faults, "cartesia", rng, live=True) is faults[1]


def test_chance_is_drawn_from_the_seed():
    hits = [
        [
            take([Fault("openai", "stall:1", chance=0.5)], "openai", rng) is not None
            for _ in range(20)
        ]
        for rng in (random.Random(3), random.Random(3))
    ]
    assert hits[0] == hits[1] and 0 < sum(hits[0]) < 20


@pytest.mark.parametrize(
    "entry",
    [{"vendor": "acme", "do": "stall:1"}, {"vendor": "openai", "do": "explode:1"},
     {"vendor": "openai", "do": "stall:soon"}, {"vendor": "openai", "when": 3}],
)  # fmt: skip
def test_a_fault_that_cannot_be_is_refused(entry):
    with pytest.raises(ValueError):
        faults_from([entry])


def test_the_journal_is_bounded_and_counts_what_it_drops():
    journal = Journal("s", max_bytes=1000)
    for i in range(50):
        journal.write("deepgram", "final", text="x" * 50, i=i)
    kept = [entry["i"] for entry in journal.entries()]
    assert kept[-1] == 49 and journal.dropped == kept[0] and len(kept) < 10


def test_the_journal_keeps_all_text_and_no_image():
    image = {"type": "image", "source": {"type": "base64", "data": "QUJD"}}
    body = {"system": "be kind", "messages": [{"content": [{"type": "text", "text": "hi"}, image]}]}
    kept = without_binaries(body)
    assert kept["system"] == "be kind" and kept["messages"][0]["content"][0]["text"] == "hi"
    assert kept["messages"][0]["content"][1]["source"]["data"]["bytes"] == 3


def test_frames_are_cut_whatever_the_chunks_and_the_rate():
    rng = np.random.default_rng(1)
    pcm = (rng.normal(0, 1000, 48000)).astype(np.int16).tobytes()
    framer = Framer(48000)
    frames = [f for at in range(0, len(pcm), 997) for f in framer.push(pcm[at : at + 997])]
    assert all(frame.shape == (320,) for frame in frames)
    assert 45 <= len(frames) <= 50


def test_the_gate_cuts_an_utterance_with_its_lead_in():
    gate, quiet, loud = Gate(), np.zeros(320, np.int16), np.full(320, 2000, np.int16)
    events = [gate.push(frame) for frame in [quiet] * 20 + [loud] * 10 + [quiet] * 20]
    assert events.count("start") == 1 and events.index("end") > events.index("start")
    utterance = gate.cut()
    assert utterance.start == pytest.approx(0.16, abs=0.021)
    assert not gate.open


def test_scripted_ears_hear_line_after_line_across_connections():
    prompter, frame = Prompter(["good morning", "goodbye"]), np.full(320, 2000, np.int16)
    heard = []
    for _ in range(3):
        ears = ScriptedEars(prompter)
        for _ in range(40):
            ears.accept(frame)
        heard.append([w.text for w in ears.decode(Utterance(np.zeros(0, np.int16), 1.0, 2.0))])
        ears.reset()
    assert heard == [["good", "morning"], ["goodbye"], ["good", "morning"]]


@pytest.mark.parametrize("engines", [pytest.param(True, marks=needs_espeak), False])
def test_a_mouth_speaks_at_the_rate_asked_with_rising_word_times(engines):
    speech = mouth.mouth(engines=engines).say(
        "please read the letter", rate=24000, voice="any-vendor-id", speed=1.0, stop=lambda: False
    )
    assert 0.8 < speech.seconds < 3.0
    assert [word for word, _, _ in speech.words] == ["please", "read", "the", "letter"]
    starts = [start for _, start, _ in speech.words]
    assert starts == sorted(starts) and speech.words[-1][2] == pytest.approx(
        speech.seconds, abs=0.1
    )
    assert np.abs(np.frombuffer(speech.pcm, np.int16)).max() > 300


@needs_espeak
def test_a_stopped_mouth_stops_at_once():
    text = "this is a long sentence " * 20
    whole = mouth.mouth().say(text, rate=22050, voice="en-us", speed=1.0, stop=lambda: False)
    cut = mouth.mouth().say(text, rate=22050, voice="en-us", speed=1.0, stop=lambda: True)
    assert cut.seconds < 0.2 < whole.seconds


def test_speak_gives_whole_samples():
    assert len(mouth.speak("hello", 48000)) % 2 == 0


def test_ipa_becomes_arpabet():
    assert arpabet("lɪsˈɪnəpɹˌɪl") == "L IH S IH N AH P R IH L"
