"""A calendar over MCP, kept as long as the server runs. Run: ``python -m tools.servers.appointments``."""

import json
from datetime import date
from functools import cache
from pathlib import Path

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from tools.servers._house import HouseServer

CALENDAR = Path(__file__).with_name("appointments.json")
SATURDAY = 5
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, open_world_hint=False, idempotent_hint=True)

server = HouseServer("appointments")


@cache
def calendar() -> dict:
    """The hours there are on a working day, and what is booked: ``(day, hour)`` to a subject."""
    data = json.loads(CALENDAR.read_text())
    return {
        "hours": data["hours"],
        "booked": {(entry["day"], entry["hour"]): entry["about"] for entry in data["booked"]},
    }


def working_day(day: str) -> str:
    """A day as ``YYYY-MM-DD``, or an error that says what is wrong with it."""
    try:
        when = date.fromisoformat(day)
    except ValueError:
        raise ToolError("This is no day. Give it as YYYY-MM-DD.")
    if when.weekday() >= SATURDAY:
        raise ToolError("This is a weekend. Offer a day from Monday to Friday.")
    return when.isoformat()


@server.tool(annotations=READS)
def find_free_hours(day: str) -> dict:
    """The hours that are still free on a day.

    Args:
        day: As YYYY-MM-DD.
    """
    day = working_day(day)
    booked = calendar()["booked"]
    return {"day": day, "free": [h for h in calendar()["hours"] if (day, h) not in booked]}


@server.tool(annotations=WRITES)
def book_hour(day: str, hour: str, about: str) -> dict:
    """Book an hour.

    Args:
        day: As YYYY-MM-DD.
        hour: One of the free hours, as HH:MM.
        about: What for, in a few words, without names.
    """
    day, booked = working_day(day), calendar()["booked"]
    if hour not in calendar()["hours"] or booked.get((day, hour), about) != about:
        raise ToolError("This hour is not free. Find the free hours of the day, and offer one.")
    booked[day, hour] = about
    return {"booked": True, "day": day, "hour": hour}


@server.tool(annotations=WRITES)
def cancel_hour(day: str, hour: str) -> dict:
    """Cancel what is booked at an hour."""
    if calendar()["booked"].pop((working_day(day), hour), None) is None:
        raise ToolError("Nothing is booked then.")
    return {"cancelled": True, "day": day, "hour": hour}


if __name__ == "__main__":
    server.run()
