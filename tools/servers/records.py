"""Patient records and the caller's documents over MCP. Run: ``python -m tools.servers.records``."""

import asyncio
import json
import re
from pathlib import Path

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from tools import documents
from tools.servers._house import HouseServer

RECORDS = Path(__file__).with_name("records.json")
# The records are the house's own; what a caller's document says, nobody vouches for.
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, open_world_hint=False)
READS_ANYTHING = ToolAnnotations(read_only_hint=True, open_world_hint=True)

server = HouseServer("records")


def patients() -> list[dict]:
    """All records. The data is invented."""
    return json.loads(RECORDS.read_text())


def by_id(patient_id: str) -> dict:
    """One record, or an error that says what to do."""
    for patient in patients():
        if patient["patient_id"] == patient_id:
            return patient
    raise ToolError("No such patient. Find the patient by name and date of birth first.")


def words(text: str) -> list[str]:
    """A name as it compares: words in lower case."""
    return re.findall(r"[a-z]+", text.lower())


@server.tool(annotations=READS)
def find_patient(name: str, date_of_birth: str) -> dict:
    """Find a patient's record by full name and date of birth.

    Args:
        name: First and last name.
        date_of_birth: As YYYY-MM-DD.
    """
    for patient in patients():
        if words(patient["name"]) == words(name) and patient["date_of_birth"] == date_of_birth:
            return {
                "found": True,
                "patient_id": patient["patient_id"],
                "name": patient["name"],
                "last_visit": patient["last_visit"],
            }
    return {"found": False}


@server.tool(annotations=READS)
def find_allergies(patient_id: str) -> dict:
    """List the allergies in a patient's record."""
    return {"allergies": by_id(patient_id)["allergies"]}


@server.tool(annotations=READS)
def find_medications(patient_id: str) -> dict:
    """List what a patient takes, with doses, as the record has it."""
    return {"medications": by_id(patient_id)["medications"]}


@server.tool(annotations=WRITES)
def add_note(patient_id: str, text: str) -> dict:
    """Note something for the clinician who calls back. Needs no identifiers."""
    by_id(patient_id)
    return {"noted": True, "characters": len(text)}


@server.tool(annotations=READS_ANYTHING)
async def read_document(folder: str, first_page: int = 1) -> dict:
    """Read the newest document the caller has uploaded: PDF, picture, text, table or records.

    Args:
        folder: Where it lies.
        first_page: Of a PDF, where to begin.
    """
    files = sorted(Path(folder).glob("*"), key=lambda path: path.stat().st_mtime)
    if not files:
        return {"found": False, "hint": "Ask the caller to upload it on the page."}
    try:
        said = await asyncio.to_thread(documents.read_document, files[-1], first_page=first_page)
    except documents.DocumentError as error:
        raise ToolError(str(error)) from None
    return {"found": True, "title": files[-1].stem, **said}


if __name__ == "__main__":
    server.run()
