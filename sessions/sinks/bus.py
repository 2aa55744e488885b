"""What workers tell each other, without identifiers: a bus may lead to other machines."""

from dataclasses import fields
from typing import Any

from pipecat.bus import BusMessage, WorkerBus

from sessions.phi import PHIFirewall
from sessions.sinks.live import scrub_data

_ADDRESS = ("id", "name", "source", "target", "job_id")


def guard_bus(bus: WorkerBus, *, phi: PHIFirewall) -> None:
    """Scrub the texts and payloads of what is sent over a session's bus.

    Args:
        bus: The bus of the session's runner.
        phi: The session's firewall.
    """
    send = bus.send

    async def sending(message: BusMessage) -> None:
        for field in fields(message):
            value: Any = getattr(message, field.name)
            if field.name not in _ADDRESS and isinstance(value, (str, dict, list)):
                setattr(message, field.name, scrub_data(value, phi.scrub))
        await send(message)

    bus.send = sending  # type: ignore[method-assign]
