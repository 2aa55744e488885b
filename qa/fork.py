"""``runner.py fork TAPE --at TURN``: the same call up to a turn, then another model or prompt.

The bot file is unchanged and its caller says what the tape holds. Up to the turn every answer is
the tape's; from there on model requests are rewritten on their way and asked live, and what the
mouth has not said before is spoken live. The outcome is a tape of its own.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from qa.diff.command import in_words, write_page
from qa.diff.compare import Tolerances, as_json, compare
from qa.diff.page import page
from qa.replay.live import Live
from qa.replay.misses import OnMiss
from qa.replay.player import Options, Replay, replay
from qa.replay.tapes import open_tape
from sessions.tape import Tape

WORDS = Tolerances(stage_secs=float("inf"), cut_words=3, same_sound=False)
"""Another model takes other times; what a fork is looked at for is what is said and done."""


class ForkError(ValueError):
    """A call cannot be forked as asked; the message says what can be done."""


def fork(
    tape: Tape,
    *,
    at: int,
    llm: str | None = None,
    instruction: str | None = None,
    save: Path | None = None,
) -> Replay:
    """Replay a call up to a turn and let it go on otherwise.

    Args:
        tape: The call.
        at: The caller's turn from which on it is another; 0 is the greeting.
        llm: The model from there on, ``vendor/model`` of the vendor that the tape was made with.
        instruction: The system instruction from there on.
        save: Where the new tape goes.

    Raises:
        ForkError: The model is another vendor's.
    """
    live = Live({"llm"}, from_turn=at, rewrite=rewriting(llm, instruction), seed=tape.header.seed)
    return replay(tape, Options(on_miss=OnMiss.LIVE, live=live, save=save))


def rewriting(llm: str | None, instruction: str | None) -> Callable[[str], str]:
    """What changes the model and the instruction of a request on its way.

    Understands Anthropic's and OpenAI's requests.
    """
    vendor, _, model = (llm or "").rpartition("/")
    if vendor not in ("", "anthropic", "openai"):
        raise ForkError(f"A fork speaks anthropic or openai, and {llm!r} is neither.")

    def rewrite(body: str) -> str:
        request = json.loads(body)
        if vendor and vendor != ("anthropic" if "max_tokens" in request else "openai"):
            raise ForkError(
                f"The tape's model spoke another protocol than {llm!r}: change the casting in the "
                "bot file instead, and call replay --on-miss live."
            )
        if model:
            request["model"] = model
        if instruction is not None:
            _instruct(request, instruction)
        return json.dumps(request)

    return rewrite


def _instruct(request: dict, instruction: str) -> None:
    if "system" in request:
        request["system"] = [{"type": "text", "text": instruction}]
        return
    for message in request.get("messages", ()):
        if message.get("role") in ("system", "developer"):
            message["content"] = instruction
            return
    request.setdefault("messages", []).insert(0, {"role": "system", "content": instruction})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("tape", type=Path)
    parser.add_argument("--at", type=int, required=True, metavar="TURN", help="0 is the greeting")
    parser.add_argument("--llm", help="vendor/model from there on")
    parser.add_argument("--instruction", help="the system instruction from there on")
    parser.add_argument("--out", type=Path, help="the new tape; beside the old one by default")
    parser.add_argument("--html", type=Path, help="write a page of both")
    parser.add_argument("--json", action="store_true", help="one JSON line on stdout")


def main(args: argparse.Namespace, out: TextIO = sys.stdout) -> int:
    """Fork, and print what differs."""
    tape = open_tape(args.tape)
    name = args.tape.name.replace(".mcap", f"-fork-{args.at}.mcap", 1)
    save = args.out or args.tape.with_name(name)
    save.unlink(missing_ok=True)
    result = fork(tape, at=args.at, llm=args.llm, instruction=args.instruction, save=save)
    found = compare(tape, result.tape, WORDS)
    names = (args.tape.name, save.name)
    if args.html:
        write_page(args.html, page(tape, result.tape, found, names=names))
    if args.json:
        print(json.dumps(as_json(found) | {"tape": str(save), "error": result.error}), file=out)
    else:
        print(result.error or in_words(found, names), file=out)
    return 1 if result.error else 0
