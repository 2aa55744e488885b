"""Whisper-class transcription on the wire: a whole utterance as a WAV file in, its words out."""

import asyncio
import io
import wave

import numpy as np
from aiohttp import web

from services.rehearsal.ears import HOP, SECONDS, Framer, Utterance, Word
from services.rehearsal.hearing import mean_confidence, text_of
from services.rehearsal.state import Visit
from services.rehearsal.wire import Message, now, until
from services.rehearsal.wire_chat import VENDOR, problem, visit_of

FORMATS = ("json", "text", "verbose_json")
FIELDS = {
    "file", "model", "language", "prompt", "temperature", "response_format", "include[]",
    "include", "stream", "timestamp_granularities[]", "chunking_strategy", "keywords[]",
}  # fmt: skip
SHORTEST = 0.1  # seconds; the API refuses less


async def transcriptions(request: web.Request) -> web.StreamResponse:
    """POST /v1/audio/transcriptions."""
    visit = visit_of(request)
    if isinstance(visit, web.Response):
        return visit
    due = now() + visit.profile.final.draw(visit.rng("openai/final"))
    form = await request.post()
    fault = visit.fault(VENDOR)
    if fault and fault.kind == "status":
        return problem(int(fault.number), "rehearsal fault")
    if fault and fault.kind in ("slow", "stall"):
        await asyncio.sleep(fault.number)
    if fault and fault.kind in ("drop_after", "close_after"):
        if request.transport:
            request.transport.abort()
        return web.Response()  # to nobody
    style = str(form.get("response_format") or "json")
    if unknown := set(form) - FIELDS:
        return problem(400, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
    if not form.get("model"):
        return problem(400, "you must provide a model parameter")
    if style not in FORMATS:
        return problem(400, f"The rehearsal answers {', '.join(FORMATS)}, not {style!r}.")
    file = form.get("file")
    if not isinstance(file, web.FileField):
        return problem(400, "Invalid file: expected a WAV file.")
    try:
        utterance = _utterance(file.file.read())
    except (wave.Error, EOFError, ValueError) as e:
        return problem(400, f"Audio file might be corrupted or unsupported: {e}")
    if utterance.end < SHORTEST:
        return problem(400, "Audio file is too short. Minimum audio length is 0.1 seconds.")
    words = await _hear(visit, utterance)
    await until(due)
    text = text_of(words)
    visit.journal.write(VENDOR, "final", text=text, model=str(form["model"]))
    if style == "text":
        return web.Response(text=text + "\n")
    usage = {"type": "duration", "seconds": max(1, round(utterance.end))}
    if style == "json":
        return web.json_response({"text": text, "usage": usage})
    return web.json_response(_verbose(text, words, utterance.end, usage))


async def _hear(visit: Visit, utterance: Utterance) -> list[Word]:
    ears = await visit.batch_ears()
    words = await asyncio.to_thread(ears.decode, utterance)
    ears.reset()
    visit.heard = visit.heard or bool(words)
    return words


def _utterance(data: bytes) -> Utterance:
    with wave.open(io.BytesIO(data)) as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            raise ValueError("the rehearsal hears 16-bit mono")
        framer = Framer(file.getframerate())
        pcm = file.readframes(file.getnframes())
    pad = bytes(2 * HOP)  # so that the last part of a frame is heard too
    frames = framer.push(pcm + pad)
    audio = np.concatenate(frames) if frames else np.zeros(0, np.int16)
    return Utterance(audio, 0.0, len(frames) * SECONDS)


def _verbose(text: str, words: list[Word], seconds: float, usage: Message) -> Message:
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": round(seconds, 2),
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(float(np.log(max(mean_confidence(words), 1e-3))), 4),
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0 if words else 0.9,
    }
    return {
        "task": "transcribe",
        "language": "english",
        "duration": round(seconds, 2),
        "text": text,
        "segments": [segment],
        "usage": usage,
    }
