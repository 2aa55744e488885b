"""Taps on ``websockets``: its client of today, and the legacy one that the Deepgram SDK uses."""

from typing import Any
from weakref import WeakKeyDictionary

from sessions.tape.tap import begin, wrap

_WIRE = "_vivace_wire"


def tap_websockets(client: Any) -> None:
    """Tap its client, given the module."""
    from websockets.frames import Opcode

    connection_class = client.ClientConnection

    def handshake(original):
        async def tapped(self, *args, **kwargs):
            if wire := begin(_uri(self.protocol.uri)):
                setattr(self, _WIRE, wire)
                wire.opened()
            try:
                return await original(self, *args, **kwargs)
            finally:
                if wire and self.response is not None:
                    response = self.response
                    headers = list(response.headers.raw_items())
                    wire.event("received", "head", status=response.status_code, headers=headers)
                    if response.status_code != 101 and response.body:
                        wire.body("received", bytes(response.body))

        return tapped

    def process_event(original):
        parts: WeakKeyDictionary[Any, list] = WeakKeyDictionary()

        def tapped(self, event):
            wire = getattr(self, _WIRE, None)
            opcode = getattr(event, "opcode", None)
            if wire and opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                message = parts.setdefault(self, [])
                message.append(event)
                if event.fin:
                    data = b"".join(bytes(frame.data) for frame in message)
                    wire.received(data.decode() if message[0].opcode is Opcode.TEXT else data)
                    message.clear()
            return original(self, event)

        return tapped

    wrap(connection_class, "handshake", handshake)
    wrap(connection_class, "process_event", process_event)
    wrap(connection_class, "send", _tapped_send)
    wrap(connection_class, "connection_lost", _tapped_lost)


def tap_legacy_websockets(client: Any) -> None:
    """Tap its client, given the module."""
    protocol_class = client.WebSocketClientProtocol

    def handshake(original):
        async def tapped(self, wsuri, *args, **kwargs):
            if wire := begin(_uri(wsuri)):
                setattr(self, _WIRE, wire)
                wire.opened()
            try:
                await original(self, wsuri, *args, **kwargs)
            except Exception as e:
                if wire:
                    wire.event("received", "head", status=getattr(e, "status_code", 0), headers=[])
                raise
            if wire:
                headers = list(self.response_headers.raw_items())
                wire.event("received", "head", status=101, headers=headers)

        return tapped

    def read_message(original):
        async def tapped(self):
            message = await original(self)
            wire = getattr(self, _WIRE, None)
            if wire and message is not None:
                wire.received(message)
            return message

        return tapped

    wrap(protocol_class, "handshake", handshake)
    wrap(protocol_class, "read_message", read_message)
    wrap(protocol_class, "send", _tapped_send)
    wrap(protocol_class, "connection_lost", _tapped_lost)


def _tapped_send(original):
    async def send(self, message, *args, **kwargs):
        wire = getattr(self, _WIRE, None)
        if wire and isinstance(message, str | bytes | bytearray | memoryview):
            wire.sent(message if isinstance(message, str) else bytes(message))
        return await original(self, message, *args, **kwargs)

    return send


def _tapped_lost(original):
    def connection_lost(self, exc):
        if wire := getattr(self, _WIRE, None):
            end = getattr(self, "protocol", self)
            close = end.close_rcvd if end.close_rcvd_then_sent else end.close_sent
            ours = end.close_sent is not None and not end.close_rcvd_then_sent
            wire.event(
                "sent" if ours else "received",
                "close",
                status=close.code if close else 1006,
                reason=close.reason if close else str(exc or ""),
            )
            delattr(self, _WIRE)
        return original(self, exc)

    return connection_lost


def _uri(uri: Any) -> str:
    scheme = "wss" if uri.secure else "ws"
    standard = uri.port == (443 if uri.secure else 80)
    host = uri.host if standard else f"{uri.host}:{uri.port}"
    return f"{scheme}://{host}{uri.resource_name}"
