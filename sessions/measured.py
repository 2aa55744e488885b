"""Joins a session with what measures and prices it, and closes its books in the end."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from pipecat.runner.types import RunnerArguments

from sessions.audit_log import audit_log
from sessions.cost import Cost, rounded
from sessions.evidence import Evidence
from sessions.metrics import Meter
from sessions.prices import Prices
from sessions.sinks.live import session_id
from sessions.waterfall import Turn

if TYPE_CHECKING:
    from sessions.session import Session

_running: "WeakValueDictionary[str, Session]" = WeakValueDictionary()


def measure(session: "Session", *, budget_usd: float | None) -> tuple[Meter, Cost]:
    """What takes the measurements of a session, and what charges it.

    Args:
        session: Has its clock, waterfall, client, evidence and recording.
        budget_usd: What it may cost; None is no bound.
    """
    session_id.set(session.id)
    meter = Meter(session.bot, clock=session.clock, export=not session.recording.replayed)

    def note(text: str) -> None:
        session.recording.event("budget", text=text, usd=round(cost.bill.total, 6))
        session.client.notify_soon("notice", text=text)

    cost = Cost(prices=Prices.load(), budget_usd=budget_usd, note=note, spent=meter.cost)

    def turn(_turn: Turn) -> None:
        cost.on_the_line(session.clock.now())
        session.client.notify_soon("cost", **costs(cost))

    def shown(piece: Evidence) -> None:
        if piece.image:
            cost.picture()

    session.waterfall.on_turn += [meter.turn, turn]
    session.waterfall.on_barge_in.append(meter.barge_in)
    session.evidence.watchers.append(shown)
    return meter, cost


def costs(cost: Cost) -> dict:
    """What a client is told of the cost so far."""
    return {"usd": round(cost.bill.total, 6), "layers": rounded(cost.bill.usd)}


def watch_store(session: "Session") -> None:
    """Measure the store that keeps the session, and what a turn waits for it."""

    def answered(operation: str, ms: float) -> None:
        session.meter.store(operation, ms)
        if operation == "append":  # the journal of what must not be done twice
            session.waterfall.took("store", ms / 1000)

    if session.keeper:
        session.keeper.listeners.append(answered)


def audit(session: "Session", kind: str, **detail: Any) -> None:
    """Put something into the audit log, if there is one; a replay did not happen.

    Args:
        session: Whose it is.
        kind: What happened, see :mod:`sessions.audit_log`.
        **detail: Names and counts.
    """
    if (log := audit_log()) and not session.recording.replayed:
        log.soon(kind, session=session.id, bot=session.bot, **detail)


def open_books(session: "Session") -> None:
    """Put into the audit log under which policy and consent the call begins, and who takes part."""
    _running[session.id] = session
    audit(
        session,
        "session.began",
        policy=session.policy.name,
        redacts=session.policy.redact,
        consent=sorted(session.consent),
        taped=session.recording.path is not None,
        live=sorted(session.live),
        rehearsed=sorted(session.rehearsal),
    )


def books_so_far(session_id: str) -> dict[str, Any] | None:
    """The books of a session that runs in this process: figures, names and dates, as JSON.

    Returns:
        The fields of :class:`qa.figures.CallFigures`; None when no such session runs here.
    """
    session = _running.get(session_id)
    if session is None:
        return None
    bill = session.cost.bill
    return {
        "session": session.id,
        "bot": session.bot,
        "began_ns": int(session.clock.started_at.timestamp() * 1e9),
        "secs": session.clock.now(),
        "turns": [asdict(turn) for turn in session.waterfall.turns],
        "figures": session.meter.figures.as_dict(),
        "usd": dict(bill.usd),
        "as_of": bill.prices.as_of,
        "unpriced": sorted(bill.unpriced),
        "rehearsed": bool(session.rehearsal),
        "whole": True,
    }


def close_books(session: "Session") -> None:
    """Put on the tape what was measured, and what the call has cost; and account for it."""
    _running.pop(session.id, None)
    redacted = {f"{where} {kind}": n for (where, kind), n in sorted(session.ledger.kinds.items())}
    audit(
        session,
        "session.over",
        consent=sorted(session.consent),
        disclosed=session.disclosed,
        redacted=redacted,
        taped=session.recording.path is not None,
    )
    session.cost.on_the_line(session.clock.now())
    prices = session.cost.bill.prices
    session.recording.event(
        "cost",
        **costs(session.cost),
        as_of=prices.as_of,
        budget_usd=session.cost.budget_usd,
        unpriced=sorted(session.cost.bill.unpriced),
    )
    session.recording.event("measured", **session.meter.figures.as_dict())


def door_of(runner_args: RunnerArguments) -> str:
    """The door's name in the price table: ``daily``, ``livekit``, ``webrtc``, ``twilio``, ..."""
    kind = getattr(runner_args, "transport_type", None)
    name = type(runner_args).__name__.removesuffix("RunnerArguments").lower()
    return kind or name.removeprefix("small") or "none"
