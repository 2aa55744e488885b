"""The tutorial works as it is written: every command and every change of it, in a fresh clone."""

import re
import shlex

import pytest

from qa.reference import ROOT
from tests.benchmarks.scaffold import checkout, in_checkout

PAGE = (ROOT / "docs" / "tutorial.md").read_text()
COMMANDS = [x for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for x in block.splitlines()]


def run(where, command: str) -> str:
    words = shlex.split(command)
    if words[:2] == ["python3", "bootstrap.py"]:
        words = ["runner.py", *words[2:]]
        if words[1] == "test":
            words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *words[2:]]
    else:
        assert words[0] == ".venv/bin/python"
        words = words[1:]
    return in_checkout(where, *words)


def test_the_tutorial_has_the_commands_that_are_tried():
    verbs = [command.split()[2] for command in COMMANDS]
    assert verbs == ["new", "call", "dev", "conform", "qa.cassettes", "replay", "test"]


@pytest.mark.slow
def test_the_tutorial_works_as_written(tmp_path):
    where = checkout(tmp_path / "clone")
    new, call, _dev, conform, record, replay, test = COMMANDS
    assert "48 lines, 17 of them yours" in run(where, new)
    run(where, call)

    rule, phrase = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    script = where / "bots" / "front_desk.rehearsal.yaml"
    text = script.read_text().replace("phrases:\n", f"phrases:\n{phrase}")
    script.write_text(text.replace("\n\notherwise", f"\n{rule}\notherwise"))
    assert "when do you open" in script.read_text() and "nine to five" in script.read_text()

    (tool,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    (where / "tools" / "hours.py").write_text(tool)
    bot = where / "bots" / "front_desk.py"
    source = bot.read_text().replace(
        "\n# yours", "from tools.hours import opening_hours\n\n# yours", 1
    )
    bot.write_text(source.replace("tools = [", "tools = [opening_hours, "))
    assert "keeps all" in run(where, conform)

    run(where, record)
    assert "same" in run(where, replay)
    assert "passed" in run(where, test)
