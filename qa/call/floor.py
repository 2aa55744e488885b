"""Whose turn it is: what the caller gathers from the bot's messages before it speaks again."""

from typing import Any

RESULT_S = 8.0
"""How long a tool's result may go without a word about it. Some (a transfer's) always do."""

SPEECH_S = 3.0
"""How long the model's first word may take to be heard."""


class Floor:
    """Tells whether the bot is still thinking, acting or about to speak.

    The sound alone does not: a bot that says "One moment." and looks something up has not
    finished its turn. Nor do the words "One moment." end it when they are spoken only after
    the lookup: the answer is what the model says next. Times are seconds on the call's clock.
    """

    def __init__(self):
        self._speaking = False
        self._thinking = False
        self._tools: set[str] = set()
        self._owes_word_until = 0.0
        self._owes_speech_until = 0.0
        self.ended = ""

    def hear(self, message: dict[str, Any], now: float) -> None:
        """Take one RTVI message."""
        kind, data = message.get("type"), message.get("data")
        data = data if isinstance(data, dict) else {}
        match kind:
            case "bot-started-speaking":
                self._speaking, self._owes_speech_until = True, 0.0
            case "bot-stopped-speaking" | "bot-interrupted":
                self._speaking = False
            case "bot-output" if data.get("spoken_status") == "new":
                self._owes_speech_until = 0.0
            case "bot-llm-started":
                self._thinking = True
                self._first_word(now)
            case "bot-llm-stopped":
                self._thinking = False
            case "metrics" if "ttfat" in data:  # the model's, also where its text is not sent
                self._first_word(now)
            case "llm-function-call-in-progress":
                self._tools.add(str(data.get("tool_call_id")))
            case "llm-function-call-stopped":
                self._tools.discard(str(data.get("tool_call_id")))
                self._owes_word_until = now + RESULT_S
            case "server-message" if data.get("type") == "ended":
                self.ended = str(data.get("reason") or "the bot ended the call")

    def busy(self, now: float) -> bool:
        """Whether the bot has not finished its turn."""
        owes = now < max(self._owes_word_until, self._owes_speech_until)
        return self._speaking or self._thinking or bool(self._tools) or owes

    def _first_word(self, now: float) -> None:
        if now < self._owes_word_until:
            self._owes_word_until, self._owes_speech_until = 0.0, now + SPEECH_S
