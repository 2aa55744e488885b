"""The documentation is true: its tables are as new as the code, its links lead somewhere."""

import re
from importlib import import_module

import pytest

from qa.reference import PAGE, ROOT, rendered
from services.addresses import VENDORS

DOCS = sorted((ROOT / "docs").glob("*.md"))
HOUSE = ("bots", "processors", "qa", "services", "serving", "sessions", "tools")
MADE = (
    "bots/NAME.",
    "bots/front_desk",
    "tests/cassettes/front",
    "tests/evals/front",
    "tools/hours",
)
VARIABLE = re.compile(r"[\"'](VIVACE_[A-Z_]+[A-Z])[\"']")


def test_the_tables_of_the_reference_are_as_new_as_the_code():
    assert PAGE.read_text() == rendered(PAGE.read_text()), "run: python -m qa.reference"


def test_every_setting_that_the_code_reads_is_in_the_reference():
    sources = [path for name in HOUSE for path in (ROOT / name).rglob("*.py")]
    read = {name for path in sources for name in VARIABLE.findall(path.read_text())}
    read |= {name for vendor in VENDORS.values() for name in (vendor.key, vendor.url)}
    told = set(re.findall(r"`([A-Z][A-Z_]+)`", PAGE.read_text()))
    assert read - told == set()


def test_every_route_of_the_server_is_in_the_reference():
    told = PAGE.read_text().partition("## Routes")[2]
    routes = {
        path
        for module in (ROOT / "serving").glob("*.py")
        for path in re.findall(
            r"@(?:router|app)\.(?:get|post|patch|websocket|api_route)\(\"(/[^\"]*)\"",
            module.read_text(),
        )
    }
    page_routes = {"/status", "/calls", "/calls/{session_id}/offer", "/calls/{session_id}/refuse"}
    known = {path.replace("/{token}", "") for path in routes} - page_routes - {"/{path:path}"}
    assert {
        path for path in known if path.removeprefix("/sessions/{session_id}") not in told
    } == set()


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_what_a_page_points_at_exists(page):
    text = page.read_text()
    for link in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", text):
        assert (page.parent / link).exists(), link
    for path in re.findall(
        r"`((?:bots|deploy|docs|processors|qa|services|serving|sessions|tests|tools|web)/[\w./-]+)`",
        text,
    ):
        assert path.startswith(MADE) or (ROOT / path).exists(), path


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_the_modules_that_a_page_runs_exist(page):
    for module in re.findall(r"python -m ((?:qa|serving|tests|tools)[\w.]*)", page.read_text()):
        if not module.endswith(".NAME"):
            assert (ROOT / f"{module.replace('.', '/')}.py").exists() or import_module(module)


def test_the_commands_that_the_pages_name_exist():
    known = set(re.findall(r"runner\.py (\w+)", (ROOT / "runner.py").read_text()))
    named = {
        command
        for page in DOCS
        for command in re.findall(r"`?(?:runner\.py|bootstrap\.py) ([a-z]+)", page.read_text())
    }
    assert named - known - {"test"} == set()
