"""Whose turn it is: what the caller gathers from the bot's messages before it speaks again."""

from typing import Any

PENDING_ANSWER_S = 8.0
"""How long a tool's result may take to be spoken. Some results (a transfer) never are."""


class Floor:
    """Tells whether the bot is still thinking, acting or about to speak.

    The sound alone does not: a bot that says "One moment." and looks something up has not
    finished its turn. Times are seconds on the call's clock.
    """

    def __init__(self):
        self._speaking = False
        self._thinking = False
        self._tools: set[str] = set()
        self._owes_until = 0.0
        self.ended = ""

    def hear(self, message: dict[str, Any], now: float) -> None:
        """Take one RTVI message."""
        kind, data = message.get("type"), message.get("data")
        data = data if isinstance(data, dict) else {}
        match kind:
            case "bot-started-speaking":
                self._speaking, self._owes_until = True, 0.0
            case "bot-stopped-speaking" | "bot-interrupted":
                self._speaking = False
            case "bot-llm-started":
                self._thinking = True
            case "bot-llm-stopped":
                self._thinking = False
            case "bot-output" if data.get("spoken_status") == "new":
                self._owes_until = 0.0
            case "llm-function-call-in-progress":
                self._tools.add(str(data.get("tool_call_id")))
            case "llm-function-call-stopped":
                self._tools.discard(str(data.get("tool_call_id")))
                self._owes_until = now + PENDING_ANSWER_S
            case "server-message" if data.get("type") == "ended":
                self.ended = str(data.get("reason") or "the bot ended the call")

    def busy(self, now: float) -> bool:
        """Whether the bot has not finished its turn."""
        return self._speaking or self._thinking or bool(self._tools) or now < self._owes_until
