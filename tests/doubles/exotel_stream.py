"""A double of an Exotel Voicebot stream: plain PCM at 8 kHz. The flow goes on when it ends."""

import base64

from tests.doubles.phone_stream import StreamCaller


class ExotelCaller(StreamCaller):
    """One call, as Exotel forwards it."""

    async def emit(self, message: dict):
        sid = {} if message["event"] == "connected" else {"stream_sid": self.stream}
        await super().emit({**message, **sid, "sequence_number": self._sequence})

    def opening(self, numbers):
        start = {
            "stream_sid": self.stream,
            "call_sid": self.call,
            "account_sid": "exotel1",
            "from": numbers.get("from_number", ""),
            "to": numbers.get("to_number", ""),
            "custom_parameters": {},
            "media_format": {"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"},
        }
        return [{"event": "connected"}, {"event": "start", "start": start}]

    def encoded(self, pcm):
        return pcm

    def decoded(self, payload):
        return base64.b64decode(payload)

    def media(self, payload, number):
        media = {"chunk": number, "timestamp": str(20 * number), "payload": payload}
        return {"event": "media", "media": media}

    def key(self, digit):
        return {"event": "dtmf", "dtmf": {"duration": "100", "digit": digit}}

    def goodbye(self):
        stop = {"call_sid": self.call, "account_sid": "exotel1", "reason": "callended"}
        return {"event": "stop", "stop": stop}

    def sound(self, message):
        return self.decoded(message["media"]["payload"]) if message["event"] == "media" else None
