"""One turn's latency as one line: a proportional bar and its milliseconds."""

from typing import Any

from rich.text import Text

LAYERS = {
    "endpointing": ("e", "blue", "end"),
    "asr": ("a", "cyan", "asr"),
    "vision": ("v", "bright_magenta", "eye"),
    "model": ("m", "magenta", "llm"),
    "tool": ("t", "yellow", "tool"),
    "store": ("d", "bright_yellow", "sto"),
    "tts": ("s", "green", "tts"),
    "other": ("o", "red", "other"),
    "transport": ("x", "grey58", "net"),
}
"""Layer: its letter where there are no colours, its colour, its name where there is no room."""

SCALE_MS = 2000
"""A full bar. Longer turns fill it and are proportional within."""

SHOWN_MS = 10
"""Layers that took less are left out."""

WIDEST, NARROWEST = 32, 8


def parts(turn: dict[str, Any] | None, voice_to_voice_ms: int) -> dict[str, int]:
    """Return the milliseconds of each layer.

    Args:
        turn: The server's `turn` message, or None when it sent none.
        voice_to_voice_ms: What the caller measured. What the server cannot account for was
            spent on the way: codecs, buffers and network, both directions.
    """
    if turn is None:
        return {}
    known = {name: int(turn.get(f"{name}_ms") or 0) for name in LAYERS if name != "transport"}
    total = int(turn.get("total_ms") or sum(known.values()))
    beyond = max(0, voice_to_voice_ms - total)
    return {**known, "transport": int(turn.get("transport_ms") or 0) + beyond}


def waterfall(
    turn: dict[str, Any] | None, voice_to_voice_ms: int, *, width: int, colours: bool
) -> Text:
    """Draw a turn.

    Args:
        turn: The server's `turn` message, or None.
        voice_to_voice_ms: The whole, as the caller heard it.
        width: Columns there are.
        colours: Whether colours tell the layers apart; letters do otherwise.
    """
    shown = {name: ms for name, ms in parts(turn, voice_to_voice_ms).items() if ms >= SHOWN_MS}
    head = f"{voice_to_voice_ms:>5} ms"
    labels = labelled(shown)
    if len(head) + 1 + NARROWEST + len(labels) > width:
        labels = labelled(shown, short=True)
    room = min(WIDEST, max(NARROWEST, width - len(head) - len(labels) - 1))
    cells = room * min(1.0, voice_to_voice_ms / SCALE_MS)
    whole = sum(shown.values()) or 1
    bar, done, drawn = Text(), 0, 0
    for name, ms in shown.items():
        done += ms
        until = round(cells * done / whole)
        letter, colour, _ = LAYERS[name]
        bar.append(("━" if colours else letter) * (until - drawn), style=colour)
        drawn = until
    if not shown:
        drawn = round(cells)
        bar.append(("━" if colours else "-") * drawn, style="grey58")
    bar.append(" " * (room - drawn))
    return Text.assemble((head, "bold"), " ", bar, labels)


def labelled(shown: dict[str, int], *, short: bool = False) -> Text:
    """Name the layers and their milliseconds, each in its colour."""
    labels = Text()
    for name, ms in shown.items():
        _, colour, shortened = LAYERS[name]
        labels.append(f"  {shortened if short else name} ", style=colour)
        labels.append(str(ms), style="grey58")
    return labels
