"""What a session costs: measured usage times a dated price table, by layer, live and in the end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import MetricsFrame
from pipecat.metrics.metrics import (
    LLMTokenUsage,
    LLMUsageMetricsData,
    STTUsageMetricsData,
    TTSUsageMetricsData,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frame_processor import FrameDirection

from sessions.prices import Prices
from sessions.watching import Watcher

LAYERS = ("transport", "asr", "vision", "reasoning", "tts")
SAVE_AT = 0.8
"""Share of a session's budget from which on it is run more cheaply."""


@dataclass
class Bill:
    """The running total of one call. It knows prices and usage, and nothing of a session.

    Parameters:
        prices: The table.
        usd: Dollars by layer.
        unpriced: Castings whose usage no entry of the table prices.
    """

    prices: Prices
    usd: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LAYERS, 0.0))
    unpriced: set[str] = field(default_factory=set)

    @property
    def total(self) -> float:
        """Dollars so far."""
        return sum(self.usd.values())

    def minutes(self, layer: str, cast: str, secs: float) -> None:
        """Charge time: of audio heard by ears, or of a call on a transport."""
        self._charge(layer, cast, {"per_minute": secs / 60})

    def characters(self, cast: str, count: int) -> None:
        """Charge text that was spoken."""
        self._charge("tts", cast, {"per_million_characters": count / 1e6})

    def tokens(self, cast: str, usage: LLMTokenUsage, *, pictures: int = 0) -> None:
        """Charge one inference.

        Args:
            cast: Of the model.
            usage: As its service reported it.
            pictures: Shown with it; their share of the input tokens is the vision layer's.
        """
        price = self._price(cast)
        read, wrote = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        prompt, completion = usage.prompt_tokens, usage.completion_tokens
        if price.get("cached_in_prompt"):
            prompt -= read + wrote
        heard, said = usage.input_audio_tokens or 0, usage.output_audio_tokens or 0
        heard_again = usage.cache_read_input_audio_tokens or 0
        if price.get("cached_in_prompt"):
            heard = max(0, heard - heard_again)
        prompt, completion = max(0, prompt - heard), max(0, completion - said)
        seen = min(prompt, pictures * self.prices.image_tokens)
        self._add("vision", price, {"input": seen})
        self._add(
            "reasoning",
            price,
            {
                "input": prompt - seen,
                "output": completion,
                "cache_read": max(0, read - heard_again),
                "cache_write": wrote,
                "audio_input": heard,
                "audio_output": said,
                "audio_cache_read": heard_again,
            },
        )

    def _add(self, layer: str, price: Any, tokens: dict[str, int]) -> None:
        default = price.get("per_million_input", 0.0)
        for kind, count in tokens.items():
            self.usd[layer] += count / 1e6 * price.get(f"per_million_{kind}", default)

    def _charge(self, layer: str, cast: str, amounts: dict[str, float]) -> None:
        price = self._price(cast)
        for unit, amount in amounts.items():
            self.usd[layer] += amount * price.get(unit, 0.0)

    def _price(self, cast: str) -> Any:
        price = self.prices.of(cast)
        if price is None:
            self.unpriced.add(cast)
        return price or {}


class Cost(Watcher):
    """Charges a session's usage as its services report it, and keeps within its budget.

    Near the end of the budget everything that can be had more cheaply is: whoever can save appends
    to :attr:`savers`. A call is never ended for money.

    Attributes:
        bill: What it has cost.
        castings: Who plays which part: a service's name and ``stage/vendor/model``.
        door: The transport's name in the price table.
        savers: What can be saved, in words the caller may read, and how. Each is called once.
    """

    def __init__(
        self,
        *,
        prices: Prices,
        budget_usd: float | None = None,
        note: Callable[[str], None] = lambda text: None,
        spent: Callable[[str, float], None] = lambda layer, usd: None,
    ):
        """Initialize the cost.

        Args:
            prices: The table.
            budget_usd: What the session may cost; None is no bound.
            note: Told in words when saving begins, and when the budget is spent.
            spent: Told each charge: layer and dollars.
        """
        super().__init__()
        if budget_usd is not None and budget_usd <= 0:
            raise ValueError(f"A budget of {budget_usd} $ is none. Set dollars above 0, or None.")
        self.bill = Bill(prices)
        self.castings: dict[str, str] = {}
        self.savers: list[tuple[str, Callable[[], None]]] = []
        self.budget_usd, self._note, self._spent = budget_usd, note, spent
        self._booked = dict(self.bill.usd)
        self.door, self._door_secs = "none", 0.0
        self._pictures = 0
        self._saving = self._over = False

    def is_cheaper(self, service: str, *, than: str) -> bool:
        """Whether one service's output costs less than another's; not if either is not priced."""
        price, other = (self.bill.prices.of(self.castings.get(s, "")) for s in (service, than))
        unit = "per_million_output"
        return bool(price and other and price.get(unit, 0.0) < other.get(unit, 0.0))

    def picture(self) -> None:
        """A picture goes with the inference that begins."""
        self._pictures += 1

    def on_the_line(self, secs: float) -> None:
        """Charge the door up to now.

        Args:
            secs: Since the session opened.
        """
        self.bill.minutes("transport", f"transport/{self.door}", secs - self._door_secs)
        self._door_secs = secs
        self._book()

    async def on_push_frame(self, data: FramePushed):
        """Charge what services report."""
        frame = data.frame
        if not isinstance(frame, MetricsFrame):
            return
        if frame.broadcast_sibling_id is not None and data.direction != FrameDirection.DOWNSTREAM:
            return
        if sum(self.charge(item) for item in frame.data):
            self._book()

    def charge(self, item: Any) -> bool:
        """Charge one report of usage; whether it is one."""
        cast = self.castings.get(item.processor, f"unknown/{item.processor}")
        if isinstance(item, STTUsageMetricsData):
            self.bill.minutes("asr", cast, item.value.audio_seconds)
        elif isinstance(item, TTSUsageMetricsData):
            self.bill.characters(cast, item.value)
        elif isinstance(item, LLMUsageMetricsData):
            self.bill.tokens(cast, item.value, pictures=self._pictures)
            self._pictures = 0
        else:
            return False
        return True

    def _book(self) -> None:
        for layer, usd in self.bill.usd.items():
            if usd > self._booked[layer]:
                self._spent(layer, usd - self._booked[layer])
        self._booked = dict(self.bill.usd)
        if self.budget_usd is None:
            return
        if self.bill.total >= SAVE_AT * self.budget_usd and not self._saving:
            self._saving = True
            for _, save in self.savers:
                save()
            measures = ", ".join(words for words, _ in self.savers) or "nothing here can be cheaper"
            self._note(f"This call nears its budget: {measures}.")
        if self.bill.total >= self.budget_usd and not self._over:
            self._over = True
            self._note("This call has spent its budget. It goes on at the lowest rate there is.")


def rounded(usd: dict[str, float]) -> dict[str, float]:
    """Dollars to a hundredth of a cent, as clients are told them."""
    return {layer: round(dollars, 6) for layer, dollars in usd.items()}
