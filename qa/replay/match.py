"""When is what is asked now what was asked then? Content, with ids and bulk data masked.

Ids that the code under replay draws afresh (a TTS context, a JSON-RPC request) differ from the
tape's. They are masked for comparison, learnt when a message matches, and put into the taped
answers. Ids that came from the other end are the tape's own and need nothing.
"""

import json
import re
from typing import Any

_ID = re.compile(
    r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b"
    r"|\b(?:toolu|call|msg|req|resp|item|event|fc)_(?=\w*\d)\w{8,}"
)
_FOLDER = re.compile(r"(?:[\w.:-]*[/\\]+)+vivace-[\w-]+")
_AGE = re.compile(r"\b\d+\.\d s ago\b")  # of what a model is shown: a tenth is soon passed
_BULK = 2000
_RPC_FIELDS = ("id", "requestId", "progressToken")
# Where a call is traced, the MCP SDK says so in what it asks; it is not part of the question.
_TRACE_FIELDS = ("traceparent", "tracestate")


def key_of(text: str) -> str:
    """The content of a message, canonical: equal keys are equal questions."""
    value = _parsed(text)
    if value is None:
        return _mask(text)
    return json.dumps(_masked(value, rpc=_is_rpc(value)), sort_keys=True)


def shape_of(text: str) -> str:
    """What kind of message it is: its field names."""
    value = _parsed(text)
    return ",".join(sorted(value)) if isinstance(value, dict) else ""


def ids_in(text: str) -> list[str]:
    """The ids a message carries, in canonical order."""
    value = _parsed(text)
    if _is_rpc(value) and "id" in value:
        return [f"rpc:{value['id']}"]
    if value is not None:
        text = json.dumps(value, sort_keys=True)
    return _ID.findall(text)


class Names:
    """The tape's ids by the ones the code under replay has drawn."""

    def __init__(self):
        """Know none."""
        self._live: dict[str, str] = {}

    def learn(self, taped: str, live: str) -> None:
        """Pair the ids of two messages that match."""
        for then, now in zip(ids_in(taped), ids_in(live)):
            self._live[then] = now

    def rewrite(self, text: str) -> str:
        """A taped answer with the ids of now."""
        value: Any = _parsed(text) if '"jsonrpc"' in text else None
        if _is_rpc(value):
            now = self._live.get(f"rpc:{value.get('id')}")
            if now is not None:
                value["id"] = int(now[4:]) if now[4:].isdigit() else now[4:]
            return json.dumps(value)
        return _ID.sub(lambda match: self._live.get(match[0], match[0]), text)


def nearly(taped: str, live: str) -> bool:
    """Whether two model requests differ only in how far a cut-off answer of the bot got.

    What a barge-in leaves of an answer depends on milliseconds, by a word.
    """
    then, now = _parsed(taped), _parsed(live)
    if not isinstance(then, dict) or not isinstance(now, dict):
        return False
    then, now = dict(then), dict(now)
    before, after = then.pop("messages", None), now.pop("messages", None)
    if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after):
        return False
    if _masked(then) != _masked(now):
        return False
    return all(_same_turn(a, b) for a, b in zip(before, after))


def _same_turn(then: Any, now: Any) -> bool:
    if _masked(then) == _masked(now):
        return True
    if then.get("role") != "assistant" or now.get("role") != "assistant":
        return False
    one, two = _text(then), _text(now)
    return one.startswith(two) or two.startswith(one)


def _text(message: dict) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content.strip()
    return " ".join(
        part.get("text", "") for part in content or [] if isinstance(part, dict)
    ).strip()


def difference(taped: str, live: str, *, limit: int = 3) -> str:
    """In words, where two messages part: at most ``limit`` places."""
    then, now = _parsed(taped), _parsed(live)
    if then is None or now is None:
        return _parting(_mask(taped), _mask(live))
    found: list[str] = []
    _compare(_masked(then, rpc=_is_rpc(then)), _masked(now, rpc=_is_rpc(now)), "", found)
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return "; ".join(found[:limit]) + more


def _compare(then: Any, now: Any, path: str, found: list[str]) -> None:
    if isinstance(then, dict) and isinstance(now, dict):
        for name in sorted(then.keys() | now.keys()):
            place = f"{path}.{name}".lstrip(".")
            if name not in now:
                found.append(f"{place} is gone (was {_short(then[name])})")
            elif name not in then:
                found.append(f"{place} is new: {_short(now[name])}")
            else:
                _compare(then[name], now[name], place, found)
    elif isinstance(then, list) and isinstance(now, list):
        for n, (one, two) in enumerate(zip(then, now)):
            _compare(one, two, f"{path}[{n}]", found)
        if len(then) != len(now):
            extra = (now if len(now) > len(then) else then)[min(len(then), len(now)) :]
            verb = "more" if len(now) > len(then) else "fewer"
            found.append(f"{path} has {len(extra)} {verb}: {_short(extra[0])}")
    elif isinstance(then, str) and isinstance(now, str) and then != now:
        found.append(f"{path}: {_parting(then, now)}")
    elif then != now:
        found.append(f"{path} is {_short(now)}, was {_short(then)}")


def _parting(then: str, now: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(then, now)) if a != b), min(len(then), len(now)))
    start = max(0, at - 30)
    dots = "…" if start else ""
    return f"“{dots}{now[start : at + 50]}”, was “{dots}{then[start : at + 50]}”"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "…"


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _is_rpc(value: Any) -> bool:
    return isinstance(value, dict) and "jsonrpc" in value


def _masked(value: Any, *, rpc: bool = False) -> Any:
    if isinstance(value, dict):
        masked = {
            k: "<id>" if rpc and k in _RPC_FIELDS else _masked(v, rpc=rpc)
            for k, v in value.items()
            if not (rpc and k in _TRACE_FIELDS)
        }
        return {k: v for k, v in masked.items() if not (rpc and k in ("_meta", "params") and not v)}
    if isinstance(value, list):
        return [_masked(item, rpc=rpc) for item in value]
    return _mask(value) if isinstance(value, str) else value


def _mask(text: str) -> str:
    if len(text) > _BULK and " " not in text[:_BULK]:
        return "<data>"
    return _AGE.sub("<age>", _FOLDER.sub("<documents>", _ID.sub("<id>", text)))
