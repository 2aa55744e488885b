"""An open copy of a sealed tape: surrogates in every text, identifiers bleeped in both voices.

It is for people who may see how a call went and not whose call it was. It is marked in its
header, keeps its times, and cannot be replayed: what went over the wires is left out.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from qa.replay.tapes import open_tape
from qa.spoken import Interval, bot_intervals, caller_intervals
from sessions.phi import PHIFirewall, Vault
from sessions.phi.vault import Entry, key_of
from sessions.tape import Tape, TapeMessage, TapeWriter
from sessions.tape.schemas import (
    BOT_AUDIO,
    CALLER_AUDIO,
    CAMERA,
    CLIENT_IN,
    DTMF,
    EVENTS,
    SCREEN,
    TOOLS,
    TRANSCRIPT,
    WIRE,
)

MARK = "surrogates in texts, identifiers bleeped, images and wires withheld"
# Facts of the header that may name the caller, or tell how the house is set up.
PRIVATE = ("body", "environment")
BLEEP_HZ, BLEEP_LEVEL = 1000, 2500
# Events whose details are told; those of others, such as a document's contents, are left out.
TOLD = (
    "bot.",
    "caller.",
    "client.",
    "consent.",
    "disclosure.",
    "interruption",
    "model.",
    "mute.",
    "phi.redacted",
    "session.",
    "tape.",
    "tool.",
    "turn.",
    "vad.",
    "voice.",
)
# A client's message longer than this is a document, and not words.
LONGEST_WORDS = 2000
_WIRE_KEPT = ("connection", "direction", "kind", "method", "status", "length")


def redacted_copy(tape: Tape, out: str | Path) -> Path:
    """Make an open copy of a tape.

    Args:
        tape: The sealed tape of a session that redacted.
        out: The new file.

    Raises:
        FileExistsError: There is one.
        TapeError: The tape cannot be read.
    """
    messages = list(tape.messages())
    phi = PHIFirewall(vault=vault_of(messages))
    bleeps = {
        CALLER_AUDIO: caller_intervals(messages, phi),
        BOT_AUDIO: bot_intervals(messages, phi),
    }
    header = tape.header
    writer = TapeWriter(
        out,
        session_id=header.session_id,
        bot=header.bot,
        policy=header.policy,
        seed=header.seed,
        code_version=header.code_version,
        started_at=header.started_at,
        key=None,
        queue_bytes=2**40,
        facts={k: v for k, v in header.facts.items() if k not in PRIVATE} | {"redacted": MARK},
    )
    try:
        for message in messages:
            payload = _payload(message, phi, bleeps, header.started_at)
            if payload is not None:
                writer.write(message.topic, message.clock_ns, payload)
    finally:
        writer.close()
    return Path(out)


def vault_of(messages: Iterable[TapeMessage]) -> Vault:
    """The session's vault, as it lies on its sealed tape; an empty one if the tape was cut."""
    vault = Vault()
    for message in messages:
        if message.topic != EVENTS or message.data.get("name") != "phi.vault":
            continue
        for row in message.data["detail"]["entries"]:
            entry = Entry(**row)
            vault._entries[entry.surrogate] = entry
            number = int(entry.surrogate.strip("[]").rsplit("_", 1)[1])
            vault._counts[entry.label] = max(number, vault._counts.get(entry.label, 0))
            for form in entry.forms:
                key = (entry.label, key_of(form, entry.label))
                vault._by_key.setdefault(key, entry.surrogate)
        vault.version += 1
    return vault


def _payload(
    message: TapeMessage, phi: PHIFirewall, bleeps: dict[str, list[Interval]], started_at: int
) -> dict[str, Any] | None:
    topic, data = message.topic, dict(message.data)
    if topic in (CAMERA, SCREEN):
        return None
    if topic in bleeps:
        return _bleeped(message, bleeps[topic], started_at)
    if topic.startswith(WIRE):
        size = data.get("length") or len(data.get("text") or data.get("data") or "")
        return {k: data[k] for k in _WIRE_KEPT if k in data} | {"length": size}
    if topic == EVENTS and data.get("name") == "phi.vault":
        return None
    data.pop("timestamp", None)
    if topic == DTMF:
        return {"key": "?"}
    if topic == TRANSCRIPT:
        return data | {"text": _words(data.get("text") or "", phi)}
    if topic == TOOLS:
        for name in ("arguments", "result"):
            if name in data:
                data[name] = phi.redact_data(data[name])
        return data
    if topic == CLIENT_IN:
        sent = data.get("message")
        if isinstance(sent, dict) and sent.get("type") == "dtmf":
            data["message"] = {"type": "dtmf", "data": {"buttons": ["?"]}}
        elif isinstance(sent, dict) and "data" in sent:
            data["message"] = {**sent, "data": phi.redact_data(_short(sent["data"]))}
        else:
            data["message"] = phi.redact_data(_short(sent))
        return _scrubbed(data, phi)
    if topic == EVENTS:
        named = data["name"].startswith(TOLD)
        detail = dict(_short(data.get("detail") or {})) if named else {}
        for name in ("content", "text"):
            if isinstance(detail.get(name), str) and data["name"].startswith("turn."):
                detail[name] = _words(detail[name], phi)
        data["detail"] = detail
    return _scrubbed(data, phi)


def _words(text: str, phi: PHIFirewall) -> str:
    return phi.scrub(phi.redact(text).text)


def _scrubbed(value: Any, phi: PHIFirewall) -> Any:
    if isinstance(value, str):
        return phi.scrub(value)
    if isinstance(value, dict):
        return {key: _scrubbed(item, phi) for key, item in value.items()}
    if isinstance(value, list):
        return [_scrubbed(item, phi) for item in value]
    return value


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_WORDS else "[document withheld]"
    if isinstance(value, dict):
        return {
            key: "[document withheld]" if key in ("bytes", "base64Audio") else _short(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_short(item) for item in value]
    return value


def _bleeped(message: TapeMessage, intervals: list[Interval], started_at: int) -> dict[str, Any]:
    data = dict(message.data)
    stamp = data["timestamp"]
    start = (stamp["sec"] * 10**9 + stamp["nsec"] - started_at) / 1e9
    rate, channels = data["sample_rate"], data["number_of_channels"]
    pcm = np.frombuffer(message.bytes, dtype="<i2").reshape(-1, channels)
    times = start + np.arange(len(pcm)) / rate
    hidden = np.zeros(len(pcm), dtype=bool)
    for begin, end in intervals:
        hidden |= (times >= begin) & (times < end)
    if hidden.any():
        pcm = pcm.copy()
        tone = BLEEP_LEVEL * np.sin(2 * np.pi * BLEEP_HZ * times[hidden])
        pcm[hidden] = tone.astype("<i2")[:, None]
    return data | {"data": pcm.tobytes()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``runner.py share``."""
    parser.add_argument("tape", type=Path, help="the tape of a session that redacted")
    parser.add_argument("out", type=Path, help="the new, open file")


def main(args: argparse.Namespace) -> int:
    """Make the copy."""
    print(redacted_copy(open_tape(args.tape), args.out))
    return 0
