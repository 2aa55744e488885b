"""The caller's audio that no transcript covers yet, kept so that a broken line loses nothing."""


class KeptAudio:
    """Audio since the last final transcript, in order, for 16-bit PCM.

    Audio is added as it is heard and taken as it is sent. When a connection is replaced,
    :meth:`rewind` makes everything that is still unsettled due again.

    Args:
        bytes_per_sec: Sample rate times channels times two.
        longest_secs: How much is kept while someone speaks: 30 s at 16 kHz is 1 MB.
    """

    def __init__(self, bytes_per_sec: int, *, longest_secs: float = 30.0):
        self._rate = bytes_per_sec
        self._longest = int(longest_secs * bytes_per_sec)
        self._audio = bytearray()
        self._zero = 0  # Where the buffer begins, in bytes of the present connection's stream.
        self._sent = 0  # How much of the buffer went out on the present connection.

    def add(self, audio: bytes) -> None:
        """Keep a chunk; the oldest audio goes when there is too much."""
        self._audio += audio
        self._drop(len(self._audio) - self._longest)

    def due(self) -> bytes:
        """What the present connection was not sent yet."""
        return bytes(self._audio[self._sent :])

    def sent(self, size: int) -> None:
        """Note that ``size`` bytes of what was due went out."""
        self._sent += size

    def settle(self, secs: float) -> None:
        """Let go of what a final transcript covers.

        Args:
            secs: The end of the transcript, in seconds of the present connection's stream.
        """
        end = round(secs * self._rate)
        self._drop(min(end - end % 2 - self._zero, self._sent))

    def shorten(self, secs: float) -> None:
        """Keep no more than the newest ``secs``, which may hold the onset of a word."""
        self._drop(len(self._audio) - int(secs * self._rate))

    def rewind(self) -> None:
        """Start over on a new connection: all that is kept is due again."""
        self._zero = self._sent = 0

    def _drop(self, size: int) -> None:
        size -= size % 2
        if size > 0:
            del self._audio[:size]
            # Audio dropped before it was sent never becomes part of the stream.
            self._zero += min(size, self._sent)
            self._sent = max(0, self._sent - size)
