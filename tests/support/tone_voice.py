"""A voice that takes no time to make and can be measured."""

import numpy as np
from pipecat.frames.frames import TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

RATE = 24000


class ToneVoice(TTSService):
    """Says every sentence as a tone."""

    def __init__(self, word_ms: int = 60, *, sentence_ms: int = 0):
        """Take so long for a word, and, if `sentence_ms` is given, for any sentence."""
        super().__init__(
            sample_rate=RATE,
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model="tone", voice="tone", language=None),
        )
        self.said: list[str] = []
        self._word_ms, self._sentence_ms = word_ms, sentence_ms

    async def run_tts(self, text, context_id):
        self.said.append(text)
        ms = self._sentence_ms or self._word_ms * len(text.split())
        wave = np.sin(np.arange(RATE * ms // 1000) / 9) * 8000
        yield TTSAudioRawFrame(wave.astype(np.int16).tobytes(), RATE, 1, context_id=context_id)
