"""Signs that a caller may be in distress, as stamped readings with a confidence. Never a diagnosis.

A voice is compared with itself: how much louder, higher and faster a turn is than the caller's
first ones. A face is read by a vision-language model, which answers with a word and a confidence.
What is found is shown to the model, told to the client (``distress``) and kept on the tape, so that
a person looks at it; a tool that calls one finds it in ``session.readings.latest(SIGN)``.

Callers are told that it runs, in the disclosure (EU AI Act, Article 50(3)). It may not be used on
workers or pupils (Article 5(1)(f)), and is off unless a bot adds it.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from loguru import logger
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    InputAudioRawFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport
from pydantic import BaseModel, Field, ValidationError

from sessions.readings import Reading
from sessions.watching import Watcher

if TYPE_CHECKING:
    from sessions.session import Session

SIGN, SILENCE, FACE = "sign of distress", "caller silence", "facial expression"

NOTICE = "I also listen for signs that you are unwell or upset, so that a person can help."

# From here on a sign is shown and told; a person is asked to look at it.
FLAGGED = 0.7
# The caller's own way of speaking is taken from so much of their first speech.
BASELINE_SECS = 5.0
SHORTEST_TURN_SECS = 0.8
SILENCE_SECS = 15.0
WINDOW_SECS = 0.064
LOWEST_HZ, HIGHEST_HZ = 70, 420
# Of the autocorrelation's peak, beside its value at zero: below, a window has no pitch.
CLEAR = 0.55

# Logistic regression on generated speech (espeak-ng, 6 voices; calm turns against louder, higher
# and faster ones), see tests/readings/distress_voices.py: dB, semitones and octaves of pace.
WEIGHTS = (0.76, 1.75, 1.93)
BIAS = -5.07


class FaceSign(BaseModel):
    """What a model says of a face.

    Parameters:
        signal: One word of these and no other, so that no text of a picture gets through.
        confidence: 0 to 1, the model's own.
    """

    signal: Literal["calm", "distress", "pain", "fear", "confusion", "tiredness", "none"]
    confidence: float = Field(ge=0, le=1)


def confidence_of(louder_db: float, higher: float, faster: float) -> float:
    """How sure a deviation of the voice is a sign, 0 to 1.

    Args:
        louder_db: Decibels above the caller's own level.
        higher: Semitones above their own pitch.
        faster: Octaves above their own pace (1 is twice as many words a second).
    """
    score = BIAS + sum(w * x for w, x in zip(WEIGHTS, (louder_db, higher, faster)))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def pitch_of(samples: np.ndarray, rate: int) -> float:
    """The pitch of a short window by autocorrelation, Hz; 0 where it has none.

    Args:
        samples: One window, any scale.
        rate: Samples a second.
    """
    samples = samples - samples.mean()
    size = 1 << (2 * len(samples) - 1).bit_length()
    spectrum = np.fft.rfft(samples, size)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[: len(samples)]
    low, high = rate // HIGHEST_HZ, min(len(samples) - 1, rate // LOWEST_HZ)
    if correlation[0] <= 0:
        return 0.0
    # A window holds less of a longer period: without this, octaves are heard too high.
    ranged = correlation[low:high] / (1 - np.arange(low, high) / len(samples))
    best = int(np.argmax(ranged))
    # The first peak that is nearly as high is the period, and not twice it.
    near = np.flatnonzero(ranged[: best + 1] >= 0.9 * ranged[best])
    peak = next((n for n in near if n == 0 or ranged[n] >= ranged[n - 1]), best)
    while peak + 1 < len(ranged) and ranged[peak + 1] > ranged[peak]:
        peak += 1
    return rate / (low + peak) if ranged[peak] >= CLEAR * correlation[0] else 0.0


class _Turn:
    """What has been heard of the present turn."""

    def __init__(self):
        self.levels: list[float] = []
        self.pitches: list[float] = []
        self.secs = 0.0
        self.words = 0

    def features(self) -> tuple[float, float, float] | None:
        """Level in dB, pitch in semitones of 1 Hz, pace in octaves of words a second."""
        if self.secs < SHORTEST_TURN_SECS or len(self.pitches) < 3 or not self.words:
            return None
        levels = np.array(self.levels)
        voiced = levels[levels > levels.max() - 20]
        level = 10 * math.log10(float(np.mean(10 ** (voiced / 10))))
        pitch = 12 * math.log2(float(np.median(self.pitches)))
        return level, pitch, math.log2(self.words / self.secs)


class Distress(Watcher):
    """Listens to how the caller speaks; a bot adds it to ``session.observers``."""

    streams = (InputAudioRawFrame,)

    def __init__(self, session: "Session"):
        """Listen for one session.

        Args:
            session: Its readings get the signs.
        """
        super().__init__()
        session.notices.append(NOTICE)
        self._session = session
        self._turn = _Turn()
        self._usual: list[tuple[float, tuple[float, float, float]]] = []
        self._speaks = self._bot_speaks = False
        self._rest = np.zeros(0, np.float32)
        self._quiet_secs = 0.0
        self._told_silence = False

    async def on_push_frame(self, data: FramePushed):
        """Follow the caller's sound and words."""
        frame = data.frame
        if frame.broadcast_sibling_id is not None and data.direction != FrameDirection.DOWNSTREAM:
            return
        if isinstance(frame, InputAudioRawFrame):
            if isinstance(data.source, BaseInputTransport):
                self._sound(frame)
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._speaks = True
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._speaks, self._quiet_secs, self._told_silence = False, 0.0, False
            self._turn.secs = max(0.0, self._turn.secs - frame.stop_secs)
        elif isinstance(frame, TranscriptionFrame):
            if not getattr(data.source, "_vivace_ears", False):
                return  # the same words, redacted on their way
            self._turn.words += len(frame.text.split())
        elif isinstance(frame, BotStartedSpeakingFrame):
            self._bot_speaks = True
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._bot_speaks, self._quiet_secs = False, 0.0
        elif isinstance(frame, UserStoppedSpeakingFrame):
            turn, self._turn = self._turn, _Turn()
            self._judge(turn)

    def face(self, answer: Mapping[str, Any]) -> None:
        """Take in what a model has read in a face.

        Args:
            answer: Its structured answer, ``{"signal": "distress", "confidence": 0.8}``. An answer
                that is not of this form is dropped.
        """
        try:
            sign = FaceSign.model_validate(answer)
        except ValidationError:
            logger.warning("A model's reading of a face has another form; it was dropped")
            return
        if sign.signal == "none":
            return
        self._add(FACE, sign.signal, "", "face", sign.confidence)
        if sign.signal in ("distress", "pain", "fear"):
            self._flag("face", sign.confidence)

    def _sound(self, frame: InputAudioRawFrame) -> None:
        secs = len(frame.audio) / 2 / frame.num_channels / frame.sample_rate
        if not self._speaks:
            if not self._bot_speaks:
                self._quiet(secs)
            return
        self._turn.secs += secs
        step = max(1, frame.sample_rate // 8000) * frame.num_channels
        self._rest = np.append(
            self._rest, np.frombuffer(frame.audio, np.int16)[::step].astype(np.float32) / 32768
        )
        size = int(WINDOW_SECS * 8000)
        while len(self._rest) >= size:
            window, self._rest = self._rest[:size], self._rest[size:]
            self._turn.levels.append(10 * math.log10(float(np.mean(window**2)) + 1e-10))
            if pitch := pitch_of(window, 8000):
                self._turn.pitches.append(pitch)

    def _quiet(self, secs: float) -> None:
        self._quiet_secs += secs
        if self._quiet_secs >= SILENCE_SECS and not self._told_silence:
            self._told_silence = True
            self._add(SILENCE, round(self._quiet_secs), "s", "voice", 1.0)

    def _judge(self, turn: _Turn) -> None:
        features = turn.features()
        if features is None:
            return
        if sum(secs for secs, _ in self._usual) < BASELINE_SECS:
            self._usual.append((turn.secs, features))
            return
        weights = [secs for secs, _ in self._usual]
        usual = np.average([f for _, f in self._usual], axis=0, weights=weights)
        louder, higher, faster = (float(x) for x in np.array(features) - usual)
        confidence = round(confidence_of(louder, higher, faster), 3)
        self._session.recording.event(
            "distress.voice",
            louder_db=round(louder, 1),
            higher_semitones=round(higher, 1),
            faster_octaves=round(faster, 2),
            confidence=confidence,
        )
        if confidence >= FLAGGED:
            self._flag("voice", confidence)

    def _flag(self, source: str, confidence: float) -> None:
        """Show it, and ask a person to look."""
        self._add(SIGN, "possible", "", source, confidence)
        if confidence >= FLAGGED:
            self._session.recording.event("distress.flagged", source=source, confidence=confidence)
            self._session.client.notify_soon("distress", source=source, confidence=confidence)

    def _add(self, name: str, value: Any, unit: str, source: str, confidence: float) -> None:
        at_ns = self._session.clock.now_ns()
        self._session.readings.add(
            Reading(name, value, unit, at_ns, source, confidence, trusted=source == "voice")
        )
