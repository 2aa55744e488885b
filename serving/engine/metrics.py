"""The figures at ``/metrics``: this process's and, added up, those of the session processes.

Whoever measures uses `prometheus_client` and its default registry, in whichever process it runs.
Session processes send what they counted once a second; what a finished one has counted stays.
"""

from collections.abc import Iterable
from typing import Any

from prometheus_client import REGISTRY, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import Metric

PREFIX = "vivace_"
"""Only the product's own figures are added up; ``process_*`` and ``python_*`` are the front's."""

SESSIONS = Gauge("vivace_sessions", "Sessions on the line")
ADMITTED = Counter("vivace_admitted", "Callers taken in")
REFUSED = Counter("vivace_admissions_refused", "Callers sent away", ["reason"])
LAG = Gauge("vivace_loop_lag_p99_seconds", "Event loop lateness over ten seconds, p99", ["process"])
CPU = Gauge("vivace_cpu_share", "CPU over ten seconds: of a core, or of the machine for a pool")
RESTARTS = Counter("vivace_session_restarts", "Session processes started again", ["why"])

Snapshot = list[list[Any]]
"""``[name, help, type, [[sample, labels, value], ...]]`` of each figure, as JSON."""


FRONT_ONLY = {metric._name for metric in (SESSIONS, ADMITTED, REFUSED, LAG, CPU, RESTARTS)}


def snapshot() -> Snapshot:
    """What a session process has measured."""
    return [figure for figure in _measured() if figure[0] not in FRONT_ONLY]


def only_counted(figures: Snapshot) -> Snapshot:
    """A snapshot without its gauges: what stays of a process that is gone."""
    return [figure for figure in figures if figure[2] != "gauge"]


def exposition(others: Iterable[Snapshot]) -> bytes:
    """The text for Prometheus.

    Args:
        others: Snapshots of other processes, added to this one's.
    """
    return generate_latest(_Merged(others))  # type: ignore[arg-type]


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """One snapshot that holds the sums."""
    figures: dict[str, tuple[list[Any], dict[tuple, list[Any]]]] = {}
    for one in snapshots:
        for name, help_, kind, samples in one:
            _, sums = figures.setdefault(name, ([name, help_, kind], {}))
            for sample, labels, value in samples:
                if sample.endswith("_created"):
                    continue
                key = sample, *sorted(labels.items())
                sums.setdefault(key, [sample, labels, 0.0])[2] += value
    return [[*about, list(sums.values())] for about, sums in figures.values()]


def _measured() -> Snapshot:
    return [
        [
            family.name,
            family.documentation,
            family.type,
            [[s.name, s.labels, s.value] for s in family.samples],
        ]
        for family in REGISTRY.collect()
        if family.name.startswith(PREFIX)
    ]


class _Merged:
    """Looks like a registry to `generate_latest`."""

    def __init__(self, others: Iterable[Snapshot]):
        self._others = others

    def collect(self) -> Iterable[Metric]:
        for name, help_, kind, samples in merged([_measured(), *self._others]):
            metric = Metric(name, help_, kind)
            for sample, labels, value in samples:
                metric.add_sample(sample, labels, value)
            yield metric
        yield from (f for f in REGISTRY.collect() if not f.name.startswith(PREFIX))
