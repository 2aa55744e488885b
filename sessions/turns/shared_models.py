"""The two models of turn-taking, loaded once a process and shared by its sessions.

Pipecat loads both anew for each session (70 ms of event loop, 45 MB after the first turn) and
hands each 20 ms of sound to a thread, though a window takes 0.15 ms. Here the voice detector runs
where the sound arrives, and the turn model, which takes 45 ms, in one thread that gives way to
the audio. Its loudness is measured only where somebody asks for a least one.

By subclassing alone: a test pins each underscore name of Pipecat's that is touched.
"""

import functools
import gc
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import numpy as np
import onnxruntime
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState

SILERO = "pipecat.audio.vad.data", "silero_vad.onnx"
SMART_TURN = "pipecat.audio.turn.smart_turn.data", "smart-turn-v3.2-cpu.onnx"

NICE = 10
"""How far the turn model's thread gives way. At 5 audio is late from 38 dialogues a core on, at 15
answers are from 42 on; at 10 both hold there (``tests.benchmarks.density``)."""


@functools.cache
def _loaded(package: str, name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = str(files(package).joinpath(name))
    return onnxruntime.InferenceSession(
        path, providers=["CPUExecutionProvider"], sess_options=options
    )


def _give_way() -> None:
    if sys.platform == "linux":  # where a thread has a priority of its own
        nice = os.getpriority(os.PRIO_PROCESS, 0) + NICE
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(nice, 19))


@functools.cache
def _turn_thread(_process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="turn model", initializer=_give_way)


class _Silero(SileroOnnxModel):
    """Pipecat's model around the shared session; what it remembers of a stream is its own."""

    def __init__(self):
        self.session = _loaded(*SILERO)
        self.reset_states()
        self.sample_rates = [8000, 16000]


class SharedSilero(SileroVADAnalyzer):
    """Pipecat's voice detector on the process's one model, in the event loop."""

    def __init__(self, *, sample_rate: int | None = None, params: VADParams | None = None):
        """Initialize the detector.

        Args:
            sample_rate: 8000 or 16000, or ``None`` for the transport's.
            params: When a voice is taken for begun and ended.
        """
        VADAnalyzer.__init__(self, sample_rate=sample_rate, params=params)
        self._model = _Silero()
        self._windows_since_reset = 0
        self._low_confidence_windows = 0

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Hear a chunk of sound.

        Args:
            buffer: 16-bit mono.
        """
        return self._run_analyzer(buffer)

    def _get_smoothed_volume(self, audio: bytes) -> float:
        if self.params.min_volume <= 0:
            return 0.0
        return super()._get_smoothed_volume(audio)


class SharedSmartTurn(LocalSmartTurnAnalyzerV3):
    """Pipecat's end-of-turn model, one a process, in one thread that gives way to the audio."""

    def __init__(self, *, sample_rate: int | None = None, params: SmartTurnParams | None = None):
        """Initialize the analyzer.

        Args:
            sample_rate: Of the sound, or ``None`` for the transport's.
            params: When silence alone ends a turn.
        """
        BaseSmartTurn.__init__(self, sample_rate=sample_rate, params=params)
        self._log_data = False
        self._session = _loaded(*SMART_TURN)

    @property
    def _model_executor(self) -> ThreadPoolExecutor:
        # `_executor` stays None, so that a session that ends shuts down nobody else's thread.
        return _turn_thread(os.getpid())


@functools.cache  # once; a fork has what was loaded
def warm_up() -> None:
    """Load both models, run each once, and spare the garbage collector all that stands by then.

    Before the first session and off the event loop (0.3 s). It starts no thread and no loop, so a
    process may be forked afterwards. A collection of the whole heap stops every call for 80-95 ms.
    """
    detector = SharedSilero(sample_rate=16000)
    detector.set_sample_rate(16000)
    detector.voice_confidence(bytes(1024))
    turn = SharedSmartTurn(sample_rate=16000)
    turn.set_sample_rate(16000)
    turn._predict_endpoint(np.zeros(16000, np.float32))
    gc.collect()
    gc.freeze()
