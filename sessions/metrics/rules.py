"""The alerts and the dashboard, generated from :mod:`sessions.slo`.

    python -m sessions.metrics.rules      write deploy/prometheus/ and deploy/grafana/

An alert needs a few events to speak of a rate at all, and fires within a minute of being past its
threshold over five. The runbook pages in ``docs/runbook/`` are written by hand, one an alert.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from sessions.slo import OBJECTIVES, Objective

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/vivace.rules.yml"
TESTS = ROOT / "deploy/prometheus/vivace.rules_test.yml"
DASHBOARD = ROOT / "deploy/grafana/vivace.json"

WINDOW, FOR = "5m", "1m"
FEWEST = {"turn": 5, "vision": 5, "asr": 5, "tool": 5, "store": 20}
"""Events in the window below which nothing is said, by layer."""
FEWEST_WORDS = 40

HISTOGRAMS = {
    "turn_latency": "vivace_turn_latency_seconds",
    "vision_encode": "vivace_vision_encode_seconds",
    "asr_first_token": "vivace_asr_first_token_seconds",
    "tool_latency": "vivace_tool_seconds",
    "store_latency": "vivace_store_seconds",
}
# Counters: what is counted, of what, and a further selector of the former.
SHARES = {
    "asr_wer": ("vivace_asr_word_errors_total", "vivace_asr_words_total", ""),
    "barge_in_rate": ("vivace_barge_ins_total", "vivace_turn_latency_seconds_count", ""),
    "tool_success": ("vivace_tool_calls_total", "vivace_tool_calls_total", '{outcome="done"}'),
}
HEADER = "# Generated from sessions/slo.py by: python -m sessions.metrics.rules\n"


def value_of(objective: Objective) -> str:
    """The metric, by bot, as a query: seconds, or a share of 1."""
    if name := HISTOGRAMS.get(objective.key):
        return f"histogram_quantile(0.95, sum by (bot, le) (rate({name}_bucket[{WINDOW}])))"
    part, whole, which = SHARES[objective.key]
    counted = f"sum by (bot) (rate({part}{which}[{WINDOW}]))"
    if which:  # where none succeeded there is no such series
        counted = f"({counted} or 0 * sum by (bot) (rate({whole}[{WINDOW}])))"
    return f"{counted} / sum by (bot) (rate({whole}[{WINDOW}]))"


def events_of(objective: Objective) -> str:
    """How many events the metric is of, by bot, as a query."""
    name = HISTOGRAMS.get(objective.key)
    counter = f"{name}_count" if name else SHARES[objective.key][1]
    return f"sum by (bot) (increase({counter}[{WINDOW}]))"


def limit_of(objective: Objective) -> float:
    """The threshold in the query's unit."""
    return objective.threshold / (1000 if objective.unit == "ms" else 100)


def fewest(objective: Objective) -> int:
    """How many events there must be."""
    return FEWEST_WORDS if objective.key == "asr_wer" else FEWEST[objective.layer]


def rules() -> dict[str, Any]:
    """The alerts as Prometheus reads them."""
    alerts = []
    for objective in OBJECTIVES:
        sign = ">" if objective.worse == "above" else "<"
        unit = "s" if objective.unit == "ms" else ""
        human = "humanizeDuration" if unit else "humanizePercentage"
        alerts.append(
            {
                "alert": objective.alert,
                "expr": f"{value_of(objective)} {sign} {limit_of(objective):g}\n"
                f"and {events_of(objective)} >= {fewest(objective)}\n",
                "for": FOR,
                "labels": {"severity": "page", "layer": objective.layer},
                "annotations": {
                    "summary": f"{objective.name} of {{{{ $labels.bot }}}} is "
                    f"{{{{ $value | {human} }}}} ({sign} {limit_of(objective):g}{unit})",
                    "description": objective.notices,
                    "runbook": f"docs/runbook/{objective.page}.md",
                },
            }
        )
    return {"groups": [{"name": "vivace", "interval": "15s", "rules": alerts}]}


def unit_tests() -> dict[str, Any]:
    """``promtool`` tests: each alert past its threshold fires alone, and none with too few events."""
    quiet = [series for objective in OBJECTIVES for series in _series(objective, past=False)]
    cases = [_case("a quiet service fires nothing", quiet, [])]
    for broken in OBJECTIVES:
        others = [s for o in OBJECTIVES if o is not broken for s in _series(o, past=False)]
        for sparse in (False, True):
            series = [*_series(broken, past=True, sparse=sparse), *others]
            name = "waits for more events" if sparse else "fires alone"
            cases.append(_case(f"{broken.alert} {name}", series, [] if sparse else [broken]))
    return {"rule_files": [RULES.name], "evaluation_interval": "15s", "tests": cases}


