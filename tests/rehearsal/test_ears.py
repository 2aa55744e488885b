"""How well the ears hear: measured, with loose bounds pinned."""

import numpy as np
import pytest

from services.rehearsal import ears_sphinx
from services.rehearsal.ears import Framer, Gate
from services.rehearsal.espeak import engine
from services.rehearsal.mouth import mouth
from services.rehearsal.script import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not ears_sphinx.available() or engine() is None, reason="the offline extra is not installed"
    ),
]
SCRIPT = load("consultation")
RECOMBINED = [
    "good morning my name is dana brooks",
    "my knee hurts and it started two days ago",
    "i am allergic to latex and aspirin",
    "my date of birth is june fifth nineteen eighty four",
    "can i talk to a nurse please",
    "what does my letter say",
    "can you repeat that please",
    "my phone number is two one seven five five five zero zero nine eight",
    "no thank you that is all",
    "my chest hurts when i walk",
]
FOREIGN = [
    "the weather in paris is colder than i expected this spring",
    "could you explain why the invoice went up by twelve percent",
    "the technician replaced the compressor but the noise came back",
    "she said the delivery truck broke down on the highway",
]


def hear(text: str, *, voice: str, rate: int) -> str:
    speech = mouth().say(text, rate=rate, voice=voice, speed=0.95, stop=lambda: False)
    samples = (np.frombuffer(speech.pcm, np.int16) * 0.6).astype(np.int16)
    ears, gate, framer, heard = ears_sphinx.SphinxEars(SCRIPT.vocabulary), Gate(), Framer(rate), []
    for frame in framer.push(samples.tobytes() + bytes(rate)):
        event = gate.push(frame)
        for piece in gate.frames if event == "start" else [frame] if gate.open else []:
            ears.accept(piece)
        if event == "end":
            ears.reset()
            heard += [word.text for word in ears.decode(gate.cut())]
    return " ".join(heard)


def errors(spoken: str, heard: str) -> int:
    """Word-level edit distance."""
    row = list(range(len(heard.split()) + 1))
    for i, word in enumerate(spoken.split(), 1):
        last, row[0] = row[0], i
        for j, other in enumerate(heard.split(), 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1]


@pytest.mark.parametrize("voice", ["en-us+m3", "en-gb"])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_the_lines_are_heard_exactly(voice, rate):
    lines = [line.say for line in SCRIPT.lines]
    assert [hear(line, voice=voice, rate=rate) for line in lines] == lines


@pytest.mark.parametrize("voice", ["en-us+m3", "en-gb"])
def test_recombined_phrases_are_mostly_heard(voice):
    missed = sum(errors(text, hear(text, voice=voice, rate=16000)) for text in RECOMBINED)
    assert missed / sum(len(text.split()) for text in RECOMBINED) < 0.15


def test_speech_outside_the_phrases_is_rejected():
    heard = [hear(text, voice="en-us+m3", rate=16000) for text in FOREIGN]
    assert heard.count("") >= 3


def test_a_word_outside_the_dictionary_is_pronounced_by_espeak():
    assert "lisinopril" in ears_sphinx.lexicon(SCRIPT.vocabulary).guessed
