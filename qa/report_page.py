"""The report as one page: self-contained, its plots drawn as SVG, asking nothing of other hosts."""

import html
from collections.abc import Sequence
from datetime import UTC, datetime

from qa.figures import CallFigures
from sessions.cost import LAYERS as MONEY
from sessions.metrics import Figures
from sessions.slo import OBJECTIVES, TURN_LIMIT_MS
from sessions.waterfall import LAYERS

COLOURS = {
    "endpointing": "#4c78a8",
    "asr": "#72b7b2",
    "vision": "#b279a2",
    "model": "#9d5bd2",
    "tool": "#eeca3b",
    "store": "#9d755d",
    "tts": "#54a24b",
    "transport": "#8c8c8c",
    "other": "#e45756",
    "reasoning": "#9d5bd2",
}
STYLE = """
:root { color-scheme: light dark; --dim: light-dark(#666, #aaa); --line: light-dark(#ddd, #444);
  --bad: light-dark(#c22, #f66); --good: light-dark(#2a7a2a, #7c7) }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } caption { text-align: left; color: var(--dim) }
td, th { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line) }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.bad { color: var(--bad); font-weight: 600 } .good { color: var(--good) } .dim { color: var(--dim) }
svg { display: block; width: 100%; height: auto } svg text { font-size: 11px; fill: currentColor }
.key span { display: inline-block; margin-right: 1rem } .key i { display: inline-block; width: .8em;
  height: .8em; margin-right: .35em; border-radius: 2px }
.wide { overflow-x: auto }
"""
WIDE, ROW, LEFT = 900, 18, 110
MOST_TURNS = 60


def page_of(calls: Sequence[CallFigures], total: Figures, notes: Sequence[str]) -> str:
    """The page.

    Args:
        calls: To be shown.
        total: Their measurements added up.
        notes: Where the figures come from.
    """
    usd = sum(call.total_usd for call in calls)
    minutes = sum(call.secs for call in calls) / 60
    turns = sum(len(call.turns) for call in calls)
    broken = total.broken()
    verdict = (
        f'<span class="bad">{len(broken)} of 8 metrics past their thresholds</span>'
        if broken
        else '<span class="good">all metrics that were measured are within their thresholds</span>'
    )
    each = f" ({usd / minutes:.3f} $ a minute)" if minutes else ""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Vivace: report</title>",
        "<meta name=viewport content='width=device-width'>",
        f"<style>{STYLE}</style><h1>Where the time and the money went</h1>",
        f"<p>{len(calls)} calls, {turns} turns, {minutes:.1f} minutes, {usd:.4f} ${each}: {verdict}.",
        "<h2>The eight metrics</h2>",
        _metrics(calls, total),
        f"<h2>Time of each turn</h2><p class=key>{_key(LAYERS)}</p>",
        _turns(calls),
        f"<h2>Money of each call</h2><p class=key>{_key(MONEY)}</p>",
        _money(calls),
        "<h2>Calls</h2>",
        _calls(calls),
        *(f"<p class=dim>{html.escape(note)}</p>" for note in notes),
    ]
    return "\n".join(parts) + "\n"


def _metrics(calls: Sequence[CallFigures], total: Figures) -> str:
    bots = sorted({call.bot for call in calls})
    of = {bot: Figures() for bot in bots}
    for call in calls:
        of[call.bot].add(call.figures)
    columns = {"all": total, **of} if len(bots) > 1 else of
    rows = ["<tr><th>metric<th>alert when" + "".join(f"<th class=n>{_(c)}" for c in columns)]
    for objective in OBJECTIVES:
        sign = "&gt;" if objective.worse == "above" else "&lt;"
        row = f"<tr><td title='{_(objective.definition)}'>{_(objective.name)}"
        row += " p95" if objective.statistic == "p95" else ""
        row += f"<td class=dim>{sign} {objective.threshold:g} {objective.unit}"
        for figures in columns.values():
            value = figures.value(objective.key)
            style = "bad" if objective.broken(value) else "good" if value is not None else "dim"
            digits = 0 if objective.unit == "ms" else 1
            text = f"{value:.{digits}f} {objective.unit}" if value is not None else "not measured"
            row += f"<td class='n {style}'>{text}"
        rows.append(row)
    return f"<div class=wide><table>{''.join(rows)}</table></div>"


