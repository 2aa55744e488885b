"""The house has floors: imports go down only, and rooms of one floor do not open into each other."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = [
    {"sessions"},
    {"services", "processors", "tools"},
    {"bots"},
    {"serving", "qa"},
    {"runner"},
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}


def imported_names(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def home_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_every_floor_imports_only_from_below():
    modules = [
        path for name in FLOOR for path in [*ROOT.glob(f"{name}.py"), *ROOT.glob(f"{name}/**/*.py")]
    ]
    assert modules
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules
        for name in imported_names(path)
        if name in FLOOR and name != home_of(path) and FLOOR[name] >= FLOOR[home_of(path)]
    ]
    assert not wrong, "\n".join(wrong)


def test_web_deploy_and_docs_hold_no_python():
    assert not [p for d in ("web", "deploy", "docs") for p in (ROOT / d).glob("**/*.py")]
