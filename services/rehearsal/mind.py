"""The scripted mind: the first rule that matches the newest content of a conversation answers it.

It reads the Anthropic form of a conversation; the other wires translate theirs into it. It is not an
AI, says so on every wire, and its replies measure nothing about quality.

Variables of ``say`` and ``with``: the named groups of ``hear``; ``words``; ``result.x`` of the tool
named by ``after``; ``<tool>.x`` of the newest result of any tool so far; ``image.x``, ``camera.x``
and ``screen.x`` of the newest picture of all, of the camera's and of the screen's (see
:mod:`services.rehearsal.look`); ``shown``, the texts that nobody said. ``{a|b|'text'}`` takes the
first that is not empty. A missing variable is empty, never an error.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from services.rehearsal.look import Look
from services.rehearsal.script import Rule, Script, with_slots
from services.rehearsal.shown import Shown

MODEL = "rehearsal"
# A note to the model, not user words: in brackets, but no surrogate such as [NAME_1].
NOTE = re.compile(r"\s*(\([^()]*\)|\[(?![A-Z_]+_\d+\])[^\[\]]*\])\s*")
FIELD = re.compile(r"\{([^{}]+)\}")
SPOKEN_KEYS = ("name", "text", "title", "substance", "value")


@dataclass
class Turn:
    """A conversation, read up to its newest content.

    Attributes:
        words: User texts since the bot's last word or tool call, oldest first.
        after: Tools that gave results since the last user words, the newest last. Parallel calls may
            come as separate messages, and words said before a call may be recorded behind it.
        results: Newest result of each tool so far.
        said: What the bot has said.
        called: Tools the bot has called.
        pictures: The newest picture of each source, and of all as ``image``; without those that
            cannot be decoded.
        blind: The request holds no image.
        shown: Texts that came with the request and that nobody said: screen text, readings.
        system: The system instruction.
        offered: Names of the tools on offer.
        opening: No user has said anything yet, notes in brackets aside.
        ungreeted: Nobody was heard yet, and the bot has said one text at most (a disclosure).
    """

    words: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    pictures: dict[str, Look] = field(default_factory=dict)
    blind: bool = True
    shown: list[str] = field(default_factory=list)
    system: str = ""
    offered: set[str] = field(default_factory=set)
    opening: bool = True
    ungreeted: bool = False


@dataclass(frozen=True)
class Answer:
    """What the mind answers: speech, tool calls as (name, arguments), or a vendor error type."""

    say: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fail: str | None = None
    rule: int | None = None


def answer(script: Script, turn: Turn) -> Answer:
    """Answer a turn by the first rule that matches, or by ``otherwise``.

    The greeting comes first where no user has said anything. A note to the model looks like user
    words on the wire unless it stands in brackets; if no rule knows such words and nobody was
    heard yet, the greeting answers them too.
    """
    greetings = [i for i, rule in enumerate(script.rules) if rule.greet]
    others = [i for i, rule in enumerate(script.rules) if not rule.greet]
    newest = next((text for text in reversed(turn.words) if not NOTE.fullmatch(text)), None)
    newest = newest or (turn.words[-1] if turn.words else "")
    attempts = [(greetings, newest)] if turn.opening else []
    attempts += [(others, newest), (others, " ".join(turn.words))]
    if turn.ungreeted and not any(_done(script.rules[i], turn) for i in greetings):
        attempts.append((greetings, newest))
    for candidates, words in attempts:
        for i in candidates:
            rule = script.rules[i]
            variables = match(rule, turn, words)
            if variables is not None:
                calls = [(c.name, fill(c.arguments, variables)) for c in rule.call]
                return Answer(fill(rule.say, variables), calls, rule.fail, i)
    return Answer(say=script.otherwise)


def match(rule: Rule, turn: Turn, words: str) -> dict[str, Any] | None:
    """Return the rule's variables if all its conditions hold, else None."""
    newest = turn.after[-1] if turn.after else None
    if newest not in (rule.after or [None]) or not set(rule.after) <= set(turn.after):
        return None
    if rule.see is not None and bool(rule.see) == turn.blind:
        return None
    if not set(rule.tools) <= turn.offered:
        return None
    if rule.once and _done(rule, turn):
        return None
    shown = "\n".join(turn.shown)
    variables = {**turn.results, **turn.pictures, "words": words, "shown": shown}
    if rule.after:
        variables["result"] = turn.results.get(rule.after[-1])
    facts = rule.see if isinstance(rule.see, dict) else {}
    for pattern, text in (
        (rule.hear, words),
        (rule.result, as_json(variables.get("result"))),
        (rule.system, turn.system),
        (rule.shown, shown),
        *((pattern, partial(_fact, variables, fact)) for fact, pattern in facts.items()),
    ):
        if pattern is None:
            continue
        text = text() if callable(text) else text  # a fact is looked for only if all else holds
        found = re.search(with_slots(pattern), text, re.IGNORECASE)
        if not found:
            return None
        variables.update({name: group or "" for name, group in found.groupdict().items()})
    return variables


