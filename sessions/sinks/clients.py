"""What a client's page sends and receives, without identifiers."""

from pathlib import Path
from typing import Any

from pipecat.frames.frames import (
    Frame,
    InputTransportMessageFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.processors.frameworks.rtvi.models import MESSAGE_LABEL

from sessions.ledger import Ledger
from sessions.phi import PHIFirewall
from sessions.sinks.live import scrub_data

# Messages of the protocol whose data is no one's words.
WORDLESS = ("client-ready", "disconnect-bot", "dtmf", "raw-audio", "raw-audio-batch")


def guard_client(rtvi: FrameProcessor, *, phi: PHIFirewall, ledger: Ledger) -> None:
    """Let nothing typed pass the client's messenger as it was typed.

    The messenger answers, logs and reports what it receives before any processor sees it.

    Args:
        rtvi: The worker's RTVI processor.
        phi: The session's firewall.
        ledger: Told what was replaced.
    """

    @rtvi.event_handler("on_before_process_frame")
    async def on_before_process_frame(_rtvi, frame: Frame):
        if not isinstance(frame, InputTransportMessageFrame):
            return
        try:
            # A new message: the frame's sibling, and the sealed tape, keep the one that came.
            frame.message = _redacted(frame.message, phi, ledger)
        except Exception:
            frame.message = {"label": "blocked"}


def guard_door(output: FrameProcessor, *, phi: PHIFirewall) -> None:
    """Scrub what the transport sends to clients, whoever handed it over.

    Args:
        output: The transport's output.
        phi: The session's firewall.
    """

    @output.event_handler("on_before_process_frame")
    async def on_before_process_frame(_output, frame: Frame):
        if isinstance(frame, (OutputTransportMessageFrame, OutputTransportMessageUrgentFrame)):
            frame.message = scrub_data(frame.message, phi.scrub)


def _redacted(message: Any, phi: PHIFirewall, ledger: Ledger) -> Any:
    if not isinstance(message, dict) or message.get("label") != MESSAGE_LABEL:
        return phi.redact_data(message if isinstance(message, dict) else {"message": message})
    data, kind = message.get("data"), message.get("type")
    if kind in WORDLESS or data is None:
        return message
    if kind in ("send-text", "send-file") and isinstance(data, dict):
        data = dict(data)
        if isinstance(content := data.get("content"), str):
            data["content"] = phi.scrub(phi.redact(content).text)
            ledger.redacted("typed", content, data["content"])
        if isinstance(file := data.get("file"), dict) and file.get("name"):
            suffix = Path(str(file["name"])).suffix
            data["file"] = {**file, "name": f"document{suffix}"}
    elif kind == "client-message" and isinstance(data, dict):
        data = {**data, "d": phi.redact_data(data.get("d"))}
    else:
        data = phi.redact_data(data)
    return {**message, "data": data}
