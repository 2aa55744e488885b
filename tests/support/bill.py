"""A call's bill made by hand: from what went over the wire to each vendor, at prices written here."""

import json
import re

from sessions.tape.schemas import WIRE

SECOND_HEARD = 0.0048 / 60
CHARACTER = 37.375e-6
TOKENS = {  # input, output, cache read, cache write; dollars a token
    "claude-sonnet": (3e-6, 15e-6, 0.3e-6, 3.75e-6),
    "claude-haiku": (1e-6, 5e-6, 0.1e-6, 1.25e-6),
}
BYTES_A_SECOND = 32_000


def bill_by_hand(tape, *, mind: str) -> float:
    """Dollars for a call of Deepgram, Anthropic and Cartesia.

    Args:
        tape: The call's.
        mind: The casting of the model.
    """
    price = next(price for name, price in TOKENS.items() if name in mind)
    where: dict[int, str] = {}
    usd, began = 0.0, {}
    for message in tape.messages(WIRE):
        data = message.data
        connection, text = data["connection"], data.get("text", "")
        where[connection] = data.get("url") or where.get(connection, "")
        url = where[connection]
        if "/v1/listen" in url and data["direction"] == "sent" and data["kind"] == "binary":
            usd += data["length"] / BYTES_A_SECOND * SECOND_HEARD
        elif "/tts/websocket" in url and data["direction"] == "sent" and text:
            usd += len(json.loads(text).get("transcript", "")) * CHARACTER
        elif "/v1/messages" in url and data["direction"] == "received":
            for event in re.findall(r"^data: (.*)$", text, re.MULTILINE):
                told = json.loads(event)
                if usage := told.get("message", {}).get("usage"):
                    began[connection] = usage
                    usd += usage["input_tokens"] * price[0]
                    usd += (usage.get("cache_read_input_tokens") or 0) * price[2]
                    usd += (usage.get("cache_creation_input_tokens") or 0) * price[3]
                elif told["type"] == "message_delta":
                    usd += told["usage"]["output_tokens"] * price[1]
    return usd
