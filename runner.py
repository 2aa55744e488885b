"""Answer calls with the bots in ``bots/``, dial them, and see what they need.

python runner.py                      serve every bot: a page to call from, and all doors
python runner.py serve consultation   serve one bot
python runner.py list                 the bots there are
python runner.py check [BOT]          what works, what is missing, and the cure
python runner.py call BOT             dial a bot as the rehearsal caller, and watch
python runner.py replay TAPE...       recorded calls through the real pipeline, many times faster
python runner.py diff A [B]           what differs between two calls, turn by turn
python runner.py fork TAPE --at TURN  the same call up to a turn, then another model or prompt
python runner.py audit TAPE...        evidence: policy, vendors, consent, what was redacted where
python runner.py share TAPE OUT       an open copy of a sealed tape, without identifiers
python runner.py redact               JSON lines in, the same without identifiers out
"""

import argparse
import asyncio
import atexit
import json
import os
import shutil
import sys
import tempfile
import time
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

if find_spec("pipecat") is None:
    sys.exit("Vivace is not set up here yet. Run: python3 bootstrap.py call consultation")

from dotenv import load_dotenv
from loguru import logger

logger.remove()  # Pipecat announces itself on import
# Never log what a caller said to a model, whatever the log level.
os.environ.setdefault("PIPECAT_LOG_LLM_CONTEXT", "off")

import bots
from sessions.sinks import init_sentry
from sessions.tape.errors import TapeError

ROOT = Path(__file__).parent
LEFT_BEHIND_SECS = 86_400
TAPES = Path(os.environ.get("VIVACE_TAPES") or ROOT / "tapes")


class Refused(Exception):
    """What was asked for cannot be done. The message says what to do instead."""


def port(text: str) -> int:
    """A port number.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if text.isdecimal() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: choose one from 0 to 65535")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="runner.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-v", "--verbose", action="store_true", help="log at DEBUG level")
    commands = root.add_subparsers(dest="command", metavar="COMMAND")

    serve = commands.add_parser("serve", parents=[common], help="answer calls (the default)")
    serve.add_argument("bot", nargs="?", help="serve this bot only")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=port, default=7860, help="0 takes any free port")
    serve.add_argument("--runner-body", type=Path, help="JSON body of sessions on /ws (evals)")
    serve.add_argument(
        "--allowed-origins", nargs="*", default=[], help="other origins whose pages may call"
    )

    commands.add_parser("list", parents=[common], help="the bots there are")

    check = commands.add_parser(
        "check", parents=[common], help="what works, what is missing, the cure"
    )
    check.add_argument("bot", nargs="?")

    call = commands.add_parser("call", parents=[common], help="dial a bot and watch")
    call.add_argument("bot")
    call.add_argument(
        "--caller", default="rehearsal", help="a sound file, or 'rehearsal' for the bot's script"
    )
    call.add_argument("--json", action="store_true", help="end with one JSON line on stdout")

    for name, purpose in (
        ("replay", "replay tapes"),
        ("diff", "compare calls"),
        ("fork", "fork a call"),
        ("audit", "evidence of what was redacted"),
        ("share", "a copy without identifiers"),
    ):
        commands.add_parser(name, help=purpose, add_help=False)
    commands.add_parser("redact", parents=[common], help="redact JSON lines from stdin")
    return root


def catalogue(only: str | None = None):
    """The bots a caller can ask for, as the page shows them."""
    from services.casting import preload, rehearsed_vendors
    from serving.cards import BotCard

    def card(name: str) -> BotCard:
        module = bots.load(name)
        preload(bots.casting(name))
        policy = module.POLICY
        return BotCard(
            name=name,
            about=bots.about(name),
            policy=policy.name,
            disclosure=policy.disclosure,
            consent=tuple(sorted(policy.consent)),
            sees=getattr(module, "SEES", {}),
            records=policy.record,
            retention_days=policy.retention_days,
            redacts=policy.redact,
            rehearsed=rehearsed_vendors(bots.casting(name)),
        )

    cards = [card(name) for name in ([only] if only else bots.names())]
    return lambda: cards


def fresh_uploads() -> Path:
    """A folder for this run's documents; what a run that was killed has left is removed."""
    folder = Path(tempfile.gettempdir())
    for left in folder.glob("vivace-*"):
        if time.time() - left.stat().st_mtime > LEFT_BEHIND_SECS:
            shutil.rmtree(left, ignore_errors=True)
    mine = Path(tempfile.mkdtemp(prefix="vivace-uploads-"))
    atexit.register(shutil.rmtree, mine, ignore_errors=True)
    return mine


def app_for(args, *, only: str | None, loopback: bool = False):
    """The HTTP app that answers for one bot or all of them."""
    from services.rehearsal.process import rehearsal
    from serving.app import create_app

    body = getattr(args, "runner_body", None)
    cards = catalogue(only)
    if any(card.rehearsed for card in cards()):
        rehearsal()  # now, and not while the first caller waits
    local = getattr(args, "host", "127.0.0.1") in ("127.0.0.1", "localhost", "::1")
    public = urlsplit(os.environ.get("VIVACE_PUBLIC_URL", "")).hostname
    app = create_app(
        bot=bots.bot,
        catalogue=cards,
        uploads=fresh_uploads(),
        socket_body=json.loads(body.read_text()) if body else None,
        allowed_origins=getattr(args, "allowed_origins", ()),
        hosts=([public] if public else []) if local else None,
        candid=local,
        loopback=loopback,
    )
    app.state.catalogue = cards
    return app


