"""Who in a room may drive the bot: the caller, and others only as far as the bot lets them."""

from collections.abc import Mapping
from typing import Any

from loguru import logger
from pipecat.frames.frames import Frame, InputTransportMessageFrame
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.processors.frameworks.rtvi import models as RTVI
from pipecat.transports.base_transport import BaseTransport

ANYBODYS = frozenset({"client-ready"})


class Rights:
    """Lets RTVI messages through by who sent them.

    The caller is who came first, or who opened the room where it knows, and who comes back as the
    same user: rooms know their callers by the token they were given. On a line with one end, that is whoever is there. Anyone else hears
    and is heard; what they send is dropped: typed text, files, results of tools, hanging up. A bot
    that wants more of them says so with :meth:`allow`.
    """

    def __init__(self):
        """Begin before anyone has come."""
        self._allowed = set(ANYBODYS)
        self._users: dict[str, str] = {}
        self._caller: str | None = None

    def allow(self, *types: str) -> None:
        """Let everybody in the room send RTVI messages of these types, such as ``"send-text"``."""
        self._allowed.update(types)

    def watch(self, transport: BaseTransport) -> None:
        """Learn who comes."""
        self._caller = getattr(transport, "opener", None)
        known = getattr(transport, "_event_handlers", {})
        if "on_participant_joined" in known:  # Daily, our own room

            @transport.event_handler("on_participant_joined")
            async def on_participant_joined(_transport, participant):
                info = participant.get("info") or {}
                self.came(participant["id"], user=info.get("userId") or participant["id"])

        if "on_participant_connected" in known:  # LiveKit

            @transport.event_handler("on_participant_connected")
            async def on_participant_connected(_transport, identity):
                self.came(identity, user=identity)

    def came(self, participant_id: str, *, user: str) -> None:
        """Somebody has come into the room.

        Args:
            participant_id: As whom their messages come.
            user: Who that is, also when they come again.
        """
        self._users[participant_id] = user
        if self._caller in (None, participant_id):
            self._caller = user

    def guard(self, rtvi: FrameProcessor) -> None:
        """Drop what the sender has no right to, before anything else reads it."""

        @rtvi.event_handler("on_before_process_frame")
        async def on_before_process_frame(_rtvi, frame: Frame):
            if isinstance(frame, InputTransportMessageFrame):
                sender = getattr(frame, "participant_id", None)
                if not self.may(sender, frame.message):
                    logger.warning(f"{sender} may not send {frame.message['type']!r:.40} here")
                    frame.message = {}

    def may(self, sender: str | None, message: Any) -> bool:
        """Whether a message is let through.

        Args:
            sender: The participant it is from; None on a line with one end.
            message: As it came.
        """
        if not sender or not isinstance(message, Mapping):
            return True
        if message.get("label") != RTVI.MESSAGE_LABEL or message.get("type") in self._allowed:
            return True
        if sender not in self._users:
            self.came(sender, user=sender)
        return self._users[sender] == self._caller
