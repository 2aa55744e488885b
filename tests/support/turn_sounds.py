"""Sounds a caller's microphone may hear while a bot speaks: speech of many voices, and noise.

Everything is drawn from a seeded generator; the train and the test set have no voice, no phrase
of an interruption and no draw of a noise in common.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import soxr

from services.rehearsal.espeak import engine

RATE = 16000
SPEECH_DB = -18.0
"""RMS of active speech at 0 dB, dB of full scale; a line's noise floor lies at -66."""

INTERRUPTIONS, BACKCHANNELS, NOISES = ("interruption",), ("backchannel",), (
    "cough", "door", "babble", "side", "echo",
)  # fmt: skip


@dataclass(frozen=True)
class Set:
    """What one of the two sets draws from."""

    callers: Sequence[str]
    others: Sequence[str]
    bot: str
    interruptions: Sequence[str]
    backchannels: Sequence[str]
    asides: Sequence[str]


SETS = {
    "train": Set(
        callers=("en-us", "en-us+m3", "en-gb+f4", "en-us+f5", "en-029+m6", "en-gb-x-rp+m4"),
        others=("en-us+m1", "en-gb+f5"),
        bot="en-us+m2",
        interruptions=(
            "wait, that is not what I asked",
            "can I ask something",
            "stop",
            "no no no",
            "hold on a second",
            "I wanted to know about Friday",
            "what about my knee",
            "please repeat the last part",
            "is it far from the station",
            "yes but which floor is it",
            "my sister is allergic to that",
            "that sounds wrong to me",
            "one question about the insurance",
            "sorry could you say that again",
        ),
        backchannels=(
            "mm-hmm", "right", "okay", "yeah", "I see", "uh huh", "yes", "sure", "all right",
            "oh yeah", "okay great", "exactly", "oh I see", "really", "of course", "good",
        ),
        asides=(
            "could you close the window please",
            "dinner is in the oven",
            "have you seen my keys",
        ),
    ),
    "test": Set(
        callers=("en-gb-x-rp", "en-us+m7", "en-gb-scotland+f3", "en-us+f1", "en-029+m4"),
        others=("en-gb-x-gbcwmd+m5", "en-us+f3", "en-gb+m6"),
        bot="en-gb+f2",
        interruptions=(
            "sorry, I have a question",
            "hang on, what did you say about Monday",
            "no, I meant the other appointment",
            "actually, could we move this to Tuesday",
            "wait wait wait",
            "excuse me",
            "that is wrong, my name is spelled differently",
            "let me stop you there",
            "how much does it cost",
            "but I am allergic to that",
            "just a moment, I need a pen",
            "stop please",
            "which pharmacy do you mean",
            "yeah but I take it in the morning",
        ),
        backchannels=(
            "mhm", "uh huh", "got it", "oh okay", "yep", "alright", "yeah", "right", "mm-hmm",
            "okay", "I see", "sure",
        ),
        asides=(
            "put it on the table over there",
            "did anybody feed the dog",
            "the bus leaves at ten past nine",
            "I will call you back in a minute",
        ),
    ),
}  # fmt: skip

MONOLOGUE = (
    "Your appointment has been moved to the second week of the month, and the nurse will call "
    "you the day before to confirm it. Please bring the letter from your previous doctor, the "
    "list of everything you take in the morning and in the evening, and the card of your "
    "insurance. The clinic opens at eight, the entrance is behind the parking garage, and the "
    "reception is on the third floor next to the elevators. If you have a fever on that morning, "
    "stay at home and let us know by telephone, so that somebody else can have the time. "
)


@cache
def spoken(text: str, voice: str) -> tuple[np.ndarray, tuple[tuple[str, float, float], ...]]:
    """A text in a voice: float32 at 16 kHz and at 0 dB, and its words with start and end.

    Args:
        text: What is said.
        voice: An espeak-ng voice.
    """
    espeak = engine()
    assert espeak, "espeak-ng is missing. Install the rehearsal extra: pip install '.[rehearsal]'"
    pcm, marks = espeak.speak(text, voice=voice)
    sound = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
    sound = soxr.resample(sound, espeak.rate, RATE)
    loud = np.flatnonzero(np.abs(sound) > np.abs(sound).max() / 100)
    first, last = loud[0], loud[-1] + 1
    starts = [max(0.0, at - first / RATE) for _, at in marks]
    ends = [*starts[1:], (last - first) / RATE]
    words = tuple(zip(text.split(), starts, ends, strict=False))
    return at_level(sound[first:last], SPEECH_DB), words


