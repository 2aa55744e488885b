"""Answer calls with the bots in ``bots/``, dial them, and see what they need.

python runner.py                      serve every bot: a page to call from, and all doors
python runner.py serve consultation   serve one bot
python runner.py list                 the bots there are
python runner.py check [BOT]          what works, what is missing, and the cure
python runner.py call BOT             dial a bot as the rehearsal caller, and watch
python runner.py load BOT             more and more callers, until it breaks
python runner.py replay TAPE...       recorded calls through the real pipeline, many times faster
python runner.py diff A [B]           what differs between two calls, turn by turn
python runner.py fork TAPE --at TURN  the same call up to a turn, then another model or prompt
python runner.py audit TAPE...        evidence: policy, vendors, consent, what was redacted where
python runner.py report TAPE...       where the time and the money of calls went, and 8 metrics
python runner.py plan BOT [TAPE...]   the latency and the cost a minute to expect of a bot
python runner.py share TAPE OUT       an open copy of a sealed tape, without identifiers
python runner.py redact               JSON lines in, the same without identifiers out
python runner.py new NAME --shape S   a bot of your own, with its rehearsal and its cassette
python runner.py dev BOT              serve it, and serve it anew on each save
python runner.py conform [TARGET...]  whether processors, tools and services keep the house's rules
"""

import argparse
import asyncio
import atexit
import contextlib
import json
import os
import secrets
import shutil
import socket
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
# A second thread of a numeric library spins: twice the CPU per turn, and nothing gained.
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import bots
from sessions.metrics.otel import init_otel
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


