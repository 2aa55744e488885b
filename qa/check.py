"""`runner.py check`: what works, what is missing, and the cure."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import bots
from services.addresses import VENDORS, CastingError, is_rehearsed
from services.casting import parse
from services.check import VendorCheck, check_vendors
from sessions.policy import Policy, PolicyError
from sessions.store import VARIABLE, StoreError, open_store, stored_here

EXTRAS = {
    "offline": ("pocketsphinx", "real ears and mouth in rehearsals"),
    "ocr": ("rapidocr", "reading screens and pictures"),
    "livekit": ("livekit", "the LiveKit door"),
    "realtime": ("google.genai", "OpenAI and Gemini"),
    "redis": ("redis", "a shared session store"),
    "a2a": ("a2a", "other agents"),
    "phi": ("presidio_analyzer", "a second opinion on identifiers"),
    "scale": ("ray", "many machines"),
    "tracing": ("opentelemetry.sdk", "OpenTelemetry traces"),
    "eval": ("pipecat.evals", "pipecat eval suite"),
}
DOORS = {
    "daily": ("DAILY_API_KEY",),
    "livekit": ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"),
    "twilio": ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
    "telnyx": ("TELNYX_API_KEY",),
    "plivo": ("PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN"),
    "exotel": ("EXOTEL_API_KEY", "EXOTEL_API_TOKEN"),
}


@dataclass(frozen=True)
class Row:
    """One line of the answer: what it is about, whether it is fine, what was found, the cure."""

    name: str
    fine: bool
    found: str
    cure: str = ""


async def check(bot: str | None, out: TextIO) -> bool:
    """Look at everything a bot may need, and print it.

    Args:
        bot: The bot in question; ``None`` looks at all of them.
        out: Where to print.

    Returns:
        Whether every bot that was asked for can answer a call now.
    """
    names = [bot] if bot else bots.names()
    modules = {name: bots.load(name) for name in names}
    castings = {name: bots.casting(name) for name in names}
    voices = [model for cast in castings.values() for stage, model in cast if stage == "tts"]
    vendors = await check_vendors(voices=voices)
    answers = {name: list(_cast(castings[name], modules[name].POLICY)) for name in names}
    cast = {
        parse(model, stage=stage).protocol for cast in castings.values() for stage, model in cast
    }
    parts = {
        **{f"Bot {name}": rows for name, rows in answers.items()},
        "Other vendors" if bot else "Vendors": [
            _vendor(row) for row in vendors if not bot or row.name not in cast
        ],
        "Doors": list(_doors()),
        "Store": [await _store()],
        "Extras": list(_extras()),
    }
    console = Console(file=out, width=None if out.isatty() else 120)
    for title, rows in parts.items():
        console.print(_table(title, rows))
    return all(row.fine for rows in answers.values() for row in rows)


def _cast(castings: list[tuple[str, str]], policy: Policy) -> Iterator[Row]:
    for stage, name in castings:
        try:
            casting = parse(name, stage=stage)
            vendor = casting.protocol
            rehearsed = not casting.url and is_rehearsed(vendor, stage=stage)
            if not casting.url:
                policy.require_vendor(vendor, rehearsed=rehearsed)
            if stage == "speech":
                policy.require_cascade(name)
            missing = not (casting.url or rehearsed or os.environ.get(VENDORS[vendor].key))
        except (CastingError, PolicyError) as error:
            yield Row(stage, False, name, str(error))
            continue
        cure = f"Set {VENDORS[vendor].key} in .env." if missing or rehearsed else ""
        state = "no key" if missing else "rehearsed" if rehearsed else "live"
        yield Row(
            stage,
            not missing,
            f"{name} ({state})",
            cure if missing else cure and f"{cure} Then it is live.",
        )


def _vendor(row: VendorCheck) -> Row:
    return Row(
        row.name,
        row.state in ("live", "on-prem", "rehearsed"),
        f"{row.state}: {row.detail}",
        row.cure,
    )


def _doors() -> Iterator[Row]:
    yield Row("webrtc", True, "the browser, and runner.py call")
    yield Row("websocket", True, "Pipecat's clients, pipecat eval")
    for name, keys in DOORS.items():
        missing = [key for key in keys if not os.environ.get(key)]
        cure = f"Set {' and '.join(missing)} in .env." if missing else ""
        yield Row(name, not missing, "not set up" if missing else "key set", cure)


async def _store() -> Row:
    if not stored_here():
        return Row("store", True, "sessions are stored in state/ while serving")
    url = os.environ[VARIABLE].strip()
    try:
        store = open_store(url)
        await store.load("check")
        await store.close()
    except (StoreError, ImportError) as error:
        return Row("store", False, "out of reach", str(error))
    return Row("store", True, f"{url.partition(':')[0]} answers")


def _extras() -> Iterator[Row]:
    for name, (module, purpose) in EXTRAS.items():
        try:
            there = find_spec(module) is not None
        except ModuleNotFoundError:
            there = False
        cure = f".venv/bin/python -m pip install -c constraints.txt '.[{name}]'"
        yield Row(name, there, purpose, "" if there else cure)
    there = shutil.which("chromium") is not None
    cure = "" if there else "apt-get install chromium"
    yield Row("chromium", there, "tests of the page", cure)


def _table(title: str, rows: list[Row]) -> Table:
    table = Table(
        title=title, title_justify="left", box=None, show_header=False, title_style="bold"
    )
    for row in rows:
        mark = "[green]✓[/]" if row.fine else "[yellow]–[/]"
        table.add_row(mark, row.name, escape(row.found), f"[dim]{escape(row.cure)}[/]")
    return table
