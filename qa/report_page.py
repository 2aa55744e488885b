"""The report as one page: self-contained, its plots drawn as SVG, asking nothing of other hosts."""

import html
from collections.abc import Sequence
from statistics import median

from qa.figures import OWNED, CallFigures, layer_ms, summed
from sessions.cost import LAYERS as MONEY
from sessions.metrics.meter import CONFIDENCE, SECOND
from sessions.slo import BY_KEY, OBJECTIVES, TURN_LIMIT_MS, p95
from sessions.waterfall import BUDGET_MS, LAYERS

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
:root { color-scheme: light dark; --paper: light-dark(#fff, #16181c); --ink: light-dark(#1c1e21, #e6e6e6);
  --dim: light-dark(#666, #a5a9b0); --line: light-dark(#ddd, #3a3d43);
  --bad: light-dark(#b91c1c, #ff7b72); --good: light-dark(#24702c, #7ee787) }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  background: var(--paper); color: var(--ink) }
a { color: inherit } h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
th { font-weight: 600 } table.figures th { white-space: normal; vertical-align: bottom }
dt { font-weight: 600 } dd { margin: 0 0 .4rem; color: var(--dim) } summary { margin-top: .5rem } small { color: var(--dim); display: block; font-weight: 400 }
.bad { color: var(--bad); font-weight: 600 } .good { color: var(--good) } .dim { color: var(--dim) }
.verdict { font-size: 1.05rem } p.dim { max-width: 50rem }
svg { display: block; width: 100%; height: auto } svg text { font-size: 11px; fill: currentColor }
.key span { display: inline-block; margin-right: 1rem } .key i { display: inline-block; width: .8em;
  height: .8em; margin-right: .35em; border-radius: 2px }
.wide { overflow-x: auto } .wide svg { min-width: 36rem }
"""
WER_FROM = {CONFIDENCE: "estimated", SECOND: "counted"}
WIDE, ROW, LEFT = 900, 18, 110
MOST_TURNS = 60


def page_of(calls: Sequence[CallFigures], notes: Sequence[str], *, every_secs: int = 0) -> str:
    """The page.

    Args:
        calls: To be shown; those on the line first.
        notes: Where the figures come from.
        every_secs: How often a browser asks for it again; 0 for never.
    """
    live = sum(call.live for call in calls)
    title = "Now on the line, and of late" if every_secs else "Where the time and the money went"
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Vivace: report</title>",
        "<meta name=viewport content='width=device-width,initial-scale=1'>",
        f"<meta http-equiv=refresh content={every_secs}>" if every_secs else "",
        f"<style>{STYLE}</style><h1>{title}</h1>",
        _verdict(calls, live),
        "<p><a href=/qa>The tapes, to be heard and replayed</a>" if every_secs else "",
    ]
    if not calls:
        return "\n".join([*parts, "<p class=dim>There is no call to tell of yet.</p>"]) + "\n"
    parts += [
        "<h2>The eight metrics</h2>",
        _metrics(calls),
        "<h2>A turn against its budget</h2><p class=dim>The median of each layer's time, and its p95.",
        _budget(calls),
        f"<h2>Time of each turn</h2><p class=key>{_key(LAYERS)}</p>",
        f"<div class=wide>{_turns(calls)}</div>",
        f"<h2>Money of each call</h2><p class=key>{_key(MONEY)}</p>",
        f"<div class=wide>{_money(calls)}</div>",
        "<h2>Calls</h2>",
        _calls(calls),
        "<h2>Where these figures come from</h2>",
        *(f"<p class=dim>{_(note)}</p>" for note in notes),
    ]
    return "\n".join(parts) + "\n"


def _verdict(calls: Sequence[CallFigures], live: int) -> str:
    broken = summed(calls).broken()
    verdict = "<span class=good>Every metric that was measured is within its threshold.</span>"
    if broken:
        names = ", ".join(BY_KEY[key].name for key in broken)
        verdict = f"<span class=bad>Past their thresholds: {_(names)}.</span>"
    usd, secs = sum(call.total_usd for call in calls), sum(call.secs for call in calls)
    turns = [turn for call in calls for turn in call.turns]
    slow = sum(turn.total_ms > TURN_LIMIT_MS for turn in turns)
    each = f", {usd / secs * 60:.3f} $ a minute" if secs else ""
    now = f"{live} on the line now; " if live else ""
    breaks = f"<span class=bad>{slow}</span>" if slow else "none"
    return (
        f"<p class=verdict>{verdict if turns else ''} <p>{now}{len(calls)} calls, "
        f"{secs / 60:.1f} minutes, {usd:.4f} ${each}. {len(turns)} turns, {breaks} of them past the "
        f"{TURN_LIMIT_MS / 1000:g} s at which a conversation breaks."
    )


def _by_bot(calls: Sequence[CallFigures]) -> dict[str, list[CallFigures]]:
    """All calls, and where there are several bots those of each."""
    bots = sorted({call.bot for call in calls})
    each = {bot: [call for call in calls if call.bot == bot] for bot in bots}
    return {"all": [*calls], **each} if len(bots) > 1 else each


def _metrics(calls: Sequence[CallFigures]) -> str:
    head = "<tr><th>bot"
    for objective in OBJECTIVES:
        sign = "&gt;" if objective.worse == "above" else "&lt;"
        stat = " p95" if objective.statistic == "p95" else ""
        limit = f"alert {sign} {objective.threshold:g} {objective.unit}"
        head += f"<th class=n>{_(objective.name)}{stat}<small>{limit}</small>"
    rows = [head]
    for bot, some in _by_bot(calls).items():
        figures, row = summed(some), f"<tr><td>{_(bot)}"
        for objective in OBJECTIVES:
            value = figures.value(objective.key)
            style = "bad" if objective.broken(value) else "good" if value is not None else "dim"
            digits = 0 if objective.unit == "ms" else 1
            text = "–" if value is None else f"{value:.{digits}f} {objective.unit}"
            if objective.key == "asr_wer" and figures.wer_from:
                text += f"<small>{_(WER_FROM.get(figures.wer_from, figures.wer_from))}</small>"
            row += f"<td class='n {style}'>{text}"
        rows.append(row)
    told = "".join(f"<dt>{_(o.name)}<dd>{_(o.definition)}. {_(o.notices)}" for o in OBJECTIVES)
    return (
        f"<div class=wide><table class=figures>{''.join(rows)}</table></div>"
        f"<details><summary>What each is, and what the caller notices</summary><dl>{told}</dl></details>"
    )


def _budget(calls: Sequence[CallFigures]) -> str:
    columns = {**BUDGET_MS, "in all": TURN_LIMIT_MS}
    head = "<tr><th>bot"
    for layer, most in columns.items():
        parts = " + ".join(OWNED.get(layer, ()))
        of = f"{_(parts)}<br>" if parts not in ("", layer) else ""
        head += f"<th class=n>{layer}<small>{of}at most {most} ms</small>"
    rows = [head]
    for bot, some in _by_bot(calls).items():
        row, turns = f"<tr><td>{_(bot)}", [turn for call in some for turn in call.turns]
        for layer, most in columns.items():
            spent = [t.total_ms if layer == "in all" else layer_ms(t, layer) for t in turns]
            half, late = (median(spent), p95(spent) or 0) if spent else (0, 0)
            style = "bad" if late > most else "good" if spent else "dim"
            text = f"{half:.0f}, p95 {late:.0f} ms" if spent else "–"
            row += f"<td class='n {style}'>{text}"
        rows.append(row)
    return f"<div class=wide><table class=figures>{''.join(rows)}</table></div>"


def _turns(calls: Sequence[CallFigures]) -> str:
    turns = [(call, turn) for call in calls for turn in call.turns]
    note = ""
    if len(turns) > MOST_TURNS:
        note = f"<p class=dim>The {MOST_TURNS} slowest of {len(turns)}, slowest first.</p>"
        turns = sorted(turns, key=lambda one: -one[1].total_ms)[:MOST_TURNS]
    if not turns:
        return "<p class=dim>No turn has been answered.</p>"
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
        "<tr><th>session<th>bot<th>began (UTC)<th class=n>length<th class=n>turns<th class=n>barge-ins"
        "<th class=n>$<th class=n>$ a minute"
    ]
    for call in calls:
        live = "<span class=good>on the line</span>, " if call.live else ""
        minute = call.total_usd / call.secs * 60 if call.secs else 0.0
        rows.append(
            f"<tr><td>{_(call.session)}<td>{_(call.bot)}<td>{call.began}"
            f"<td class=n>{live}{call.secs:.0f} s<td class=n>{len(call.turns)}"
            f"<td class=n>{call.figures.barge_ins}<td class=n>{call.total_usd:.4f}"
            f"<td class=n>{minute:.3f}"
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
