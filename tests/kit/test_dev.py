"""Serving anew on each save: what is said of a mistake, and that calls go on."""

import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

import bots
from qa.dev import forget, times
from qa.mistakes import find_mistake
from tests.benchmarks.scaffold import NAME, checkout, developing, in_checkout, told, until_told
from tests.support.runner import environment

BOT = '''
"""Mine: a bot."""

from services import tts
from sessions import EU, Session

POLICY = EU


async def bot(runner_args):
    session = await Session.open(runner_args, policy=POLICY)
    mouth = tts(session, "cartesia/71a7ad14")
    await session.run(mouth)
'''


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Puts a bot file where bots are looked for, and says what is wrong with it."""
    monkeypatch.setattr(bots, "FOLDER", tmp_path)
    monkeypatch.setattr(bots, "__path__", [str(tmp_path)])
    number = iter(range(100))

    def look(old: str, new: str) -> str:
        name = f"written_{next(number)}"
        assert old in BOT
        (tmp_path / f"{name}.py").write_text(BOT.replace(old, new).lstrip())
        try:
            return str(find_mistake(name) or "")
        finally:
            sys.modules.pop(f"bots.{name}", None)

    return look


def test_a_file_without_a_mistake_is_served(written):
    assert written("a bot", "one") == ""


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("async def bot(runner_args):", "async def bot(runner_args)", 9, "expected ':'"),
        ("    mouth", "     mouth", 11, "unexpected indent"),
        ("session.run(mouth)", "session.run(mouht)", 12, "'mouht' is used here and defined"),
        ("POLICY = EU", "POLICY = EUROPE", 6, "'EUROPE' is used here and defined nowhere"),
        ("from services import tts", "from services import tss", 3, "cannot import name 'tss'"),
        ("from services import tts", "import sevices", 3, "no module 'sevices'"),
        ("POLICY = EU", "POLICY = EU or 1 / 0\n1 / 0", 7, "ZeroDivisionError"),
    ],
)
def test_a_mistake_is_told_in_words_with_its_line(written, old, new, line, words):
    mistake = written(old, new)
    assert f"line {line}: " in mistake and words in mistake and "Traceback" not in mistake


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("POLICY = EU", "RULES = EU", "has no POLICY"),
        ("async def bot", "async def bott", "has no bot"),
        ("cartesia/", "carthesia/", "There is no tts 'carthesia/"),
    ],
)
def test_what_is_missing_or_miscast_is_told_with_what_there_is(written, old, new, words):
    assert words in written(old, new)


def test_what_is_watched_is_what_a_bot_is_made_of():
    watched = {path.name for path in times()}
    assert {"consultation.py", "consultation.rehearsal.yaml", "session.py"} <= watched


def test_a_forgotten_package_is_imported_anew():
    import processors.addressed as before

    kept = {name: module for name, module in sys.modules.items() if name.startswith("processors")}
    forget("processors")
    try:
        import processors.addressed as after

        assert after is not before
    finally:
        sys.modules.update(kept)


CALL = """
import asyncio, sys
from pathlib import Path
from qa.call import call
from services.rehearsal.script import load

url, bot, out = sys.argv[1:]
summary = asyncio.run(call(url=url, bot=bot, caller="rehearsal", consent={"recording": True},
                           recording=Path(out), script=load(bot), as_json=True))
sys.exit(len(summary.errors))
"""


@pytest.mark.slow
def test_a_save_is_served_a_mistake_is_told_and_a_call_that_runs_goes_on(tmp_path):
    where = checkout(tmp_path / "clone")
    in_checkout(where, "runner.py", "new", NAME, "--shape", "interpreter")
    bot = where / "bots" / f"{NAME}.py"
    source = bot.read_text()
    with developing(where) as url:
        assert "First bot: says" in told(url)
        caller = subprocess.Popen(
            [sys.executable, "-c", CALL, url, NAME, str(tmp_path / "call.wav")],
            cwd=where,
            env=environment(where / "tapes"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        until_told(url, '"sessions":1', "/healthz")
        bot.write_text(source.replace("mouth = tts", "mouht = tts"))
        until_told(url, "'mouth' is used here and defined nowhere")
        page = urllib.request.Request(url, headers={"Accept": "text/html"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(page, timeout=5)
        assert refused.value.code == 503 and b"A mistake to put right" in refused.value.read()
        bot.write_text(source.replace("First bot: says", "First bot: SAYS"))
        until_told(url, "First bot: SAYS")
        said, _ = caller.communicate(timeout=120)
    summary = json.loads(said.splitlines()[-1])
    assert caller.returncode == 0 and summary["turns"] == 2 and not summary["errors"]
