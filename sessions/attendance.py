"""Who is in a room, as its door says: Daily's and LiveKit's participants under one name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipecat.frames.frames import InputTransportMessageFrame
from pipecat.transports.base_transport import BaseTransport


@dataclass
class ParticipantMessageFrame(InputTransportMessageFrame):
    """A message of one participant of a room of ours, or of a replay.

    Parameters:
        participant_id: Whose it is; what they may send depends on it.
    """

    participant_id: str = ""


def watch_attendance(
    transport: BaseTransport,
    *,
    joined: Callable[[str, str | None], None],
    left: Callable[[str], None],
) -> None:
    """Tell of everybody who comes and goes. Doors without a room tell of nobody.

    Args:
        transport: The session's door.
        joined: Given a participant's id, as their sound carries it, and the name they go by.
        left: Given the id.
    """
    known: Any = getattr(transport, "_event_handlers", {})
    if "on_participant_joined" in known:  # Daily, our own room, and a replay

        @transport.event_handler("on_participant_joined")
        async def on_participant_joined(_transport, participant):
            joined(participant["id"], (participant.get("info") or {}).get("userName") or None)

        @transport.event_handler("on_participant_left")
        async def on_participant_left(_transport, participant, *_):
            left(participant["id"])

    if "on_participant_connected" in known:  # LiveKit

        @transport.event_handler("on_participant_connected")
        async def on_participant_connected(transport, identity):
            metadata = await transport.get_participant_metadata(identity) or {}
            joined(identity, metadata.get("name") or None)

        @transport.event_handler("on_participant_disconnected")
        async def on_participant_disconnected(_transport, identity):
            left(identity)


async def mute_at_door(transport: Any, participant: str) -> bool:
    """Switch a participant's microphone off for everybody, where the door can.

    Returns:
        Whether it could: our own room can, and Daily if the bot is an owner of the room. LiveKit
        cannot.
    """
    if hasattr(transport, "silence"):
        return transport.silence(participant)
    if not hasattr(transport, "update_remote_participants"):
        return False
    order = {participant: {"inputsEnabled": {"microphone": False}}}
    return not await transport.update_remote_participants(order)
