"""Daily's callers of one room mixed into one stream, without Daily's virtual speaker.

daily-python can mix a room by itself, but into a virtual speaker, and "only one speaker can be
active per process": a second call in the process would hear, and transcribe, the first one's
caller. So the callers come in as tracks of their own and are mixed here, call by call.
"""

from typing import Any

import numpy as np
from pipecat.audio.utils import mix_audio
from pipecat.frames.frames import UserAudioRawFrame
from pipecat.transports.daily.transport import DailyInputTransport

PATIENCE = 3
"""Track chunks (20 ms each) one caller may be ahead before those who are silent are left out."""

TALKING = 500
"""Peak sample (of 32767) above which a caller counts as the one who talks."""


class MixingDailyInput(DailyInputTransport):
    """One audio stream of everybody in the room, tagged with whoever talks loudest.

    Frame input/output::

        tracks: one AudioData per participant and 20 ms
        out:    UserAudioRawFrame, 20 ms, user_id = the loudest participant
    """

    def __init__(self, *args, **kwargs):
        """Initialize the input. Same arguments as Pipecat's."""
        super().__init__(*args, **kwargs)
        self._waiting: dict[str, list[bytes]] = {}
        self._talker: str | None = None

    async def remove_participant_video(self, participant_id: str):
        """Forget a participant who left; Pipecat calls this for every one of them."""
        self._waiting.pop(participant_id, None)
        await super().remove_participant_video(participant_id)

    async def _on_participant_audio_data(self, participant_id: str, audio: Any, audio_source: str):
        if audio_source != "microphone":
            return await super()._on_participant_audio_data(participant_id, audio, audio_source)
        self._waiting.setdefault(participant_id, []).append(audio.audio_frames)
        while chunks := self._next_chunks():
            frame = UserAudioRawFrame(
                user_id=self._loudest(chunks),
                audio=self._mix(list(chunks.values())),
                sample_rate=audio.sample_rate,
                num_channels=audio.num_channels,
            )
            frame.transport_source = audio_source
            await self.push_audio_frame(frame)

    def _next_chunks(self) -> dict[str, bytes]:
        """A chunk of everybody, as soon as all have one or someone is too far ahead to wait."""
        ahead = max(len(queue) for queue in self._waiting.values()) >= PATIENCE
        if ahead:
            self._waiting = {id: queue for id, queue in self._waiting.items() if queue}
        if all(self._waiting.values()):
            return {id: queue.pop(0) for id, queue in self._waiting.items()}
        return {}

    def _loudest(self, chunks: dict[str, bytes]) -> str:
        if len(chunks) == 1:
            self._talker = next(iter(chunks))
        else:
            peaks = {id: np.abs(np.frombuffer(c, np.int16)).max() for id, c in chunks.items()}
            loudest = max(peaks, key=lambda id: peaks[id])
            if peaks[loudest] > TALKING or self._talker not in chunks:
                self._talker = loudest
        return self._talker or ""

    @staticmethod
    def _mix(chunks: list[bytes]) -> bytes:
        mixed = chunks[0]
        for chunk in chunks[1:]:
            mixed = mix_audio(mixed, chunk)
        return mixed


def mix_per_call(transport: Any) -> None:
    """Give a fresh ``DailyTransport`` an input that mixes its own room."""
    transport._input = MixingDailyInput(
        transport, transport._client, transport._params, name=transport._input_name
    )
