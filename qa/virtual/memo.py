# pyright: reportAttributeAccessIssue=false
"""A memo of the two models a replay runs: Silero VAD and smart turn, by content digest.

Their results depend on the audio alone, and a suite replays the same audio again and again. A
confidence is keyed by the rolling digest of all audio since the model was last reset; where the
memo ends, the model is brought to the state it would be in and goes on by itself, so a replay
that diverges mid-stream is still exact.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer


class MemoMismatch(AssertionError):
    """A model gives another result than the memo: it was changed, or the memo is foreign."""


class InferenceMemo:
    """Results of the models, kept in one JSON file.

    Attributes:
        hits: Results taken from the memo.
        misses: Results the models had to give.
    """

    def __init__(self, path: str | Path, *, check: bool = False):
        """Load the memo, if there is one.

        Args:
            path: The file.
            check: Run the models all the same and compare.
        """
        self.path = Path(path)
        self.hits = self.misses = 0
        self._check = check
        self._vad: dict[str, float] = {}
        self._turn: dict[str, dict] = {}
        if self.path.exists():
            known = json.loads(self.path.read_text())
            self._vad, self._turn = known["vad"], known["turn"]

    def save(self) -> None:
        """Write what was learnt."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"vad": self._vad, "turn": self._turn}))

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Answer for the models of this process during the block."""
        memo = self
        voice_confidence = SileroVADAnalyzer.voice_confidence
        predict = LocalSmartTurnAnalyzerV3._predict_endpoint
        volume = VADAnalyzer._get_smoothed_volume

        def unheard_volume(self, audio):
            # Counts for nothing unless the parameters ask for a least volume.
            return volume(self, audio) if self.params.min_volume > 0 else 0.0

        def remembered_confidence(self, buffer):
            return memo._confidence(self, bytes(buffer), voice_confidence)

        def remembered_endpoint(self, audio_array):
            return memo._endpoint(self, audio_array, predict)

        SileroVADAnalyzer.voice_confidence = remembered_confidence
        LocalSmartTurnAnalyzerV3._predict_endpoint = remembered_endpoint
        VADAnalyzer._get_smoothed_volume = unheard_volume
        try:
            yield
        finally:
            SileroVADAnalyzer.voice_confidence = voice_confidence
            LocalSmartTurnAnalyzerV3._predict_endpoint = predict
            VADAnalyzer._get_smoothed_volume = volume

    def _confidence(self, vad: SileroVADAnalyzer, buffer: bytes, infer) -> float:
        # The model was reset when no window has been scored since; the chain starts anew.
        fresh = vad._windows_since_reset == 0
        chain = b"" if fresh else getattr(vad, "_memo_chain", b"")
        if fresh:
            vad._memo_unfed = []
        chain = hashlib.blake2b(chain + buffer, digest_size=12).digest()
        vad._memo_chain = chain
        key = f"{vad.sample_rate}:{chain.hex()}"
        known = self._vad.get(key)
        if known is not None and not self._check:
            self.hits += 1
            vad._memo_unfed.append(buffer)
            vad._maybe_reset_model(known)
            return known
        self.misses += 1
        for unfed in vad._memo_unfed:
            samples = np.frombuffer(unfed, np.int16).astype(np.float32) / 32768.0
            vad._model(samples, vad.sample_rate)
        vad._memo_unfed = []
        result = infer(vad, buffer)
        confidence = float(result.item()) if hasattr(result, "item") else float(result)
        if known is not None and abs(known - confidence) > 1e-4:
            raise MemoMismatch(f"Silero gives {confidence:.4f} and the memo {known:.4f}")
        self._vad[key] = confidence
        return confidence

    def _endpoint(self, analyzer: LocalSmartTurnAnalyzerV3, audio: np.ndarray, infer) -> dict:
        key = hashlib.blake2b(audio.tobytes(), digest_size=12).hexdigest()
        known = self._turn.get(key)
        if known is not None and not self._check:
            self.hits += 1
            return dict(known)
        self.misses += 1
        result = infer(analyzer, audio)
        if known is not None and abs(known["probability"] - result["probability"]) > 1e-4:
            raise MemoMismatch(
                f"smart turn gives {result['probability']:.4f} and the memo "
                f"{known['probability']:.4f}"
            )
        self._turn[key] = {k: float(v) if k == "probability" else v for k, v in result.items()}
        return result
