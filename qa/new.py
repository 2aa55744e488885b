"""``runner.py new NAME --shape SHAPE``: a bot of your own, with its rehearsal, scenario and cassette.

A shape is the smallest bot of its kind, in ``bots/shapes``: a bot file in which the team's own lines
are marked, its rehearsal script, and a scenario for Pipecat's evals where typed text reaches it.
"""

import argparse
import ast
import keyword
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import yaml

ROOT = Path(__file__).parents[1]
SHAPES = ROOT / "bots" / "shapes"
PLACEHOLDER = "NAME"
YOURS, HOUSES = "# yours", "# the house's"
LONGEST_NAME = 40


class NewError(ValueError):
    """A bot cannot be made so; the message says what can."""


@dataclass(frozen=True)
class Made:
    """What was made.

    Parameters:
        bot: The bot file.
        script: Its rehearsal script.
        cassette: A rehearsed call, for ``runner.py replay``.
        scenario: For ``pipecat eval suite``; None where typed text does not reach the bot.
    """

    bot: Path
    script: Path
    cassette: Path
    scenario: Path | None


def shapes() -> dict[str, str]:
    """The shapes there are, and what a bot of each does."""
    return {path.stem: _about(path) for path in sorted(SHAPES.glob("*.py"))}


def _about(path: Path) -> str:
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    return doc.splitlines()[0].partition(": ")[2]


def own_lines(source: str) -> list[str]:
    """The lines of a bot file that are its team's: the docstring, and what is marked as theirs."""
    lines = source.splitlines()
    module = ast.parse(source)
    own = lines[: module.body[0].end_lineno] if ast.get_docstring(module) else []
    theirs = False
    for line in lines:
        if line.strip().startswith((YOURS, HOUSES)):
            theirs = line.strip().startswith(YOURS)
        elif theirs:
            own.append(line)
    return own


def new(name: str, *, shape: str, root: Path = ROOT) -> Made:
    """Make a bot.

    Args:
        name: Of its file, such as ``front_desk``.
        shape: The kind of bot, one of :func:`shapes`.
        root: The repository.

    Raises:
        NewError: There is such a bot, or the name or the shape is none.
    """
    if shape not in shapes():
        raise NewError(f"There is no shape {shape!r}. Choose one of {', '.join(shapes())}.")
    files = {root / "bots" / f"{name}{end}": end for end in (".py", ".rehearsal.yaml")}
    evals = root / "tests" / "evals"
    if (SHAPES / f"{shape}.eval.yaml").exists():
        files[evals / f"{name}.yaml"] = ".eval.yaml"
    cassettes = root / "tests" / "cassettes"
    require_free(name, [*files, *cassettes.glob(f"{name}.mcap*")], cassettes / "scenarios.yaml")

    try:
        for path, end in files.items():
            text = (SHAPES / f"{shape}{end}").read_text()
            title = name.replace("_", " ").capitalize() if end == ".py" else name
            path.write_text(text.replace(PLACEHOLDER, title))
        scenario, cassette = _rehearse(name, cassettes)
    except BaseException:
        for path in [*files, *cassettes.glob(f"{name}.mcap*")]:
            path.unlink(missing_ok=True)
        raise
    _append(cassettes / "scenarios.yaml", yaml.safe_dump({name: scenario}, sort_keys=False))
    bot, script, *more = files
    if more:
        _append(evals / "manifest.yaml", f"  - {{bot: {name}.py, scenarios: [{name}]}}\n")
    return Made(bot, script, cassette, more[0] if more else None)


def require_free(name: str, files: list[Path], scenarios: Path) -> None:
    """Refuse a name that no bot may have, or that one has.

    Raises:
        NewError: With a name to take instead.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        better = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789") or "front_desk"
        better += "_bot" if keyword.iskeyword(better) else ""
        raise NewError(
            f"{name!r} is no name for a bot: it names a file and a module, in small letters, digits "
            f"and underscores. Call it {better[:LONGEST_NAME]}."
        )
    if len(name) > LONGEST_NAME:
        raise NewError(f"The name is longer than {LONGEST_NAME} letters. Call it {name[:20]}.")
    there = [path.name for path in files if path.exists()]
    if name in (yaml.safe_load(scenarios.read_text()) or {}):
        there.append(f"{name} in {scenarios.name}")
    if there:
        raise NewError(
            f"There is {', '.join(there)} already, and nothing is overwritten. Take another name, "
            "or remove what is there."
        )


def _rehearse(name: str, cassettes: Path) -> tuple[dict, Path]:
    """Rehearse a bot's script; its scenario and its cassette."""
    from qa.cassettes.caller import Line
    from qa.cassettes.record import Scenario, record

    lines = list(_lines(name))
    cassette = record(Scenario(name, name, [Line(**line) for line in lines]), cassettes)
    return {"bot": name, "seed": 1, "lines": lines}, cassette


def _lines(name: str) -> Iterator[dict]:
    from services.rehearsal.script import load

    for line in load(name).lines:
        if not line.aside:  # a cassette's caller waits until each line is answered
            yield line.model_dump(
                include={"say", "type", "camera", "screen", "unasked", "wait"},
                exclude_defaults=True,
            )


def _append(path: Path, text: str) -> None:
    before = path.read_text()
    path.write_text(before + ("" if before.endswith("\n") else "\n") + text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("name", help="of the bot file, such as front_desk")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(f"{shape:14} {about}" for shape, about in shapes().items())
    parser.add_argument("--shape", required=True, choices=list(shapes()), help="see below")


def main(args: argparse.Namespace, out: TextIO = sys.stdout) -> int:
    """Make the bot and say what to do with it.

    Raises:
        NewError: See :func:`new`.
    """
    made = new(args.name, shape=args.shape)
    source = made.bot.read_text()
    print(
        f"{made.bot.relative_to(ROOT)}: {len(source.splitlines())} lines, "
        f"{len(own_lines(source))} of them yours",
        file=out,
    )
    for path in (made.script, made.scenario, made.cassette):
        if path:
            print(path.relative_to(ROOT), file=out)
    print(
        f"Dial it:           runner.py call {args.name}\n"
        f"Change it, live:   runner.py dev {args.name}\n"
        f"Record it anew:    python -m qa.cassettes record tests/cassettes {args.name}",
        file=out,
    )
    return 0