def add_engine(command: argparse.ArgumentParser, *, beyond: tuple[str, ...] = ()) -> None:
    """Where sessions run; `beyond` one machine too."""
    command.add_argument(
        "--engine",
        choices=("pool", "inproc", *beyond),
        default="pool" if hasattr(os, "fork") else "inproc",
        help="where sessions run: in processes of their own (default), in this one; as a pool that "
        "shares its callers with other hosts; on every node of a Ray cluster",
    )
    command.add_argument(
        "--sessions-per-process",
        type=int,
        default=1,
        help="1 isolates each session (default); 8 to 16 take a third of the memory and CPU",
    )


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
    add_engine(serve, beyond=("hosts", "ray"))
    serve.add_argument(
        "--drain",
        type=float,
        default=25.0,
        metavar="SECONDS",
        help="how long calls may go on after SIGTERM (25: Kubernetes kills after 30)",
    )
    serve.add_argument(
        "--take-over",
        action="store_true",
        help="take the port from your server that has it, which goes when its calls have ended",
    )
    serve.add_argument(
        "--host-url", help="hosts: where callers and other hosts reach this one by itself"
    )
    serve.add_argument("--region", default="", help="hosts: where this one is, in your words")
    serve.add_argument("--loopback", action="store_true", help="keep media on this machine")
    serve.add_argument("--runner-body", type=Path, help="JSON body of sessions on /ws (evals)")
    serve.add_argument(
        "--qa", action="store_true", help="QA pages and desk where others can reach this server too"
    )
    serve.add_argument(
        "--allowed-origins", nargs="*", default=[], help="other origins whose pages may call"
    )

    dev = commands.add_parser("dev", parents=[common], help="serve, and serve anew on each save")
    dev.add_argument("bot")
    dev.add_argument("--port", type=port, default=7860)
    dev.add_argument("--take-over", action="store_true", help=argparse.SUPPRESS)

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

    load = commands.add_parser("load", parents=[common], help="dial a bot until it breaks")
    load.add_argument("bot")
    load.add_argument("--callers", type=int, default=8, help="most callers (8)")
    load.add_argument("--seconds", type=float, default=60.0, help="how long each step takes (60)")
    load.add_argument("--url", help="a server that runs; one is started on a core otherwise")
    add_engine(load)
    load.add_argument("--json", action="store_true", help="end with one JSON line on stdout")

    for name, purpose in (
        ("replay", "replay tapes"),
        ("diff", "compare calls"),
        ("fork", "fork a call"),
        ("audit", "evidence of what was redacted"),
        ("report", "time, money and metrics of calls"),
        ("plan", "latency and cost to expect"),
        ("share", "a copy without identifiers"),
        ("new", "a bot of your own"),
        ("conform", "whether parts keep the house's rules"),
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
            sees=bots.sees(name),
            records=policy.record,
            retention_days=policy.retention_days,
            redacts=policy.redact,
            gates=getattr(module, "GATES", False),
            gathers=bots.gathers(name),
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


def is_local(host: str) -> bool:
    """Whether a server on this address is reached from this machine only."""
    return host in ("127.0.0.1", "localhost", "::1")


def app_for(args, *, only: str | None, loopback: bool = False):
    """The HTTP app that answers for one bot or all of them."""
    from services.rehearsal.process import rehearsal
    from services.trust_store import share_trust_store
    from serving.app import create_app
    from serving.engine.load import Limits
    from sessions.turns.shared_models import warm_up

    body = getattr(args, "runner_body", None)
    cards = catalogue(only)
    if any(card.rehearsed for card in cards()):
        rehearsal()  # now, and not while the first caller waits
    local = is_local(getattr(args, "host", "127.0.0.1"))
    guarded = not local or bool(os.environ.get("VIVACE_SECRET"))
    public = urlsplit(os.environ.get("VIVACE_PUBLIC_URL", "")).hostname
    uploads = getattr(args, "uploads", None) or fresh_uploads()
    limits = Limits() if hasattr(args, "engine") else None
    engine = None
    if getattr(args, "engine", "") in ("pool", "hosts"):
        engine = pool_of(args, uploads=uploads, limits=limits, candid=local, cards=cards())
    else:
        share_trust_store()
        warm_up()
    app = create_app(
        bot=bots.bot,
        catalogue=cards,
        uploads=uploads,
        engine=engine,
        limits=limits,
        socket_body=json.loads(body.read_text()) if body else None,
        allowed_origins=getattr(args, "allowed_origins", ()),
        hosts=([public] if public else []) if local else None,
        candid=local,
        guarded=guarded,
        loopback=loopback,
    )
    app.state.catalogue = cards
    return app


def pool_of(args, *, uploads: Path, limits, candid: bool, cards):
    """Makes the switchboard whose sessions run in processes of their own."""
    from services.rehearsal.process import ADDRESS, rehearsal
    from serving.engine.pool import Pool
    from serving.engine.zygote import Spec

    house = ("bots", "processors", "services", "sessions", "tools")
    spec = Spec(
        bot="bots:bot",
        imports=sorted(name for name in sys.modules if name.split(".")[0] in house),
        uploads=str(uploads),
        lines=args.sessions_per_process,
        candid=candid,
        loopback=args.loopback,
        log_level="DEBUG" if args.verbose else "INFO",
    )
    rehearsed = any(card.rehearsed for card in cards)

    def environ() -> dict[str, str]:
        return {ADDRESS: rehearsal().address} if rehearsed else {}

    if args.engine == "hosts":
        from serving.engine.hosts import Hosts

        where = {"url": args.host_url, "region": args.region}
        return lambda storage: Hosts(spec, storage=storage, limits=limits, environ=environ, **where)
    return lambda storage: Pool(spec, storage=storage, limits=limits, environ=environ)


def serve(args, *, app=None, ready=lambda: None) -> int:
    """Answer calls until Ctrl-C: with this app, if one is given; ``ready`` hears when it does."""
    from qa.pages import qa_router
    from serving.desk import desk_router, shared_key
    from serving.engine import loops
    from serving.handover import HandoverError
    from serving.server import PortError, serve
    from sessions.store import store_by_default

    only = args.bot and Path(args.bot).stem
    store_by_default(ROOT / "state" / "sessions.db")
    if args.engine == "ray":
        return serve_on_ray(args)
    if args.engine == "hosts":
        args.host_url = args.host_url or f"http://{args.host}:{args.port}"
        if not (args.port and os.environ.get("VIVACE_SECRET")) or "//0.0.0.0" in args.host_url:
            raise Refused(
                "Several hosts need one VIVACE_SECRET in .env, a --port, and the --host-url under "
                "which callers and the other hosts reach this one."
            )
    app = app or app_for(args, only=only, loopback=args.loopback)
    key = secrets.token_urlsafe(16) if args.qa or is_local(args.host) else None
    key = getattr(args, "key", key)
    if key:
        books = app.state.switchboard.books
        app.include_router(qa_router(tapes=TAPES, key=key, running=books))
        # The people at the desk see no tapes.
        desk_key = shared_key() if args.engine == "hosts" else secrets.token_urlsafe(16)
        app.include_router(desk_router(key=desk_key))

    if agents := os.environ.get("VIVACE_AGENTS_URL"):
        from serving.agents import card_router

        app.include_router(card_router(agents.rstrip("/")))

    def announce(url: str) -> None:
        ready()
        if getattr(args, "uploads", None) and args.take_over:
            return  # a save: the address is known
        print(f"Open {url} in a browser. Ctrl-C ends it.", flush=True)
        if key:
            print(f"QA: {url}/qa?key={key} (tapes, and a live report)", flush=True)
            print(f"Desk: {url}/desk?key={desk_key} (transfers to a person)", flush=True)
        if rehearsed := sorted({v for card in app.state.catalogue() for v in card.rehearsed}):
            print(f"Scripted rehearsal, not an AI: {', '.join(rehearsed)} are played here.")

    try:
        work = serve(
            app,
            host=args.host,
            port=args.port,
            drain_secs=args.drain,
            take_over=args.take_over,
            announce=announce,
        )
        loops.run(work)
    except (PortError, HandoverError) as error:
        raise Refused(str(error)) from error
    return 0


def dev(args) -> int:
    """Serve a bot, and serve it anew on each save."""
    if not hasattr(os, "fork") or not hasattr(socket, "send_fds"):
        raise Refused("dev needs Linux or macOS. Run serve instead, and start it again by hand.")
    if args.bot not in bots.names():
        bots.load(args.bot)  # refuses, with the names there are
    from qa.dev import keep_serving
    from qa.mistakes import find_mistake
    from services.rehearsal.process import ADDRESS, rehearsal
    from serving.engine.warm_process import LATE
    from serving.mistake import mistake_app

    if ADDRESS not in os.environ:
        doubles = rehearsal()
        doubles.outlive_exec()
        os.environ[ADDRESS] = doubles.address
    args.uploads, args.key = fresh_uploads(), secrets.token_urlsafe(16)
    vars(args).update(host="127.0.0.1", engine="inproc", qa=False, loopback=False, drain=0.0)
    late = ("qa.pages", "serving.desk", "serving.engine.loops", "sessions.store", "uvloop", *LATE)
    for name in late:
        with contextlib.suppress(ImportError):
            import_module(name)
    if not find_mistake(args.bot):
        app_for(args, only=args.bot)  # imports all that those who serve will need

    def answer(take_over: bool, ready) -> int:
        args.take_over = take_over
        mistake = find_mistake(args.bot)
        if not mistake:
            return serve(args, ready=ready)
        print(mistake, file=sys.stderr, flush=True)
        where = f"{mistake.file}, line {mistake.line}:" if mistake.line else ""
        app = mistake_app(what=mistake.what, where=where, code=mistake.code, uploads=args.uploads)
        return serve(args, app=app, ready=ready)

    def begin_again() -> None:
        again = [__file__, "dev", args.bot, "--port", str(args.port), "--take-over"]
        os.execv(sys.executable, [sys.executable, *again])

    return keep_serving(answer, begin_again=begin_again, take_over=args.take_over)


def serve_on_ray(args) -> int:
    """Keep a host on every node of a Ray cluster until Ctrl-C."""
    words = ["serve", *([args.bot] if args.bot else []), "--drain", str(args.drain)]
    words += ["--sessions-per-process", str(args.sessions_per_process)]
    words += ["--loopback"] * args.loopback + ["--qa"] * args.qa
    words += ["--allowed-origins", *args.allowed_origins] if args.allowed_origins else []
    try:
        from serving.engine.ray_hosts import serve

        serve(words, port=args.port, announce=lambda url: print(f"Host {url}", flush=True))
    except (ConnectionError, ImportError) as error:
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


def load(args) -> int:
    """Dial a bot with more and more callers until it breaks."""
    bots.load(args.bot)
    from qa.call.script import lines_of
    from qa.load import as_json, load, report
    from qa.load_server import server_on_a_core
    from services.rehearsal.script import load as script_of

    lines = [line for line in lines_of(script_of(args.bot)) if line.say]
    to = sys.stderr if args.json else sys.stdout
    serve = [__file__, "serve", args.bot, "--engine", args.engine]
    serve += ["--sessions-per-process", str(args.sessions_per_process)]
    own_server = server_on_a_core(serve, log=TAPES / "load-server.log")
    try:
        with contextlib.nullcontext(args.url) if args.url else own_server as url:
            work = load(
                url,
                bot=args.bot,
                lines=lines,
                callers=args.callers,
                secs=args.seconds,
                tell=lambda step: print(report(step), file=to, flush=True),
            )
            steps = asyncio.run(work)
    except ValueError as error:
        raise Refused(str(error)) from error
    if args.json:
        print(as_json(steps))
    return 0


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
    "report": "qa.report",
    "plan": "qa.plan",
    "share": "qa.redacted_copy",
    "new": "qa.new",
    "conform": "qa.conformance",
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
        args = options.parse_args(argv)
        if getattr(args, "engine", "") == "ray":
            from serving.engine.ray_hosts import RayExecutor

            return module.main(args, executor=RayExecutor)
        return module.main(args)
    except (ImportError, OSError, TapeError, ValueError) as error:
        raise Refused(str(error)) from error


COMMANDS = {
    "serve": serve,
    "dev": dev,
    "list": list_bots,
    "check": check,
    "call": call,
    "load": load,
    "redact": redact,
}


def main(argv: list[str]) -> int:
    """Run one command.

    Returns:
        The exit code: 0 when all went well.
    """
    load_dotenv(ROOT / ".env")
    init_sentry()
    if not argv or argv[0] not in TAPES_COMMANDS:
        init_otel()
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
    log = TAPES / f"{args.command}.log" if args.command in ("call", "load") else sys.stderr
    open_log(log, verbose=args.verbose)
    return COMMANDS[args.command](args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
