"""espeak-ng through ctypes: library and data come from the ``espeakng_loader`` wheel (optional extra).

espeak-ng is GPL-3.0-or-later; it is loaded only in processes of the rehearsal.
"""

import _ctypes
import ctypes as c
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_unload = getattr(_ctypes, "dlclose", None) or getattr(_ctypes, "FreeLibrary")  # noqa: B009

SYNCHRONOUS = 2
UTF8 = 1
RATE_PARAMETER = 1
EVENT_END, EVENT_WORD = 0, 1
IPA = 0x02
BUFFER_MS = 60  # an abort takes effect at the end of one buffer
WORDS_PER_MINUTE = 165


class _Id(c.Union):
    _fields_ = [("number", c.c_int), ("name", c.c_char_p), ("string", c.c_char * 8)]


class _Event(c.Structure):
    _fields_ = [
        ("type", c.c_int),
        ("unique_identifier", c.c_uint),
        ("text_position", c.c_int),
        ("length", c.c_int),
        ("audio_position", c.c_int),
        ("sample", c.c_int),
        ("user_data", c.c_void_p),
        ("id", _Id),
    ]


_Callback = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.POINTER(_Event))


class Espeak:
    """The engine. The library has one callback and one voice per process: use :func:`engine`.

    Attributes:
        rate: Samples per second of what it speaks (22050).
    """

    def __init__(self):
        """Load the library.

        Raises:
            ImportError: If ``espeakng_loader`` is not installed.
            OSError: If the library cannot be loaded or has no data.
        """
        import espeakng_loader

        self._path = str(espeakng_loader.get_library_path())
        self._data = str(espeakng_loader.get_data_path()).encode()
        self._lock = threading.Lock()
        self._pcm: list[bytes] = []
        self._marks: list[tuple[int, float]] = []
        self._stop: Callable[[], bool] = lambda: False
        self._callback = _Callback(self._on_buffer)  # kept: ctypes holds no reference
        with self._fresh() as lib:
            self.rate: int = lib.rate

    def speak(
        self,
        text: str,
        *,
        voice: str = "en-us",
        speed: float = 1.0,
        stop: Callable[[], bool] = lambda: False,
    ) -> tuple[bytes, list[tuple[int, float]]]:
        """Speak a text. Blocks, about 3 ms and 2 for each second of speech.

        Args:
            text: What to say.
            voice: An espeak-ng voice with an optional variant, for example ``en-us+m3``.
            speed: 1.0 is 165 words a minute.
            stop: Asked after each buffer; True aborts.

        Returns:
            int16 mono PCM at ``rate``, and a mark (character offset, seconds) for each word.
        """
        with self._lock:
            self._pcm, self._marks, self._stop = [], [], stop
            with self._fresh() as lib:
                if lib.espeak_SetVoiceByName(voice.encode()) != 0:
                    lib.espeak_SetVoiceByName(b"en-us")
                lib.espeak_SetParameter(RATE_PARAMETER, int(WORDS_PER_MINUTE * speed), 0)
                raw = text.encode()
                lib.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, UTF8, None, None)
                lib.espeak_Synchronize()
            return b"".join(self._pcm), self._marks

    def ipa(self, word: str) -> str:
        """Return the American pronunciation of a word in IPA."""
        with self._lock, self._fresh() as lib:
            lib.espeak_SetVoiceByName(b"en-us")
            pointer = c.c_char_p(word.encode())
            return (lib.espeak_TextToPhonemes(c.byref(pointer), UTF8, IPA) or b"").decode()

    @contextmanager
    def _fresh(self) -> Iterator[Any]:
        """The library as just loaded (3 ms): a text sounds the same whatever was said before it.

        Its noise and flutter go on from utterance to utterance, in state no call resets.
        """
        lib: Any = c.CDLL(self._path)
        lib.espeak_Synth.argtypes = [
            c.c_void_p,
            c.c_size_t,
            c.c_uint,
            c.c_int,
            c.c_uint,
            c.c_uint,
            c.POINTER(c.c_uint),
            c.c_void_p,
        ]
        lib.espeak_TextToPhonemes.restype = c.c_char_p
        lib.espeak_TextToPhonemes.argtypes = [c.POINTER(c.c_char_p), c.c_int, c.c_int]
        lib.rate = lib.espeak_Initialize(SYNCHRONOUS, BUFFER_MS, self._data, 0)
        if lib.rate <= 0:
            raise OSError(f"espeak-ng did not start from {self._data.decode()} ({lib.rate})")
        try:
            lib.espeak_ng_SetRandSeed(c.c_long(1))
            lib.espeak_SetSynthCallback(self._callback)
            yield lib
        finally:
            lib.espeak_Terminate()
            _unload(lib._handle)

    def _on_buffer(self, samples, count, events) -> int:
        i = 0
        while events[i].type != EVENT_END:
            if events[i].type == EVENT_WORD:
                self._marks.append((events[i].text_position - 1, events[i].audio_position / 1000))
            i += 1
        if count > 0 and samples:
            self._pcm.append(c.string_at(samples, count * 2))
        return int(self._stop())


@cache
def engine() -> Espeak | None:
    """Return the engine of this process, or None where espeak-ng is not installed."""
    try:
        return Espeak()
    except (ImportError, OSError):
        return None