def serve(args) -> int:
    """Answer calls until Ctrl-C."""
    from serving.server import PortError, serve

    only = args.bot and Path(args.bot).stem
    app = app_for(args, only=only)

    def announce(url: str) -> None:
        print(f"Open {url} in a browser. Ctrl-C ends it.", flush=True)
        if rehearsed := sorted({v for card in app.state.catalogue() for v in card.rehearsed}):
            print(f"Scripted rehearsal, not an AI: {', '.join(rehearsed)} are played here.")

    try:
        asyncio.run(serve(app, host=args.host, port=args.port, announce=announce))
    except PortError as error:
        raise Refused(str(error)) from error
    return 0


def list_bots(_args) -> int:
    """Print the bots there are."""
    for name in bots.names():
        print(f"{name:14} {bots.about(name)}")
        print(f"{'':14} {', '.join(f'{stage} {model}' for stage, model in bots.casting(name))}")
    return 0


def call(args) -> int:
    """Dial a bot over WebRTC and watch the call."""
    bots.load(args.bot)
    try:
        summary = asyncio.run(_call(args))
    except ValueError as error:
        raise Refused(str(error)) from error
    return 1 if summary.errors else 0


async def _call(args):
    from qa.call import call
    from services.rehearsal.process import rehearsal
    from services.rehearsal.script import load
    from serving.server import listening

    print(f"Opening the switchboard for {args.bot}", file=sys.stderr, flush=True)
    app = app_for(args, only=args.bot, loopback=True)
    rehearsed = app.state.catalogue()[0].rehearsed
    journal = f"http://{rehearsal().address}" if rehearsed else None
    script = load(args.bot)
    recording = TAPES / f"{datetime.now():%Y%m%d-%H%M%S}-{args.bot}.wav"
    async with listening(app) as (url, _):
        summary = await call(
            url=url,
            bot=args.bot,
            caller=args.caller,
            consent={"recording": True},
            recording=recording,
            documents=[bots.FOLDER / name for name in script.documents],
            script=script,
            journal_url=journal,
            as_json=args.json,
        )
    tapes = list(TAPES.glob(f"{summary.session}.mcap*")) if summary.session else []
    if not rehearsed and not tapes:
        recording.unlink(missing_ok=True)  # a live call that left no tape leaves no sound either
    for tape in tapes:
        print(f"Tape: {tape}. To see it again: runner.py replay {tape}", file=sys.stderr)
    return summary


def check(args) -> int:
    """Say what works, what is missing, and the cure."""
    from qa.check import check

    return 0 if asyncio.run(check(args.bot, sys.stdout)) else 1


def redact(_args) -> int:
    """Redact JSON lines from stdin to stdout."""
    from qa.redact import BadLine, redact_lines

    try:
        for line in redact_lines(sys.stdin):
            print(line, flush=True)
    except BadLine as error:
        raise Refused(str(error)) from error
    return 0


# What QA does with tapes: each module declares its own options and prints its own answer.
TAPES_COMMANDS = {
    "replay": "qa.replay.command",
    "diff": "qa.diff.command",
    "fork": "qa.fork",
    "audit": "qa.audit",
    "share": "qa.redacted_copy",
}


def open_log(sink, *, verbose: bool = False) -> None:
    """Log there, without the values of variables: they may be a caller's."""
    logger.add(sink, level="DEBUG" if verbose else "INFO", diagnose=False, backtrace=False)


def with_tapes(command: str, argv: list[str]) -> int:
    """Run a command of QA's."""
    module = import_module(TAPES_COMMANDS[command])
    options = argparse.ArgumentParser(
        prog=f"runner.py {command}", description=(module.__doc__ or "").splitlines()[0]
    )
    module.add_arguments(options)
    open_log(TAPES / "qa.log")
    try:
        return module.main(options.parse_args(argv))
    except (OSError, TapeError, ValueError) as error:
        raise Refused(str(error)) from error


COMMANDS = {"serve": serve, "list": list_bots, "check": check, "call": call, "redact": redact}


def main(argv: list[str]) -> int:
    """Run one command.

    Returns:
        The exit code: 0 when all went well.
    """
    load_dotenv(ROOT / ".env")
    init_sentry()
    try:
        if argv and argv[0] in TAPES_COMMANDS:
            return with_tapes(argv[0], argv[1:])
        return run(argv)
    except (Refused, bots.UnknownBot) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def run(argv: list[str]) -> int:
    """Run a command of the switchboard's; ``serve`` when none is named."""
    named = argv and (not argv[0].startswith("-") or argv[0] in ("-h", "--help"))
    args = parser().parse_args(argv if named else ["serve", *argv])
    log = TAPES / "call.log" if args.command == "call" else sys.stderr
    open_log(log, verbose=args.verbose)
    return COMMANDS[args.command](args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
