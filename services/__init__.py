"""The cast: ears, mind and mouth, each from one ``vendor/model`` string."""

from services.addresses import Address, CastingError, resolve
from services.casting import llm, speech, stt, tts

__all__ = ["Address", "CastingError", "llm", "resolve", "speech", "stt", "tts"]
