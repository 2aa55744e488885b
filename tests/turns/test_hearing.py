"""The voice detector is not asked about an even, soft background, and hears what it would have."""

import numpy as np
import pytest
from pipecat.audio.vad.vad_analyzer import VADState

from sessions.clock import Clock
from sessions.turns.hearing import VAD, Hearing
from sessions.turns.shared_models import SharedSilero
from tests.support.turn_sounds import RATE, spoken

STEP = 320


class Counted(Hearing):
    """Counts what the model is asked."""

    asked = 0

    def __init__(self):
        super().__init__(Clock())
        model = self._model

        def ask(*args):
            self.asked += 1
            return model(*args)

        ask.reset_states = model.reset_states
        self._model = ask


def line(*, noise_db: float, level_db: float, silence_secs: float = 4.0) -> np.ndarray:
    """Silence, a sentence and silence, over noise; int16 at 16 kHz."""
    voice = np.asarray(spoken("I would like to know about my appointment", "en-gb+f4")[0])
    voice *= 10 ** (level_db / 20) / np.sqrt(np.mean(voice[np.abs(voice) > 0.01] ** 2))
    silence = np.zeros(int(silence_secs * RATE))
    sound = np.concatenate([silence, voice, silence])
    sound += np.random.default_rng(3).standard_normal(len(sound)) * 10 ** (noise_db / 20)
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)


async def states(vad, sound: np.ndarray) -> list[VADState]:
    vad.set_sample_rate(RATE)
    chunks = range(0, len(sound) - STEP, STEP)
    return [await vad.analyze_audio(sound[at : at + STEP].tobytes()) for at in chunks]


async def test_voices_are_confirmed_when_they_would_have_been_and_the_model_rests():
    late_secs, asked, windows = [], 0, 0
    for noise_db in (-80, -66, -54):
        for level_db in (-18, -28, -38):
            sound = line(noise_db=noise_db, level_db=level_db)
            ours, always = Counted(), SharedSilero(params=VAD)
            heard, would = await states(ours, sound), await states(always, sound)
            late = heard.index(VADState.SPEAKING) - would.index(VADState.SPEAKING)
            late_secs.append(late * STEP / RATE)
            asked, windows = asked + ours.asked, windows + len(sound) // 512
    assert abs(np.mean(late_secs)) <= 0.02 and np.max(late_secs) <= 0.08
    assert asked < 0.6 * windows


@pytest.mark.parametrize("noise_db", [-45, -30])
async def test_a_loud_background_is_listened_to(noise_db):
    sound = line(noise_db=noise_db, level_db=-18)
    ours = Counted()
    await states(ours, sound)
    assert ours.asked == len(sound) // 512


async def test_a_voice_softer_than_the_noise_before_it_is_heard():
    rng = np.random.default_rng(5)
    bang = (rng.standard_normal(2 * RATE) * 32767 * 10 ** (-30 / 20)).astype(np.int16)
    voice = line(noise_db=-66, level_db=-40, silence_secs=0.1)
    heard = await states(Hearing(Clock()), np.concatenate([bang, voice]))
    assert VADState.SPEAKING in heard[2 * RATE // STEP :]
