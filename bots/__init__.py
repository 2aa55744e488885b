"""One file per use case: add a file with an async ``bot(runner_args)`` and it is served."""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from pipecat.runner.types import RunnerArguments

FOLDER = Path(__file__).parent


class UnknownBot(ValueError):
    """There is no bot file of that name."""


def names() -> list[str]:
    """The bots there are, by file name."""
    return sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]))


def load(name: str) -> ModuleType:
    """The bot file of that name.

    Raises:
        UnknownBot: With the names there are.
    """
    if name not in names():
        raise UnknownBot(f"No bot {name!r} in bots/. There are: {', '.join(names())}.")
    return importlib.import_module(f"bots.{name}")


def about(name: str) -> str:
    """The first line of a bot file's docstring, read without importing it."""
    doc = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text())) or name
    return doc.splitlines()[0]


def casting(name: str) -> list[tuple[str, str]]:
    """Who a bot file casts, read without importing it: ``("stt", "deepgram/nova-3")`` and so on."""
    cast = []
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text())):
        match node:
            case ast.Call(
                func=ast.Name(id="stt" | "llm" | "tts" | "speech" as stage),
                args=[_, ast.Constant(value=str(model)), *_],
            ):
                cast.append((stage, model))
                for keyword in node.keywords:
                    match keyword:
                        case ast.keyword(arg="spare", value=ast.Constant(value=str(spare))):
                            cast.append((stage, spare))
    return cast


def sees(name: str) -> dict[str, float]:
    """Frames a second a bot file asks of each source, read without importing it."""
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text())):
        match node:
            case ast.keyword(arg="sees", value=ast.Dict() as wanted):
                return ast.literal_eval(wanted)
    return {}


def gathers(name: str) -> bool:
    """Whether several people can be in one call of a bot file, read without importing it."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    return any(
        isinstance(node, ast.keyword) and node.arg == "tracks" and ast.unparse(node.value) == "True"
        for node in ast.walk(tree)
    )


async def bot(runner_args: RunnerArguments):
    """Pipecat's entry point for all of them: ``body["bot"]`` says which one answers."""
    body = runner_args.body if isinstance(runner_args.body, dict) else {}
    if "joins" in body:
        from sessions.person import person

        return await person(runner_args)
    name = body.get("bot") or (names()[0] if len(names()) == 1 else "")
    if not name:
        raise UnknownBot(f'Name a bot in body["bot"]. There are: {", ".join(names())}.')
    runner_args.body = {**body, "bot": name} if "bot" not in body else body
    await load(name).bot(runner_args)
