"""Generated callers, calm and in distress, for the weights of ``sessions/distress.py``.

Speech by espeak-ng (GPL-3.0-or-later, run as a program; what it says is ours). A calm turn varies
as people do; one in distress is louder, higher and faster. Synthetic speech stands in for people:
what is measured here is that the numbers mean what they say, not how well it finds distress.

    python -m tests.readings.distress_voices      fit and print the weights and the calibration
"""

from dataclasses import dataclass

import numpy as np
import soxr

from services.rehearsal.espeak import engine
from sessions.distress import BIAS, WEIGHTS, _Turn, confidence_of, pitch_of

DESIGN = ("en-us+m3", "en-gb+f4", "en-us+f5", "en-029+m6", "en-us+m2", "en-gb-x-rp+f2")
HELD_OUT = ("en-us+m7", "en-us+f1", "en-gb-scotland+f3", "en-029+m4", "en-gb+m6", "en-us+f3")
SENTENCES = (
    "I wanted to ask about the appointment that I have on Friday morning",
    "it started in my left knee about three days ago and it is still there",
    "could you look whether the results of the blood test have arrived",
    "my sister said that I should call you before I take any more of it",
    "I do not know which of the two doctors wrote the letter that I have here",
    "the pharmacy on the corner had none of it left when I went there",
)


@dataclass(frozen=True)
class Manner:
    """How a turn is spoken, as factors of the speaker's own way."""

    gain_db: float
    pitch: float
    pace: float


def calm(draws: np.random.Generator) -> Manner:
    """A turn like any other."""
    return Manner(
        draws.normal(0, 2.0), 2 ** (draws.normal(0, 0.9) / 12), 2 ** draws.normal(0, 0.12)
    )


def distressed(draws: np.random.Generator) -> Manner:
    """A turn that is louder, higher and faster, to a degree."""
    degree = draws.uniform(0.4, 1.4)
    usual = calm(draws)
    return Manner(
        usual.gain_db + 9 * degree,
        usual.pitch * 2 ** (5 * degree / 12),
        usual.pace * 2 ** (0.45 * degree),
    )


def speech(text: str, voice: str, manner: Manner, *, rate: int = 16000) -> np.ndarray:
    """A turn, int16 mono."""
    espeak = engine()
    assert espeak, "espeakng_loader is missing: pip install '.[offline]'"
    raw, _ = espeak.speak(text, voice=voice, speed=manner.pace / manner.pitch)
    samples = np.frombuffer(raw, np.int16).astype(np.float32)
    samples = soxr.resample(samples, espeak.rate * manner.pitch, rate)
    samples *= 1200 / max(1.0, float(np.sqrt(np.mean(samples**2)))) * 10 ** (manner.gain_db / 20)
    return np.clip(samples, -32767, 32767).astype(np.int16)


def features(text: str, voice: str, manner: Manner) -> np.ndarray:
    """Level, pitch and pace of a turn."""
    samples = speech(text, voice, manner)
    turn = _Turn()
    turn.secs, turn.words = len(samples) / 16000, len(text.split())
    small = samples[::2].astype(np.float32) / 32768
    for begin in range(0, len(small) - 512, 512):
        window = small[begin : begin + 512]
        turn.levels.append(10 * np.log10(float(np.mean(window**2)) + 1e-10))
        if pitch := pitch_of(window, 8000):
            turn.pitches.append(pitch)
    return np.array(turn.features())


def sample(voices, *, per_voice: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Deviations from each voice's first two turns, and whether each turn was in distress."""
    draws = np.random.default_rng(seed)
    rows, labels = [], []
    for voice in voices:
        usual = np.mean([features(SENTENCES[n], voice, calm(draws)) for n in (0, 1)], axis=0)
        for n in range(per_voice):
            bad = n % 2
            manner = (distressed if bad else calm)(draws)
            rows.append(features(SENTENCES[2 + n % 4], voice, manner) - usual)
            labels.append(bad)
    return np.array(rows), np.array(labels)


def fit(rows: np.ndarray, labels: np.ndarray, *, ridge: float = 1.0) -> np.ndarray:
    """Weights and bias of a logistic regression, by Newton's method."""
    x = np.column_stack([rows, np.ones(len(rows))])
    w = np.zeros(x.shape[1])
    penalty = ridge * np.diag([1.0] * rows.shape[1] + [0.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ w))
        w += np.linalg.solve(
            x.T @ (x * (p * (1 - p))[:, None]) + penalty, x.T @ (labels - p) - penalty @ w
        )
    return w


def calibration_error(rows: np.ndarray, labels: np.ndarray, *, bins: int = 5) -> float:
    """Mean distance between how sure it was and how often it was right, over equal bins."""
    sure = np.array([confidence_of(*row) for row in rows])
    which = np.minimum((sure * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(sure[which == b].mean() - labels[which == b].mean()) * (which == b).mean()
            for b in range(bins)
            if (which == b).any()
        )
    )


def main() -> None:
    """Fit on the design voices and judge on the held-out ones."""
    w = fit(*sample(DESIGN, per_voice=40, seed=1))
    print("fitted", np.round(w, 2), "in use", WEIGHTS, BIAS)
    rows, labels = sample(HELD_OUT, per_voice=40, seed=2)
    sure = np.array([confidence_of(*row) for row in rows])
    print(
        f"held out: calibration error {calibration_error(rows, labels):.3f}, "
        f"flagged of distressed {np.mean(sure[labels == 1] >= 0.7):.2f}, "
        f"of calm {np.mean(sure[labels == 0] >= 0.7):.2f}"
    )


if __name__ == "__main__":
    main()
