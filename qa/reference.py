"""The tables of ``docs/reference.md``, made from what they describe: ``python -m qa.reference``.

The commands come from ``runner.py``, the environment from ``.env.example``, the session and the
policy from their docstrings. A test fails when the page is older than they are.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from sessions.policy import Policy
from sessions.session import Session

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference.md"


def commands() -> Iterator[str]:
    """The commands of ``runner.py``, one a row."""
    yield from ("| command | what it does |", "|---|---|")
    doc = ast.get_docstring(ast.parse((ROOT / "runner.py").read_text())) or ""
    for used, does in re.findall(r"^python (runner\.py.*?)  +(.+)$", doc, re.M):
        yield f"| `{used.strip()}` | {_cell(does)} |"


def environment() -> Iterator[str]:
    """The settings of ``.env.example``: those that stand together, and what is said above them."""
    yield from ("| variable | what it is |", "|---|---|")
    said, names = "", []
    for line in [*(ROOT / ".env.example").read_text().splitlines(), "#"]:
        if line.startswith("#") and names:
            yield f"| {', '.join(f'`{name}`' for name in names)} | {_cell(said)} |"
            said, names = "", []
        if line.startswith("#"):
            said = f"{said} {line.strip('# ')}"
        elif "=" in line:
            names.append(line.partition("=")[0])
        elif not names:
            said = ""  # about the file


def session() -> Iterator[str]:
    """What a bot file may use of a session."""
    yield from ("| | what it does |", "|---|---|")
    for name, what in vars(Session).items():
        if name.startswith("_"):
            continue
        if isinstance(what, property):
            yield f"| `session.{name}` | {_first(what)} |"
            continue
        function = getattr(what, "__func__", what)
        given = ", ".join(_parameters(function))
        head = "await " if inspect.iscoroutinefunction(function) else ""
        owner = "Session" if isinstance(what, classmethod) else "session"
        yield f"| `{head}{owner}.{name}({given})` | {_first(function)} |"


def policy() -> Iterator[str]:
    """The fields of a policy."""
    yield from ("| field | default | what it rules |", "|---|---|---|")
    doc = inspect.getdoc(Policy) or ""
    for name, does in re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", doc, re.M):
        default = Policy.__dataclass_fields__[name].default
        shown = f"`{sorted(default) if isinstance(default, frozenset) else default!r}`"
        required = isinstance(default, type(Policy.__dataclass_fields__["name"].default))
        yield f"| `{name}` | {'' if name == 'name' and required else shown} | {_cell(does)} |"


def _parameters(function: Callable) -> Iterator[str]:
    keywords = False
    for p in [*inspect.signature(function).parameters.values()][1:]:
        if p.kind is p.VAR_POSITIONAL:
            keywords = True
        elif p.kind is p.KEYWORD_ONLY and not keywords:
            keywords = True
            yield "*"
        yield f"{'*' * _stars(p)}{p.name}" + ("=" if p.default is not p.empty else "")


def _stars(parameter: inspect.Parameter) -> int:
    return {parameter.VAR_POSITIONAL: 1, parameter.VAR_KEYWORD: 2}.get(parameter.kind, 0)


def _first(what: object) -> str:
    doc = (inspect.getdoc(what) or "").split("\n\n")[0]
    return _cell(doc)


def _cell(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", r"\|").split())


TABLES = {"commands": commands, "environment": environment, "session": session, "policy": policy}


def rendered(page: str) -> str:
    """A page with its tables made anew."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: python -m qa.reference -->\n", f"<!-- end of {name} -->"
        if begin not in page or end not in page:
            raise ValueError(f"{PAGE.name} has no place for {name}: put {begin.strip()} … {end}.")
        before, _, rest = page.partition(begin)
        page = before + begin + "\n" + "\n".join(table()) + "\n\n" + end + rest.partition(end)[2]
    return page


def main() -> int:
    """Write the page."""
    PAGE.write_text(rendered(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
