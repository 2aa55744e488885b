"""The bot's own voice in the microphone is known for what it is."""

import numpy as np
import pytest

from sessions.turns.echo import COMPARED_SECS, EchoGate
from tests.support.turn_sounds import MONOLOGUE, RATE, spoken

STEP = 320


def explained(*, delay=0.13, echo=0.1, over=None, voice="en-us+m2", rate=RATE) -> list[bool]:
    bot, _ = spoken(MONOLOGUE, voice)
    bot = bot[: 4 * RATE]
    heard = np.random.default_rng(1).standard_normal(len(bot) + RATE) * 10 ** (-66 / 20)
    begin = int(delay * RATE)
    heard[begin : begin + len(bot)] += bot * echo
    if over is not None:
        heard[2 * RATE : 2 * RATE + len(over)] += over
    gate = EchoGate(RATE)
    compared, verdicts = int(COMPARED_SECS * RATE), []
    for end in range(STEP, len(bot), STEP):
        chunk = bot[end - STEP : end]
        if rate != RATE:
            chunk = np.interp(np.arange(0, STEP, RATE / rate), np.arange(STEP), chunk)
        gate.played((chunk * 32767).astype(np.int16).tobytes(), rate, (end - STEP) / RATE)
        if end > begin + compared + STEP:
            verdicts.append(
                gate.explains(heard[end - compared : end].astype(np.float32), end / RATE)
            )
    return verdicts


@pytest.mark.parametrize("delay", [0.08, 0.2])
@pytest.mark.parametrize("rate", [RATE, 24000])
def test_an_echo_is_explained_by_what_was_played(delay, rate):
    assert np.mean(explained(delay=delay, rate=rate)) > 0.95


def test_another_voice_is_not_explained():
    over, _ = spoken("I wanted to know about Friday", "en-us")
    assert np.mean(explained(echo=0.0, over=over)) < 0.03


def test_a_caller_who_talks_over_the_echo_is_not_explained():
    over, _ = spoken("I wanted to know about Friday", "en-us")
    # The caller speaks in the third second, 14 dB above the echo.
    verdicts = explained(over=over * 0.5)
    first = (2 * RATE - int((0.13 + COMPARED_SECS) * RATE)) // STEP
    assert np.mean(verdicts[first + 5 : first + 50]) < 0.25
    assert np.mean(verdicts[: first - 5]) > 0.95


def test_silence_explains_nothing():
    gate = EchoGate(RATE)
    assert not gate.explains(np.ones(4096, np.float32), 1.0)
