"""What keeps a bot file from taking calls, in plain words: where it stands, and the cure."""

import builtins
import dis
import inspect
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

import bots
from services.addresses import CastingError
from services.casting import preload
from services.rehearsal.script import ScriptError, load
from sessions.policy import Policy

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Mistake:
    """One thing to put right before the bot can take calls.

    Parameters:
        what: In words, with the cure.
        file: Where, from the repository's root; empty where the words say it.
        line: Counted from 1; 0 where no line is to blame.
        code: That line.
    """

    what: str
    file: str = ""
    line: int = 0
    code: str = ""

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}: " if self.line else ""
        return f"{where}{self.what}" + (f"\n    {self.code}" if self.code else "")


def find_mistake(name: str) -> Mistake | None:
    """The first mistake of a bot file or its rehearsal script; None when callers can come.

    The file is imported. What only shows while it talks is told to the caller's page.
    """
    try:
        module = bots.load(name)
        preload(bots.casting(name))
        load(name)
    except SyntaxError as error:
        what = f"Python cannot read this: {error.msg}."
        return Mistake(what, _home(error.filename), error.lineno or 0, (error.text or "").strip())
    except (CastingError, ScriptError) as error:
        return Mistake(str(error))
    except Exception as error:
        return _raised(error)
    return _missing(module) or next(_unknown_names(module), None)


def _home(file: str | None) -> str:
    path = Path(file or "")
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def _raised(error: Exception) -> Mistake:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_a_teams(f.filename)]
    at = frames[-1] if frames else traceback.FrameSummary("", 0, "")
    what = f"{error}".rstrip(".") + "."
    match error:
        case ModuleNotFoundError():
            what = f"There is no module {error.name!r}. Correct the import, or install it."
        case ImportError():
            what += " Correct the import."
        case NameError():
            what = f"{error.name!r} is used here and defined nowhere. Correct it, or import it."
        case _:
            what = f"{type(error).__name__}: {what}"
    return Mistake(what, _home(at.filename), at.lineno or 0, at.line or "")


def _is_a_teams(file: str) -> bool:
    path = Path(file)
    inside = path.is_relative_to(ROOT) or path.parent == bots.FOLDER
    return inside and path not in (Path(__file__), Path(bots.__file__))


def _missing(module: ModuleType) -> Mistake | None:
    file = _home(module.__file__)
    if not inspect.iscoroutinefunction(getattr(module, "bot", None)):
        return Mistake(f"{file} has no bot. Give it: async def bot(runner_args).")
    if not isinstance(getattr(module, "POLICY", None), Policy):
        return Mistake(f"{file} has no POLICY. Give it one of sessions: OPEN, EU or HIPAA.")
    return None


def _unknown_names(module: ModuleType) -> Iterator[Mistake]:
    path = Path(module.__file__ or "")
    source = path.read_text()
    known = {*vars(module), *vars(builtins)}
    for name, line in _globals_used(compile(source, str(path), "exec")):
        if name not in known:
            what = f"{name!r} is used here and defined nowhere. Correct it, or import it."
            yield Mistake(what, _home(str(path)), line, source.splitlines()[line - 1].strip())


def _globals_used(code: CodeType) -> Iterator[tuple[str, int]]:
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL" and step.positions and step.positions.lineno:
            yield step.argval, step.positions.lineno
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals_used(inner)
