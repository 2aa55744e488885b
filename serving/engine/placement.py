"""Where a new caller goes: near them, and among the near where there is most room."""

from collections.abc import Iterable, Mapping
from typing import Any

from serving.engine.seats import Host

AS_NEAR_MS = 20.0
"""Hosts whose round trips differ by less are equally near: one packet of audio."""

ELSEWHERE_MS = 1000.0
"""A host of another region than the one asked for is as far as this, and one that was not reached."""


def place(
    hosts: Iterable[Host], *, region: str = "", trips: Mapping[str, float] | None = None
) -> Host | None:
    """The host for a caller; the first of equals.

    Args:
        hosts: What they offer, with the round trip from where the caller asked.
        region: Where the caller wants to be served; anywhere when empty.
        trips: Round trips that the caller measured, in ms by a host's URL. They count for more
            than what was measured here.

    Returns:
        None when no host takes callers.
    """
    trips = trips or {}

    def distance(host: Host) -> float:
        far = ELSEWHERE_MS if region and host.region != region else 0.0
        return far + trips.get(host.url, host.trip_ms)

    taking = [host for host in hosts if host.open and host.load < 1]
    if not taking:
        return None
    nearest = min(map(distance, taking))
    near = [host for host in taking if distance(host) <= nearest + AS_NEAR_MS]
    return min(near, key=lambda host: round(host.load, 1))


def wishes(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller said in ``/start`` of where to be served, as :func:`place` takes it.

    Args:
        asked: Its body: ``region``, and ``roundTrips`` in ms by a host's URL. What is no such
            thing is left out.
    """
    region, trips = asked.get("region"), asked.get("roundTrips")
    trips = trips if isinstance(trips, dict) else {}
    measured = {url: ms for url, ms in trips.items() if type(ms) in (int, float) and ms >= 0}
    return {"region": region if isinstance(region, str) else "", "trips": measured}
