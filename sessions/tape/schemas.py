"""The published channels of a tape: which topic carries which JSON schema.

Audio, images and the log use Foxglove's well-known schemas, so that existing MCAP viewers
play, show and list them. The rest is ours and small. Every message starts with ``timestamp``
(wall time, as Foxglove has it); its log time in the file is the same instant of the session
clock. Bytes are base64 text, as JSON needs.
"""

import json
from typing import Any

CALLER_AUDIO = "/caller/audio"
BOT_AUDIO = "/bot/audio"
CAMERA = "/caller/camera"
SCREEN = "/caller/screen"
DTMF = "/caller/dtmf"
CLIENT_IN = "/client/in"
CLIENT_OUT = "/client/out"
TRANSCRIPT = "/transcript"
TOOLS = "/tools"
EVENTS = "/events"
METRICS = "/metrics"
LOG = "/log"
WIRE = "/wire/"
"""Prefix: one channel a connection, ``/wire/<host>/<number>``."""

_TIME = {
    "type": "object",
    "title": "time",
    "properties": {
        "sec": {"type": "integer", "minimum": 0},
        "nsec": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    },
}
_TEXT = {"type": "string"}
_INT = {"type": "integer"}
_BYTES = {"type": "string", "contentEncoding": "base64"}
_ANY: dict[str, Any] = {}


def _schema(title: str, description: str, **properties: dict) -> dict:
    return {
        "title": title,
        "description": description,
        "type": "object",
        "properties": {"timestamp": _TIME, **properties},
    }


RAW_AUDIO = _schema(
    "foxglove.RawAudio",
    "A block of audio; timestamp is its first sample, participant whose track it was",
    data=_BYTES,
    format=_TEXT,
    sample_rate=_INT,
    number_of_channels=_INT,
    participant=_TEXT,
)
COMPRESSED_IMAGE = _schema(
    "foxglove.CompressedImage",
    "A compressed image; picture tells what it was taken for, and when it had come",
    frame_id=_TEXT,
    data=_BYTES,
    format=_TEXT,
    picture={"type": "object"},
)
FOXGLOVE_LOG = _schema(
    "foxglove.Log",
    "A log message; level 1 debug, 2 info, 3 warning, 4 error, 5 fatal",
    level=_INT,
    message=_TEXT,
    name=_TEXT,
    file=_TEXT,
    line=_INT,
)
CLIENT_MESSAGE = _schema(
    "vivace.ClientMessage", "A data message of the caller's page", message=_ANY
)
DTMF_KEY = _schema("vivace.Dtmf", "A key the caller pressed", key=_TEXT)
TRANSCRIPT_TEXT = _schema(
    "vivace.Transcript",
    "Words heard (caller) or said (bot), with the processor they came from",
    who={"enum": ["caller", "bot"]},
    text=_TEXT,
    kind={"enum": ["interim", "final", "written", "spoken"]},
    source=_TEXT,
)
TOOL_CALL = _schema(
    "vivace.ToolCall",
    "A tool the model called, and what it answered",
    phase={"enum": ["call", "result", "cancel"]},
    id=_TEXT,
    name=_TEXT,
    arguments=_ANY,
    result=_ANY,
)
EVENT = _schema("vivace.Event", "Something that happened in the call", name=_TEXT, detail=_ANY)
METRIC = _schema(
    "vivace.Metric", "A measurement Pipecat reported", kind=_TEXT, processor=_TEXT, value=_ANY
)
WIRE_MESSAGE = _schema(
    "vivace.WireMessage",
    "One message between this process and a vendor, without credentials. Sent audio is kept as "
    "length and checksum: the caller's channel holds it",
    connection=_INT,
    direction={"enum": ["sent", "received"]},
    kind={"enum": ["open", "request", "head", "text", "binary", "end", "close", "error"]},
    method=_TEXT,
    url=_TEXT,
    status=_INT,
    headers={"type": "object"},
    text=_TEXT,
    data=_BYTES,
    length=_INT,
    crc32=_INT,
    reason=_TEXT,
)

TOPICS: dict[str, dict] = {
    CALLER_AUDIO: RAW_AUDIO,
    BOT_AUDIO: RAW_AUDIO,
    CAMERA: COMPRESSED_IMAGE,
    SCREEN: COMPRESSED_IMAGE,
    DTMF: DTMF_KEY,
    CLIENT_IN: CLIENT_MESSAGE,
    CLIENT_OUT: CLIENT_MESSAGE,
    TRANSCRIPT: TRANSCRIPT_TEXT,
    TOOLS: TOOL_CALL,
    EVENTS: EVENT,
    METRICS: METRIC,
    LOG: FOXGLOVE_LOG,
}


def schema_of(topic: str) -> dict:
    """The JSON schema of a topic.

    Raises:
        KeyError: The topic is not published.
    """
    return WIRE_MESSAGE if topic.startswith(WIRE) else TOPICS[topic]


def schema_bytes(schema: dict) -> bytes:
    """A schema as the file carries it."""
    return json.dumps(schema, sort_keys=True).encode()
