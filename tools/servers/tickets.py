"""Tickets over MCP, kept as long as the server runs. Run: ``python -m tools.servers.tickets``."""

import json
from functools import cache
from pathlib import Path
from typing import Literal

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from tools.servers._house import HouseServer

TICKETS = Path(__file__).with_name("tickets.json")
LONGEST = 500
# What stands in a ticket, somebody has written: it is not the house's own data.
READS = ToolAnnotations(read_only_hint=True, open_world_hint=True)
WRITES = ToolAnnotations(read_only_hint=False, open_world_hint=True)

server = HouseServer("tickets")


@cache
def tickets() -> dict[str, dict]:
    """All tickets by their id."""
    return {ticket["id"]: ticket for ticket in json.loads(TICKETS.read_text())["tickets"]}


def by_id(ticket_id: str) -> dict:
    """One ticket, or an error that says what to do."""
    if ticket := tickets().get(ticket_id.strip().upper()):
        return ticket
    raise ToolError("There is no such ticket. List the tickets first.")


@server.tool(annotations=READS)
def list_tickets(status: Literal["open", "closed"] = "open") -> dict:
    """The tickets that are open, or closed."""
    return {"tickets": [ticket for ticket in tickets().values() if ticket["status"] == status]}


@server.tool(annotations=WRITES)
def open_ticket(title: str, priority: Literal["low", "normal", "high"] = "normal") -> dict:
    """Open a ticket.

    Args:
        title: What is wrong, in one sentence.
        priority: How much it matters.
    """
    ticket = {
        "id": f"T-{len(tickets()) + 1}",
        "title": title[:LONGEST],
        "priority": priority,
        "status": "open",
        "notes": [],
    }
    tickets()[ticket["id"]] = ticket
    return ticket


@server.tool(annotations=WRITES)
def note_on_ticket(ticket_id: str, text: str) -> dict:
    """Add a note to a ticket."""
    ticket = by_id(ticket_id)
    ticket["notes"].append(text[:LONGEST])
    return ticket


@server.tool(annotations=WRITES)
def close_ticket(ticket_id: str) -> dict:
    """Close a ticket."""
    ticket = by_id(ticket_id)
    ticket["status"] = "closed"
    return ticket


if __name__ == "__main__":
    server.run()
