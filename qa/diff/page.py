"""The diff as one self-contained HTML page: both calls on a timeline, to hear and to read."""

import base64
import io
import json
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qa.diff.compare import Difference, aligned
from qa.diff.turns import Call, Recorded, Turn, call_of
from sessions.tape.audio import lay_out
from sessions.tape.schemas import BOT_AUDIO, CALLER_AUDIO, CAMERA, SCREEN

TEMPLATE = Path(__file__).with_name("page.html")
PEAKS_PER_SEC = 20
LISTEN_RATE = 12_000
"""Enough for speech; a minute of both voices is 2.9 MB."""

IMAGE_EVERY_SECS = 5.0


def page(a: Recorded, b: Recorded, differences: list[Difference], *, names: tuple[str, str]) -> str:
    """The page of a diff.

    Args:
        a: The call as it was.
        b: The call as it is.
        differences: Of the two.
        names: What to call them.
    """
    calls = call_of(a), call_of(b)
    by_turn = {d.turn: {"stage": d.stage, "what": d.what} for d in differences}
    data = {
        "calls": [
            {"name": name, **_call(call), **_sound(recorded), "images": images_of(recorded)}
            for name, call, recorded in zip(names, calls, (a, b))
        ],
        "turns": [
            {
                "a": turn_as_json(one),
                "b": turn_as_json(two),
                "difference": by_turn.get(shown.number),
            }
            for one, two in aligned(calls[0].turns, calls[1].turns)
            if (shown := two or one)
        ],
        "differences": len(differences),
    }
    if data["calls"][0]["wav"] == data["calls"][1]["wav"]:
        data["calls"][1]["wav"] = None  # played from the first
    text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    return TEMPLATE.read_text().replace("/*DATA*/null", text)


def _call(call: Call) -> dict[str, Any]:
    header = call.header
    return {
        "session": header.session_id,
        "bot": header.bot,
        "policy": header.policy,
        "code": header.code_version,
        "secs": call.length,
    }


def turn_as_json(turn: Turn | None) -> dict[str, Any] | None:
    """A turn as pages show it."""
    if turn is None:
        return None
    at = next((t for t in (turn.started, turn.ended, turn.answered, turn.spoke) if t), 0.0)
    return {
        "number": turn.number,
        "at": at,
        "stopped": turn.stopped,
        "spoke": turn.spoke,
        "voice": turn.voice_to_voice,
        "heard": turn.heard or turn.finals,
        "said": turn.said,
        "interrupted": turn.interrupted,
        "spans": turn.spans(),
        "tools": [
            {"name": t.name, "arguments": t.arguments, "result": t.result, "ms": t.took * 1000}
            for t in turn.tools
        ],
    }


@dataclass(frozen=True)
class Sound:
    """Both voices of a call.

    Parameters:
        wav: A WAV file, the caller left and the bot right.
        peaks: Loudness of either, 0 to 99, :data:`PEAKS_PER_SEC` a second.
    """

    wav: bytes
    peaks: list[list[int]]


def sound_of(recorded: Recorded) -> Sound:
    """What was heard in a call, at :data:`LISTEN_RATE`."""
    started = recorded.header.started_at
    tracks = [
        lay_out(recorded.messages(topic), started, sample_rate=LISTEN_RATE)[0]
        for topic in (CALLER_AUDIO, BOT_AUDIO)
    ]
    length = max(len(track) for track in tracks)
    both = np.stack([np.pad(track, (0, length - len(track))) for track in tracks], axis=1)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(LISTEN_RATE)
        wav.writeframes(both.astype("<i2").tobytes())
    return Sound(buffer.getvalue(), [_peaks(track) for track in tracks])


def _sound(recorded: Recorded) -> dict[str, Any]:
    sound = sound_of(recorded)
    return {"wav": base64.b64encode(sound.wav).decode(), "peaks": sound.peaks}


def _peaks(track: np.ndarray) -> list[int]:
    """Loudness of the track, 0 to 99, :data:`PEAKS_PER_SEC` a second."""
    step = LISTEN_RATE // PEAKS_PER_SEC
    usable = track[: len(track) // step * step].astype(np.int32)
    peaks = np.abs(usable.reshape(-1, step)).max(axis=1, initial=0)
    return (np.sqrt(peaks / 32768) * 99).astype(int).tolist()


def images_of(recorded: Recorded) -> list[dict[str, Any]]:
    """The pictures of a call, one every :data:`IMAGE_EVERY_SECS`, as data URLs."""
    found: list[dict[str, Any]] = []
    for message in recorded.messages(CAMERA, SCREEN):
        at = message.clock_ns / 1e9
        if not found or at - found[-1]["at"] >= IMAGE_EVERY_SECS:
            data = message.data
            source = f"data:image/{data['format']};base64,{data['data']}"
            found.append({"at": at, "source": source, "from": data["frame_id"]})
    return found
