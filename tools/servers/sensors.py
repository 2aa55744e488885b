"""Sensor readings of a plant over MCP. Run: ``python -m tools.servers.sensors``."""

import json
from pathlib import Path

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from tools.servers._house import HouseServer

SENSORS = Path(__file__).with_name("sensors.json")
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)

server = HouseServer("sensors")


def sensors() -> list[dict]:
    """All sensors; the last of the ``values`` is the newest, one a minute."""
    return json.loads(SENSORS.read_text())["sensors"]


@server.tool(annotations=READS)
def list_sensors() -> dict:
    """All sensors with their newest value, and whether it is within its limits."""
    return {"sensors": [reading(sensor) for sensor in sensors()]}


@server.tool(annotations=READS)
def read_sensor(name: str, minutes: int = 5) -> dict:
    """The newest value of a sensor, its limits, and how it came to it.

    Args:
        name: As in the list of sensors.
        minutes: How far to look back, 1 to 60.
    """
    for sensor in sensors():
        if sensor["name"] == name.strip().lower():
            back = sensor["values"][-max(1, min(60, minutes)) :]
            limits = {"low": sensor["low"], "high": sensor["high"]}
            return {**reading(sensor), **limits, "per_minute": back}
    raise ToolError("There is no such sensor. List the sensors first.")


def reading(sensor: dict) -> dict:
    """A sensor's newest value."""
    value = sensor["values"][-1]
    return {
        "name": sensor["name"],
        "value": value,
        "unit": sensor["unit"],
        "within_limits": sensor["low"] <= value <= sensor["high"],
    }


if __name__ == "__main__":
    server.run()
