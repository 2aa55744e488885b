"""``runner.py conform [TARGET…]``: whether processors, tools and services keep the house's rules.

A target is ``module:name`` of a processor class, of a tool, or of a function that builds one from a
session (``processors.moderation:Moderation``, ``tests.front_desk:my_processor``), or a casting
(``stt:deepgram/nova-3``). Without one, all that the house has.
"""

import argparse
import ast
import contextlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from pipecat.frames.frames import EndFrame, Frame, InterruptionFrame, StartFrame, SystemFrame
from pipecat.processors.frame_processor import FrameDirection

from qa.cassettes.house import TONE, open_house, without_keys
from qa.conformance_cast import RECIPES, house_targets
from qa.conformance_stage import CANCEL_SECS, TRACES, Mark, Note, Played, play, session_of
from qa.conformance_tools import Called, call, is_tool
from qa.virtual.loop import ReplayDeadlock, ReplayOverrun, VirtualLoop, run
from services import casting
from sessions import EU, HIPAA, Session

ROOT = Path(__file__).parents[1]
WALL_NS = 1_790_000_000 * 10**9
OTHER_WALL_NS = WALL_NS + 86_399 * 10**9
SLOW_SECS = 0.02
"""One chunk of sound: what a system frame waits, every interruption behind it waits too."""

LIMIT_SECS = 3600.0
STAGES = ("stt", "llm", "tts", "speech")
CLOCKS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}

Build = Callable[[Session], Any]


class TargetError(ValueError):
    """There is no such target, or it cannot be built; the message says how."""


@dataclass(frozen=True)
class Finding:
    """Whether a target keeps one rule, and if not, what it does instead."""

    target: str
    rule: str
    fine: bool
    why: str = ""


def conform(target: str) -> list[Finding]:
    """Hold a target against the rules.

    Raises:
        TargetError: It cannot be found or built.
    """
    build, module = found(target)
    with without_keys(VIVACE_STORE="off"):
        calm, cut = _on_stage(build, WALL_NS)
        if isinstance(calm, Played):
            other, _ = _on_stage(build, OTHER_WALL_NS)
            findings = [*_processor_findings(calm, cut, other)]
        else:
            findings = [*_tool_findings(calm, cut)]
    findings.append(_reads_no_clock(module))
    return [replace(finding, target=target) for finding in findings]