def _turns(calls: Sequence[CallFigures]) -> str:
    turns = [(call, turn) for call in calls for turn in call.turns]
    note = ""
    if len(turns) > MOST_TURNS:
        note = f"<p class=dim>The {MOST_TURNS} slowest of {len(turns)}, slowest first.</p>"
        turns = sorted(turns, key=lambda one: -one[1].total_ms)[:MOST_TURNS]
    if not turns:
        return "<p class=dim>No turn was answered.</p>"
    scale = (WIDE - LEFT - 70) / max(TURN_LIMIT_MS * 1.1, *(turn.total_ms for _, turn in turns))
    tall = ROW * len(turns) + 24
    svg = [f"<svg viewBox='0 0 {WIDE} {tall}' role=img aria-label='Time of each turn, by layer'>"]
    for row, (call, turn) in enumerate(turns):
        y, x = row * ROW, float(LEFT)
        svg.append(f"<text x=0 y={y + 13}>{_(call.session[:8])} turn {turn.n}</text>")
        for layer in LAYERS:
            if ms := getattr(turn, f"{layer}_ms"):
                svg.append(_bar(x, y, ms * scale, layer, f"{layer}: {ms} ms"))
                x += ms * scale
        style = " class=bad style='fill:var(--bad)'" if turn.total_ms > TURN_LIMIT_MS else ""
        svg.append(f"<text x={x + 6:.1f} y={y + 13}{style}>{turn.total_ms} ms</text>")
    at = LEFT + TURN_LIMIT_MS * scale
    svg.append(
        f"<line x1={at:.1f} x2={at:.1f} y1=0 y2={tall - 16} stroke='var(--bad)' "
        f"stroke-dasharray='4 3'/><text x={at:.1f} y={tall - 3} text-anchor=middle>"
        "2.5 s: here a conversation breaks</text></svg>"
    )
    return note + "".join(svg)


def _money(calls: Sequence[CallFigures]) -> str:
    most = max((call.total_usd for call in calls), default=0.0)
    if not most:
        return "<p class=dim>No usage was charged.</p>"
    scale = (WIDE - LEFT - 90) / most
    svg = [
        f"<svg viewBox='0 0 {WIDE} {ROW * len(calls)}' role=img aria-label='Money of each call'>"
    ]
    for row, call in enumerate(calls):
        y, x = row * ROW, float(LEFT)
        svg.append(f"<text x=0 y={y + 13}>{_(call.session[:8])}</text>")
        for layer, usd in call.usd.items():
            if usd:
                svg.append(_bar(x, y, usd * scale, layer, f"{layer}: {usd:.5f} $"))
                x += usd * scale
        svg.append(f"<text x={x + 6:.1f} y={y + 13}>{call.total_usd:.4f} $</text>")
    return "".join([*svg, "</svg>"])


def _calls(calls: Sequence[CallFigures]) -> str:
    rows = [
        "<tr><th>session<th>bot<th>began<th class=n>length<th class=n>turns<th class=n>barge-ins"
        "<th class=n>$<th class=n>$ a turn"
    ]
    for call in calls:
        began = datetime.fromtimestamp(call.began_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M")
        turn = sum(call.turn_usd) / len(call.turns) if call.turns else 0.0
        rows.append(
            f"<tr><td>{_(call.session)}<td>{_(call.bot)}<td>{began}<td class=n>{call.secs:.0f} s"
            f"<td class=n>{len(call.turns)}<td class=n>{call.figures.barge_ins}"
            f"<td class=n>{call.total_usd:.4f}<td class=n>{turn:.4f}"
        )
    return f"<div class=wide><table>{''.join(rows)}</table></div>"


def _bar(x: float, y: int, wide: float, layer: str, title: str) -> str:
    return (
        f"<rect x={x:.1f} y={y + 3} width={max(wide, 0.5):.1f} height={ROW - 5} "
        f"fill='{COLOURS[layer]}'><title>{_(title)}</title></rect>"
    )


def _key(layers: Sequence[str]) -> str:
    return "".join(f"<span><i style='background:{COLOURS[n]}'></i>{_(n)}</span>" for n in layers)


def _(text: str) -> str:
    return html.escape(text, quote=True)
