"""Puts back what was stored of a session: what its model remembers, and what is done already."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipecat.processors.aggregators.llm_context import LLMContext

from sessions.store.state import Kept, unpack

if TYPE_CHECKING:
    from sessions.session import Session

IN_PROGRESS = "IN_PROGRESS"
UNKNOWN = (
    "The line was cut while this ran, and it is not known whether it took effect. If it is still "
    "wanted, call it again with the same arguments: it is not done twice."
)


def restore(session: "Session", contexts: Sequence[LLMContext]) -> None:
    """Put back what the model remembers, what is pinned, and which calls are done."""
    assert session.resumed
    kept, events = session.resumed.kept, session.resumed.events
    results = _results(events)
    redact = session.phi.redact_data if session.phi else (lambda value: value)
    known: set[str] = set()
    for context, packed in zip(contexts, kept.contexts):
        messages = [_settled(m, results, redact) for m in unpack(packed)]
        known |= {m["tool_call_id"] for m in messages if _is(m, "tool")}
        context.set_messages(messages)
        session.gate.resume(messages)
    if contexts:
        told = _told(contexts[0].messages)
        _add_uncommitted(contexts[0], kept)
        for call, (name, result) in results.items():
            if call not in known:
                said = json.dumps(redact(result), default=str)
                _note(contexts[0], f"Before the cut, {name} was done: {said}")
    else:
        told = set()
    session.once.restore(events, told=told.__contains__)
    session.budget.facts.update(kept.facts)
    session.handoff.update(kept.handoff)


def is_owed(session: "Session") -> bool:
    """Whether the bot was cut off, or the caller's last words have no answer."""
    assert session.resumed
    kept = session.resumed.kept
    messages = (kept.contexts or [[]])[0]
    said = [m for m in messages if _is(m, "user") or _is(m, "assistant") and m.get("content")]
    return bool(kept.unheard or kept.hearing or (said and _is(said[-1], "user")))


def cue(session: "Session") -> str:
    """What the model is told about the cut."""
    assert session.resumed
    kept = session.resumed.kept
    secs = max(0.0, session.clock.started_at.timestamp() - kept.at)
    parts = [f"The line was cut for about {secs:.0f} seconds; the caller is back and knows it."]
    if kept.unheard:
        parts.append(
            "They did not hear what is marked so, nor perhaps the words just before it: say in one "
            "or two sentences what they missed."
        )
    else:
        parts.append("Go on in one sentence where the conversation was: answer what is still open.")
    return f"({' '.join(parts)} Do not greet them again.)"


def _results(events: list[dict[str, Any]]) -> dict[str, tuple[str, Any]]:
    """The name and the result of every finished call, by the model's id of it."""
    calls: dict[str, str] = {}
    results: dict[str, tuple[str, Any]] = {}
    for event in events:
        if "result" in event and event["once"] in calls:
            results[calls[event["once"]]] = event["once"].partition("(")[0], event["result"]
        elif "call" in event:
            calls[event["once"]] = event["call"]
    return results


def _settled(message: Any, results: dict, redact) -> Any:
    """A tool's answer that was still out: what it returned, or that nobody knows."""
    if not _is(message, "tool") or message.get("content") != IN_PROGRESS:
        return message
    _, result = results.get(message["tool_call_id"], ("", None))
    content = UNKNOWN if result is None else json.dumps(redact(result), default=str)
    return {**message, "content": content}


def _told(messages: list) -> set[str]:
    """The calls after which the bot was heard."""
    told: set[str] = set()
    waiting: set[str] = set()
    for message in messages:
        if _is(message, "tool"):
            waiting.add(message["tool_call_id"])
        elif _is(message, "assistant") and message.get("content"):
            told |= waiting
    return told


def _add_uncommitted(context: LLMContext, kept: Kept) -> None:
    """What was said and is in no context, unless it has got there since."""
    for role, text in (("user", kept.hearing), ("assistant", kept.heard)):
        last: Any = next((m for m in reversed(context.messages) if _is(m, role)), {})
        if text and _flat(text) not in _flat(last.get("content")):
            message: Any = {"role": role, "content": text}
            context.add_message(message)
    if kept.unheard:
        _note(context, f'The line was cut here. The caller did not hear: "{kept.unheard}"')


def _note(context: LLMContext, text: str) -> None:
    message: Any = {"role": "developer", "content": f"({text})"}
    context.add_message(message)


def _is(message: Any, role: str) -> bool:
    return isinstance(message, dict) and message.get("role") == role


def _flat(content: Any) -> str:
    return " ".join(content.split()) if isinstance(content, str) else ""