def at_level(sound: np.ndarray, db: float) -> np.ndarray:
    """The same sound with its active parts at an RMS, dB of full scale."""
    active = sound[np.abs(sound) > np.abs(sound).max() / 30]
    return (sound * (10 ** (db / 20) / np.sqrt(np.mean(active**2)))).astype(np.float32)


def low_passed(sound: np.ndarray, hz: float) -> np.ndarray:
    """The same sound, dull: a second-order roll-off above ``hz``."""
    spectrum = np.fft.rfft(sound)
    spectrum /= 1 + (np.fft.rfftfreq(len(sound), 1 / RATE) / hz) ** 2
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def in_a_room(sound: np.ndarray, rng: np.random.Generator, secs: float = 0.25) -> np.ndarray:
    """The same sound from across a room."""
    tail = rng.standard_normal(int(secs * RATE)) * np.exp(-np.arange(int(secs * RATE)) / RATE * 18)
    tail[0] = 6.0
    return np.convolve(sound, tail)[: len(sound) + int(0.1 * RATE)].astype(np.float32)


def hum(rng: np.random.Generator) -> np.ndarray:
    """ "Mm-hmm" with a closed mouth, as people hum it; espeak can only spell it out."""
    n = int(rng.uniform(0.42, 0.62) * RATE)
    t = np.linspace(0, 1, n)
    pitch = rng.uniform(100, 220) * (1 - 0.1 * np.sin(2 * np.pi * t) + 0.25 * (t > 0.5) * (t - 0.5))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = sum(np.sin(k * phase) / k**2.2 for k in range(1, 12))
    syllables = np.clip(np.abs(np.sin(2 * np.pi * t)) * 2, 0.12, 1) * np.minimum(1, (1 - t) * 6)
    breath = np.where(np.abs(t - 0.5) < 0.06, 0.05, 0.002) * rng.standard_normal(n)
    return at_level((sound * syllables + breath).astype(np.float32), SPEECH_DB)


def cough(rng: np.random.Generator) -> np.ndarray:
    """One to three bursts of coloured breath, the first with a voiced end."""
    bursts = []
    for _ in range(rng.integers(1, 4)):
        n = int(rng.uniform(0.18, 0.32) * RATE)
        t = np.arange(n) / RATE
        breath = np.convolve(rng.standard_normal(n), np.hanning(rng.integers(4, 12)), "same")
        voice = np.sign(np.sin(2 * np.pi * rng.uniform(140, 260) * t)) * rng.uniform(0, 0.5)
        shape = np.minimum(t / 0.008, 1) * np.exp(-t / rng.uniform(0.04, 0.09))
        bursts += [(breath + voice) * shape, np.zeros(int(rng.uniform(0.08, 0.2) * RATE))]
    return np.concatenate(bursts).astype(np.float32)


def door(rng: np.random.Generator) -> np.ndarray:
    """A thump, the click of a latch, and what rattles after it."""
    t = np.arange(int(rng.uniform(0.4, 0.8) * RATE)) / RATE
    sound = np.sin(2 * np.pi * rng.uniform(55, 130) * t) * np.exp(-t / 0.09) * 2
    for _ in range(rng.integers(2, 6)):
        at = int(rng.uniform(0, 0.3) * RATE)
        click = rng.standard_normal(int(0.03 * RATE)) * np.exp(-np.arange(int(0.03 * RATE)) / 90)
        sound[at : at + len(click)] += click
    return sound.astype(np.float32)


