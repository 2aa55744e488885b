"""What a person is told who takes a caller over: made of what the session holds, without a model."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipecat.processors.aggregators.llm_context import LLMContext

from sessions.distress import SIGN

if TYPE_CHECKING:
    from sessions.session import Session

TURNS = 8
SPOKEN_WORDS = 30


@dataclass(frozen=True)
class Brief:
    """Why somebody is needed, and what was said before.

    Its words are those that the bot's model has: surrogates where the policy redacts.

    Parameters:
        bot: Whose caller it is.
        reason: Why a person is needed.
        said: The last turns, oldest first: ``("caller", words)`` or ``("bot", words)``.
        facts: What is to be kept in mind, by name.
        sign: A reading that says the caller may be in distress; empty if there is none.
        left: What agents have left in the store for who takes over.
    """

    bot: str
    reason: str
    said: tuple[tuple[str, str], ...] = ()
    facts: dict[str, str] | None = None
    sign: str = ""
    left: dict[str, Any] | None = None

    def as_dict(self, tell: Callable[[str], str] = str) -> dict[str, Any]:
        """JSON, each text as ``tell`` puts it: with surrogates, or with the originals."""
        return _each(asdict(self), tell)

    @property
    def spoken(self) -> str:
        """The same in three short sentences."""
        last = next((words for who, words in reversed(self.said) if who == "caller"), "")
        parts = [f"You have a caller from {self.bot.replace('_', ' ')}.", _sentence(self.reason)]
        if last:
            parts.append(f"The caller last said: {_sentence(last)}")
        if self.sign:
            parts.append("There is a sign of distress.")
        return " ".join(part for part in parts if part)


def make_brief(session: "Session", *, reason: str, contexts: Sequence[LLMContext]) -> Brief:
    """The brief of a call as it now stands.

    Args:
        session: The call.
        reason: Why a person is needed.
        contexts: What its models read.
    """
    turns = [
        ("caller" if role == "user" else "bot", text)
        for context in contexts[:1]
        for role, text in map(_said, context.messages)
        if text
    ]
    sign = session.readings.latest(SIGN)
    brief = Brief(
        bot=session.bot,
        reason=reason,
        said=tuple(turns[-TURNS:]),
        facts={name: str(fact) for name, fact in session.budget.facts.items()},
        sign=sign.words(session.clock.now_ns()) if sign else "",
        left={name: left for name, left in session.handoff.items() if name != "transfer"},
    )
    if session.phi is None:
        return brief
    return Brief(**_each(asdict(brief), session.phi.scrub))


def _said(message: Any) -> tuple[str, str]:
    """Who said a message, and its words; nothing for tools, notes and pictures."""
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
        return "", ""
    content = message.get("content")
    if isinstance(content, list):
        content = " ".join(part.get("text", "") for part in content if isinstance(part, dict))
    return message["role"], " ".join(content.split()) if isinstance(content, str) else ""


def _each(value: Any, tell: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return tell(value)
    if isinstance(value, dict):
        return {key: _each(item, tell) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_each(item, tell) for item in value)
    return value


def _sentence(text: str) -> str:
    words = text.split()
    cut = " ".join(words[:SPOKEN_WORDS]) + (" and so on" if len(words) > SPOKEN_WORDS else "")
    return cut if not cut or cut[-1] in ".?!" else f"{cut}."