def found(target: str) -> tuple[Build, Any]:
    """What builds a target, and the module it lives in."""
    where, _, name = target.partition(":")
    if where in STAGES:
        module = casting._module(casting.parse(name, stage=where), stage=where)
        return lambda session: getattr(casting, where)(session, name), module
    try:
        module = import_module(where)
        what = getattr(module, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise TargetError(
            f"There is no {target!r} ({error}). Name it as module:name, such as "
            "processors.moderation:Moderation, or as a casting, such as stt:deepgram/nova-3."
        ) from None
    if target in RECIPES:
        return RECIPES[target], module
    if is_tool(what):
        return lambda _session: what, module
    needed = [
        p.name
        for p in inspect.signature(what).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    if needed not in ([], ["session"]):
        raise TargetError(
            f"{target} wants {', '.join(needed)}. Write a function that builds it from a session, "
            f"def mine(session): return {name}(session, ...), and name that one."
        )
    return (what if needed else lambda _session: what()), module


def _on_stage(build: Build, wall_ns: int) -> tuple[Any, Any]:
    """A call that ends and one that is cancelled."""
    played: list[Any] = []
    try:
        run(lambda loop: _play(loop, build, played), wall_start_ns=wall_ns, limit_secs=LIMIT_SECS)
    except (ReplayDeadlock, ReplayOverrun):  # it did not even let go of the loop
        played += [Played()] * (2 - len(played))
    return played[0], played[1]


async def _play(loop: VirtualLoop, build: Build, played: list[Any]) -> None:
    _unreachable_is_no_error_of_ours(loop)
    await open_house(loop, seed=1, voice=TONE)
    for cancel in (False, True):
        async with contextlib.AsyncExitStack() as stack:
            session, made = await _built(build, stack)
            parts = made if isinstance(made, list) else [made]
            act = call if all(map(is_tool, parts)) else play
            played.append(await act(parts, session, cancel=cancel))


async def _built(build: Build, stack: contextlib.AsyncExitStack) -> tuple[Session, Any]:
    refusals = []
    for policy in (EU, HIPAA):  # which guards the log: not before a part needs it
        session = await stack.enter_async_context(session_of(policy))
        try:
            made = build(session)
            return session, await made if inspect.isawaitable(made) else made
        except ValueError as error:
            refusals.append(f"under {policy.name}: {error}")
    raise TargetError(f"It cannot be built. {' '.join(refusals)}")


def _unreachable_is_no_error_of_ours(loop: VirtualLoop) -> None:
    connect, resolve = loop.create_connection, loop.getaddrinfo

    async def refused(*args, **options):
        try:
            return await connect(*args, **options)
        except RuntimeError as error:
            raise ConnectionRefusedError(str(error)) from None

    async def unknown(*args, **options):
        try:
            return await resolve(*args, **options)
        except RuntimeError as error:
            raise ConnectionRefusedError(str(error)) from None

    loop.create_connection, loop.getaddrinfo = refused, unknown  # type: ignore[method-assign]


def _processor_findings(calm: Played, cut: Played, other: Played) -> Iterator[Finding]:
    started = any(isinstance(frame, StartFrame) for _, frame, _ in calm.behind.seen)
    ended = any(isinstance(frame, EndFrame) for _, frame, _ in calm.behind.seen)
    yield _ruled(
        "starts and stops",
        "the StartFrame does not come out" * (not started)
        or "the EndFrame does not come out" * (not ended)
        or "the call does not end" * (not calm.ended)
        or _left(calm),
    )
    late = f"it ends {cut.end_secs:.1f} s after it was cancelled" * (cut.end_secs > CANCEL_SECS)
    yield _ruled(
        "is cancelled", "a cancelled call does not end" * (not cut.ended) or late or _left(cut)
    )
    yield _ruled("is interrupted", _interrupted(calm))
    yield _ruled("waits on no system frame", _slow(calm))
    yield _ruled("passes what it does not know", _lost(calm))
    yield _ruled("reports no failure", f"it reports: {calm.errors[0]}" if calm.errors else "")
    yield _ruled("logs no content", _leaked([*calm.logged, *cut.logged]))
    yield _ruled("takes no time from the wall", _differs(calm, other))


def _ruled(rule: str, why: str) -> Finding:
    return Finding("", rule, not why, why)


def _left(played: Played) -> str:
    return f"it leaves a task running: {played.left[0]}" if played.left else ""


def _interrupted(played: Played) -> str:
    pushed = [at for at, x, _ in played.before.seen if isinstance(x, InterruptionFrame)]
    passed = [at for at, x, _ in played.behind.seen if isinstance(x, InterruptionFrame)]
    if len(passed) < len(pushed):
        return "an InterruptionFrame does not come out"
    after = [at for at, x, _ in played.behind.seen if isinstance(x, Note) and at > pushed[-1]]
    return "" if after else "nothing comes out after an interruption"


def _slow(played: Played) -> str:
    waits = [0.0]
    for first, last in (played.before, played.behind), (played.behind, played.before):
        pushed = {x.id: at for at, x, _ in first.seen if isinstance(x, SystemFrame)}
        waits += [at - pushed.get(x.id, at) for at, x, _ in last.seen if _is_timed(x)]
    waits += [
        at - played.sent[x.number]
        for probe in (played.before, played.behind)
        for at, x, _ in probe.seen
        if isinstance(x, Mark)
    ]
    worst = max(waits)
    return f"a system frame waits {worst * 1000:.0f} ms" if worst > SLOW_SECS else ""


def _is_timed(frame: Frame) -> bool:
    return isinstance(frame, SystemFrame) and not isinstance(frame, StartFrame)


def _lost(played: Played) -> str:
    for probe, direction, way in (
        (played.behind, FrameDirection.DOWNSTREAM, "down"),
        (played.before, FrameDirection.UPSTREAM, "up"),
    ):
        wanted = [n for n in played.sent if n % 2 == (direction is FrameDirection.DOWNSTREAM)]
        marks, notes = probe.numbers(Mark, direction), probe.numbers(Note, direction)
        if sorted(marks) != wanted:
            return f"a system frame it does not know does not come out {way}stream"
        if notes != sorted(notes):
            return f"frames it does not know come out {way}stream in another order"
        if len(notes) < len(wanted):
            return f"a frame it does not know does not come out {way}stream"
    return ""


def _leaked(lines: list[str]) -> str:
    leak = next((line for line in lines if any(word in line.lower() for word in TRACES)), "")
    return f"what a caller said is in the log: {leak.partition(':')[0]}" if leak else ""


def _differs(one: Played, other: Played) -> str:
    def said(played: Played) -> list[tuple[str, str]]:
        return [(type(x).__name__, getattr(x, "text", "") or "") for _, x, _ in played.behind.seen]

    return "" if said(one) == said(other) else "at another time of day other frames come out"


def _tool_findings(calm: list[Called], cut: list[Called]) -> Iterator[Finding]:
    def first(whys: Iterator[tuple[str, str]]) -> str:
        return next((f"{name}: {why}" for name, why in whys if why), "")

    yield _ruled("says what it is for", next((one.mute for one in calm if one.mute), ""))
    yield _ruled("answers, or says why not", first((one.name, one.failed) for one in calm))
    yield _ruled("is cancelled", first((one.name, one.unfinished) for one in cut))
    yield _ruled("logs no content", _leaked([line for one in (*calm, *cut) for line in one.logged]))


def _reads_no_clock(module: Any) -> Finding:
    source = inspect.getsource(module)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)):
                if name in CLOCKS.get(owner, ()):
                    why = f"line {node.lineno} asks {owner}.{name}(): take session.clock"
                    return _ruled("reads no clock and draws no lots of its own", why)
                if owner == "random" and name != "Random":
                    why = f"line {node.lineno} asks random.{name}(): take session.random"
                    return _ruled("reads no clock and draws no lots of its own", why)
    return _ruled("reads no clock and draws no lots of its own", "")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("targets", nargs="*", help="module:name, or stage:vendor/model; else all")
    parser.add_argument("--json", action="store_true", help="one JSON line on stdout")


def main(args: argparse.Namespace, out: TextIO = sys.stdout) -> int:
    """Hold targets against the rules; the exit code is 0 if they keep them, else 1.

    Raises:
        TargetError: One cannot be found or built.
    """
    findings: list[Finding] = []
    for target in args.targets or house_targets():
        found_here = conform(target)
        findings += found_here
        broken = [finding for finding in found_here if not finding.fine]
        if not args.json:
            print(f"{'keeps all' if not broken else 'breaks':9}  {target}", file=out, flush=True)
            for finding in broken:
                print(f"           {finding.rule}: {finding.why}", file=out)
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings]), file=out)
    return 0 if all(finding.fine for finding in findings) else 1