@dataclass(frozen=True)
class Event:
    """Something the microphone hears while the bot speaks.

    Parameters:
        kind: ``interruption``, ``backchannel``, ``cough``, ``door``, ``babble``, ``side`` or
            ``echo``; an echo has no sound of its own.
        sound: float32 at 16 kHz, from its very first audible sample.
        words: What can be transcribed of it: word, start and end in seconds.
        after: Seconds into the bot's speech.
        text: What was said, for a report.
    """

    kind: str
    sound: np.ndarray
    words: tuple[tuple[str, float, float], ...] = ()
    after: float = 1.5
    text: str = ""


@dataclass(frozen=True)
class CallPlan:
    """One call: a caller at a level, who asks something first, and what happens after.

    With ``echo_secs`` the bot's voice comes back at -20 dB after so long, all through the call.
    """

    voice: str
    level_db: float
    bot: str
    opening: Event
    echo_secs: float | None = None
    events: list[Event] = field(default_factory=list)


MIX = ["interruption"] * 6 + ["backchannel"] * 4 + [*NOISES[:4], *NOISES[:4], "side"]
ECHO_MIX = ["echo"] * 3 + ["interruption"] * 2 + ["backchannel"]


def plans(name: str, *, seed: int, events: int, per_call: int = 6) -> list[CallPlan]:
    """The calls of a set.

    Args:
        name: ``train`` or ``test``.
        seed: Of every draw.
        events: How many events at least.
        per_call: Events in a call.
    """
    known = SETS[name]
    rng = np.random.default_rng([seed, len(name)])
    calls = []
    deck: list[str] = []
    for number in range(-(-events // per_call)):
        voice = str(rng.choice(list(known.callers)))
        echoes = number % 6 == 5
        level = float(rng.uniform(-12 if echoes else -30, 0))
        ask, words = spoken("good morning, I would like to know about my appointment", voice)
        call = CallPlan(
            voice,
            level,
            known.bot,
            Event("opening", ask * np.float32(10 ** (level / 20)), words),
            float(rng.uniform(0.08, 0.2)) if echoes else None,
        )
        kinds = list(rng.permutation(ECHO_MIX)) if echoes else []
        for _ in range(per_call):
            deck = deck or list(rng.permutation(MIX))
            call.events.append(_event(str((kinds or deck).pop()), call, known, rng))
        calls.append(call)
    return calls


def _event(kind: str, call: CallPlan, known: Set, rng: np.random.Generator) -> Event:
    level = call.level_db + float(rng.uniform(-3, 3))
    after = float(rng.uniform(1.0, 3.0))

    def at(sound: np.ndarray, db: float) -> np.ndarray:
        return sound * np.float32(10 ** (db / 20))

    if kind in ("interruption", "backchannel"):
        texts = known.interruptions if kind == "interruption" else known.backchannels
        text = str(rng.choice(list(texts)))
        sound, words = spoken(text, call.voice)
        if text in ("mm-hmm", "mhm"):
            sound = hum(rng)
            words = ((text, 0.0, len(sound) / RATE),)
        return Event(kind, at(sound, level), words, after, text)
    if kind == "echo":
        return Event(kind, np.zeros(0, np.float32), (), after)
    if kind == "side":
        text = str(rng.choice(list(known.asides)))
        if rng.random() < 0.35:  # the caller, turned away from the microphone
            sound, words = spoken(text, call.voice)
            sound = at(low_passed(sound, 1800), level - float(rng.uniform(6, 12)))
        else:
            sound, words = spoken(text, str(rng.choice(list(known.others))))
            sound = at_level(in_a_room(low_passed(sound, 3500), rng), SPEECH_DB)
            sound = at(sound, level - float(rng.uniform(10, 18)))
        return Event(kind, sound, words, after, text)
    if kind == "babble":
        parts = [spoken(str(t), str(v))[0] for t in known.asides for v in known.others]
        length = int(rng.uniform(1.5, 3.0) * RATE)
        mixed = np.zeros(length, np.float32)
        for part in parts:
            mixed += np.roll(np.resize(part, length), int(rng.integers(length)))
        sound = at(at_level(in_a_room(mixed, rng), SPEECH_DB), level - float(rng.uniform(12, 20)))
        return Event(kind, sound, (), after)
    sound = cough(rng) if kind == "cough" else door(rng)
    return Event(kind, at(at_level(sound, SPEECH_DB), level + float(rng.uniform(-6, 3))), (), after)
