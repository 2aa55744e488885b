import asyncio
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams

from sessions.turns.shared_models import SharedSilero, SharedSmartTurn
from tests.support.turn_sounds import spoken

EAGER = VADParams(start_secs=0.1, stop_secs=0.2, min_volume=0.0)


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    samples, _ = spoken("I would like to know about my appointment on Friday", "en-us")
    return (np.asarray(samples) * 32767).astype(np.int16)


def test_the_private_names_of_pipecat_that_are_used_exist():
    stock = SileroVADAnalyzer()
    assert vars(SharedSilero()).keys() == vars(stock).keys()
    assert vars(SharedSilero()._model).keys() == vars(stock._model).keys()
    assert vars(SharedSmartTurn()).keys() == vars(LocalSmartTurnAnalyzerV3()).keys()
    for owner, name in (
        (VADAnalyzer, "_run_analyzer"),
        (VADAnalyzer, "_get_smoothed_volume"),
        (SileroOnnxModel, "reset_states"),
        (BaseSmartTurn, "_model_executor"),
        (LocalSmartTurnAnalyzerV3, "_predict_endpoint"),
    ):
        assert hasattr(owner, name), f"{owner.__name__}.{name} is gone from Pipecat"


async def test_it_hears_what_pipecat_s_detector_hears(voice):
    stock, ours = SileroVADAnalyzer(params=EAGER), SharedSilero(params=EAGER)
    for vad in (stock, ours):
        vad.set_sample_rate(16000)
    heard = [[], []]
    for at in range(0, len(voice) - 320, 320):
        chunk = voice[at : at + 320].tobytes()
        for vad, states in zip((stock, ours), heard):
            states.append(await vad.analyze_audio(chunk))
    await stock.cleanup()
    assert heard[0] == heard[1]
    assert len(set(heard[0])) > 1


async def test_a_least_volume_is_still_asked_for(voice):
    quiet = (voice // 400).astype(np.int16)
    deaf = SharedSilero(sample_rate=16000, params=VADParams(min_volume=0.9))
    deaf.set_sample_rate(16000)
    states = {
        (await deaf.analyze_audio(quiet[at : at + 320].tobytes())).name
        for at in range(0, len(quiet) - 320, 320)
    }
    assert states == {"QUIET"}


def test_sessions_share_the_models_and_not_what_they_heard(voice):
    one, other = SharedSilero(sample_rate=16000), SharedSilero(sample_rate=16000)
    assert one._model.session is other._model.session
    one.set_sample_rate(16000)
    for at in range(0, 16000, 512):
        one.voice_confidence(voice[at : at + 512].tobytes())
    assert np.abs(one._model._state).max() > 0
    assert np.abs(other._model._state).max() == 0


async def test_all_turns_are_judged_in_one_thread_that_gives_way(voice):
    def where():
        nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return threading.get_native_id(), nice

    loop = asyncio.get_running_loop()
    one, other = SharedSmartTurn(), SharedSmartTurn()
    assert one._session is other._session
    here = await loop.run_in_executor(one._model_executor, where)
    await one.cleanup()
    there = await loop.run_in_executor(other._model_executor, where)
    assert here == there
    if sys.platform == "linux":
        assert here[1] > os.getpriority(os.PRIO_PROCESS, 0)


def test_the_turn_model_judges_as_pipecat_s_does(voice):
    stock, ours = LocalSmartTurnAnalyzerV3(sample_rate=16000), SharedSmartTurn(sample_rate=16000)
    audio = voice.astype(np.float32) / 32768
    expected = stock._predict_endpoint(audio)
    got = ours._predict_endpoint(audio)
    assert got["prediction"] == expected["prediction"]
    assert got["probability"] == pytest.approx(expected["probability"], abs=1e-4)


FORKING = """
import os, numpy as np, threading
from sessions.turns.shared_models import SharedSmartTurn, SharedSilero, warm_up
warm_up()
assert threading.active_count() == 1
child = os.fork()
if not child:
    turn = SharedSmartTurn(sample_rate=16000)
    turn.set_sample_rate(16000)
    turn._model_executor.submit(turn._predict_endpoint, np.zeros(16000, np.float32)).result(20)
    SharedSilero(sample_rate=16000)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.slow
def test_a_forked_process_uses_the_models_of_its_parent():
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", FORKING], env=env, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.strip() == "7", ran.stderr