def _case(name: str, series: list[dict[str, str]], fire: list[Objective]) -> dict[str, Any]:
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    samples = [{"labels": f'{{alertname="{o.alert}"}}', "value": 1} for o in fire]
    return {
        "interval": "15s",
        "name": name,
        # The count of turns is also what barge-ins are counted of.
        "input_series": list({entry["series"]: entry for entry in series}.values()),
        "promql_expr_test": [{"expr": firing, "eval_time": "8m", "exp_samples": samples}],
    }


def _series(objective: Objective, *, past: bool, sparse: bool = False) -> list[dict[str, str]]:
    """Ten minutes of what the metric is made of, at its threshold or past it."""
    count = 60 if objective.key == "asr_wer" else 20

    def growing(name: str, step: float, **labels: str) -> dict[str, str]:
        chosen = ",".join(f'{k}="{v}"' for k, v in {"bot": "b", **labels}.items())
        values = "0x37 1x3" if sparse else f"0+{step:g}x40"
        return {"series": f"{name}{{{chosen}}}", "values": values}

    limit = limit_of(objective)
    if name := HISTOGRAMS.get(objective.key):
        within = count * (0.5 if past else 0.96)
        return [
            growing(f"{name}_bucket", 0 if sparse else within, le=f"{limit:g}"),
            growing(f"{name}_bucket", count, le=f"{limit * 2:g}"),
            growing(f"{name}_bucket", count, le="+Inf"),
            growing(f"{name}_count", count),
        ]
    part, whole, which = SHARES[objective.key]
    at = limit if not past else limit * (1.5 if objective.worse == "above" else 0.5)
    if which:
        if not past:
            at = 0.99
        return [
            growing(part, at * count, outcome="done"),
            growing(whole, (1 - at) * count, outcome="failed"),
        ]
    return [growing(part, at * count * 0.99 if not past else at * count), growing(whole, count)]


def dashboard() -> dict[str, Any]:
    """A Grafana dashboard: the eight metrics against their thresholds, and time and money by layer."""
    panels: list[dict[str, Any]] = []

    def panel(title: str, queries: dict[str, str], unit: str, **more: Any) -> None:
        n = len(panels)
        panels.append(
            {
                "id": n + 1,
                "title": title,
                "type": "timeseries",
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "gridPos": {"h": 7, "w": 8, "x": 8 * (n % 3), "y": 7 * (n // 3)},
                "targets": [
                    {"expr": query, "legendFormat": legend, "refId": chr(65 + i)}
                    for i, (legend, query) in enumerate(queries.items())
                ],
                "fieldConfig": {"defaults": {"unit": unit, **more}, "overrides": []},
            }
        )

    for objective in OBJECTIVES:
        bad = {"color": "red", "value": limit_of(objective)}
        good = {"color": "green", "value": None}
        steps = [good, bad]
        if objective.worse == "below":
            steps = [{**bad, "value": None}, {**good, "value": limit_of(objective)}]
        panel(
            objective.name,
            {"{{bot}}": value_of(objective)},
            "s" if objective.unit == "ms" else "percentunit",
            description=objective.definition,
            thresholds={"mode": "absolute", "steps": steps},
            custom={"thresholdsStyle": {"mode": "line"}},
        )
    stacked = {"stacking": {"mode": "normal"}, "fillOpacity": 40}
    turns = f"ignoring(layer) group_left sum(rate(vivace_turn_latency_seconds_count[{WINDOW}]))"
    by_layer = f"sum by (layer) (rate(vivace_turn_layer_seconds_total[{WINDOW}])) / {turns}"
    panel("a turn's time, by layer", {"{{layer}}": by_layer}, "s", custom=stacked)
    spent = f"60 * sum by (layer) (rate(vivace_cost_usd_total[{WINDOW}]))"
    panel("dollars a minute, by layer", {"{{layer}}": spent}, "currencyUSD", custom=stacked)
    sessions = {
        "sessions": "vivace_sessions",
        "loop lag p99, {{process}}": "vivace_loop_lag_p99_seconds",
    }
    panel("sessions, and lateness of the event loop", sessions, "short")
    blocked = f"sum by (where) (rate(vivace_loop_blocked_seconds_total[{WINDOW}]))"
    panel("event loop standing still", {"{{where}}": blocked}, "percentunit")
    source = {"name": "datasource", "type": "datasource", "query": "prometheus"}
    return {
        "title": "Vivace",
        "uid": "vivace",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "15s",
        "templating": {"list": [source]},
        "panels": panels,
    }


def written() -> dict[Path, str]:
    """The files and what they hold."""

    def as_yaml(data: Any) -> str:
        return HEADER + yaml.safe_dump(data, sort_keys=False, width=100)

    return {
        RULES: as_yaml(rules()),
        TESTS: as_yaml(unit_tests()),
        DASHBOARD: json.dumps(dashboard(), indent=1) + "\n",
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(path.relative_to(ROOT))