def _done(rule: Rule, turn: Turn) -> bool:
    opening = rule.say.partition("{")[0].strip()[:24]
    said = bool(opening) and any(opening in text for text in turn.said)
    return said or any(call.name in turn.called for call in rule.call)


def fill(value: Any, variables: dict[str, Any]) -> Any:
    """Put variables into the braces of a text, or of every text in a list or mapping."""
    if isinstance(value, dict):
        return {key: fill(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, variables) for item in value]
    if not isinstance(value, str):
        return value
    return FIELD.sub(lambda m: _choose(m[1], variables), value)


def _choose(expression: str, variables: dict[str, Any]) -> str:
    for choice in expression.split("|"):
        if re.fullmatch(r"\w+(\.\w+)*", choice):
            text = spoken(_get(variables, choice))
        else:
            text = choice.strip("\"'")
        if text:
            return text
    return ""


def _fact(variables: dict[str, Any], fact: str) -> str:
    return spoken(_get(variables, fact))


def _get(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, list) and not part.isdigit():
            value = value[0] if value else None
        if isinstance(value, list):
            value = value[int(part)] if int(part) < len(value) else None
        elif isinstance(value, Mapping):
            value = value.get(part)
        else:
            return None
    return value


def spoken(value: Any) -> str:
    """Say a JSON value in words: lists with "and", mappings by their name or text."""
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        parts = [text for item in value if (text := spoken(item))]
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    if isinstance(value, dict):
        key = next((k for k in SPOKEN_KEYS if value.get(k)), None)
        return spoken(value[key] if key else list(value.values()))
    return str(value)


def as_json(value: Any) -> str:
    """Return text as it is and anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def read(body: dict[str, Any], *, heard: bool = False) -> Turn:
    """Read an Anthropic request body.

    Args:
        body: ``messages``, ``system`` and ``tools`` of the request.
        heard: The session's ears have heard words.
    """
    turn = Turn(
        system=_text(body.get("system")),
        offered={tool.get("name", "") for tool in body.get("tools") or []},
    )
    names: dict[str, str] = {}
    shown = Shown()
    for role, block in blocks(body.get("messages") or []):
        kind = block.get("type")
        if role == "assistant":
            if kind == "text":
                # Pipecat lays the words said during a tool call behind its result.
                turn.said.append(block.get("text", ""))
                turn.words = []
            elif kind == "tool_use":
                names[block.get("id", "")] = block.get("name", "")
                turn.called.append(block.get("name", ""))
                turn.words = []
        elif kind == "text" and shown.takes(block.get("text", "")):
            continue
        elif kind == "text" and block.get("text", "").strip(". ") not in ("", "(empty)"):
            turn.words.append(block["text"])
            turn.after = []
            turn.opening = turn.opening and NOTE.fullmatch(block["text"]) is not None
        elif kind == "tool_result":
            turn.words = []
            name = names.get(block.get("tool_use_id", ""), "")
            turn.after.append(name)
            turn.results[name] = _result(block)
        elif kind == "image" and (source := block.get("source") or {}).get("type") == "base64":
            shown.image(source.get("data", ""))
    turn.pictures, turn.blind, turn.shown = shown.pictures(), shown.blind, shown.texts
    turn.opening = turn.opening and not turn.called
    turn.ungreeted = not (heard or turn.called) and len(turn.said) <= 1
    return turn


def blocks(messages: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (role, block) over all messages; a plain text counts as one block."""
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        for block in content or []:
            yield message.get("role", ""), block


def _text(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(block.get("text", "") for block in content if isinstance(block, dict))
    return content or ""


def _result(block: dict[str, Any]) -> Any:
    text = _text(block.get("content"))
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict | list) else {"text": text}
