"""``runner.py audit TAPE…``: what a compliance officer can file of a call. Never a value.

For each tape: the policy and what it asked for, who was reached and who was rehearsed, consent and
disclosure with their times, what was redacted where (kinds and counts), which tools received which
kinds in clear, whether the tape is sealed and who may open it. What the tape does not say is
reported as not known, and counts as a finding.
"""

import argparse
import json
import os
import stat
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from qa.replay.tapes import find_tapes, open_tape
from sessions.audit_log import KEY, AuditLog
from sessions.phi.vault import STRICT_SURROGATE
from sessions.tape import Tape
from sessions.tape.schemas import EVENTS, TOOLS, TRANSCRIPT, WIRE
from sessions.tape.writer import SEALED_SUFFIX

HONEST = (
    "PHI minimisation: identifiers were replaced by surrogates where a stage did not need them. "
    "This is not de-identification under 45 CFR 164.514."
)


@dataclass
class Audit:
    """What one tape says about the duties of its call.

    Parameters:
        tape: The file.
        session: Its id.
        bot: The bot that answered.
        policy: The policy's name.
        code_version: What ran.
        began: Wall time, ISO 8601 UTC.
        length_secs: Up to the tape's last message.
        redacts: Whether the policy redacts; None when the tape does not say.
        live: Vendors that were reached.
        rehearsed: Vendors for whom a local double stood in.
        hosts: Hosts that messages went to or came from.
        disclosure: What the caller was told, and when (seconds into the call).
        consent: Consent events: name, seconds, what for.
        redacted: Surrogates put in, by entrance and kind.
        surrogates_in_transcripts: As a check: surrogates in the transcripts, by kind.
        tools: Calls by name: how often, and kinds and counts received in clear.
        sealed: Whether the file is encrypted.
        open_copy: Whether it is a redacted copy, which needs no seal.
        mode: Who may read the file, as ``-rw-------``.
        retained_until: When the policy wants it deleted.
        complete: Whether the tape was finished, and not cut by a crash.
        dropped: Messages the recorder lost, by channel.
        findings: What a reviewer should look at.
    """

    tape: str
    session: str
    bot: str
    policy: str
    code_version: str
    began: str
    length_secs: float = 0.0
    redacts: bool | None = None
    live: list[str] = field(default_factory=list)
    rehearsed: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    disclosure: dict[str, Any] = field(default_factory=dict)
    consent: list[dict[str, Any]] = field(default_factory=list)
    redacted: dict[str, dict[str, int]] = field(default_factory=dict)
    surrogates_in_transcripts: dict[str, int] = field(default_factory=dict)
    tools: dict[str, dict[str, Any]] = field(default_factory=dict)
    sealed: bool = False
    open_copy: bool = False
    mode: str = ""
    retained_until: str | None = None
    complete: bool = False
    dropped: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


def audit(
    tapes: Iterable[str | Path], out: IO[str] | None = None, *, as_json: bool = False
) -> list[Audit]:
    """Audit tapes and print a report.

    Args:
        tapes: Tapes, or folders of tapes.
        out: Where to print; stdout when None.
        as_json: Print one JSON object a tape instead of text.

    Raises:
        FileNotFoundError: There is no such tape.
        TapeError: A tape cannot be read.
    """
    out = out or sys.stdout
    audits = []
    for path in find_tapes(tapes):
        found = audit_tape(open_tape(path))
        audits.append(found)
        print(json.dumps(asdict(found)) if as_json else text_of(found), file=out, flush=True)
    return audits


def audit_tape(tape: Tape) -> Audit:
    """What one tape says."""
    header = tape.header
    began = datetime.fromtimestamp(header.started_at / 1e9, UTC)
    found = Audit(
        tape=str(tape.path),
        session=header.session_id,
        bot=header.bot,
        policy=header.policy,
        code_version=header.code_version,
        began=began.isoformat(timespec="seconds"),
        sealed=tape.path.name.endswith(SEALED_SUFFIX),
        mode=stat.filemode(tape.path.stat().st_mode),
        open_copy="redacted" in header.facts,
    )
    redacted: dict[str, Counter[str]] = defaultdict(Counter)
    transcripts: Counter[str] = Counter()
    cast: dict[str, Any] = {}
    for message in tape.messages():
        found.length_secs = max(found.length_secs, round(message.clock_ns / 1e9, 1))
        at = round(message.clock_ns / 1e9, 1)
        if message.topic == EVENTS:
            name, detail = message.data["name"], message.data.get("detail") or {}
            if name == "session.cast":
                cast = detail
            elif name == "phi.redacted":
                redacted[detail["where"]].update(detail["kinds"])
            elif name == "tool.in_clear":
                kinds = _tool(found, detail["tool"])["in_clear"]
                for kind, count in detail["kinds"].items():
                    kinds[kind] = kinds.get(kind, 0) + count
            elif name.startswith("consent."):
                found.consent.append({"event": name, "at_secs": at, **detail})
            elif name == "disclosure.begun":
                found.disclosure |= {"text": detail.get("text", ""), "begun_at_secs": at}
            elif name == "disclosure.heard":
                found.disclosure["heard_at_secs"] = at
        elif message.topic == TOOLS:
            if message.data["phase"] == "call":
                _tool(found, message.data["name"])["calls"] += 1
        elif message.topic == TRANSCRIPT:
            transcripts.update(m[1] for m in STRICT_SURROGATE.finditer(message.data["text"]))
        elif message.topic.startswith(WIRE):
            host = message.topic.removeprefix(WIRE)
            if host not in found.hosts:
                found.hosts.append(host)
    found.complete, found.dropped = tape.complete, tape.dropped
    found.redacts = cast.get("redacts")
    found.live, found.rehearsed = cast.get("live", []), cast.get("rehearsed", [])
    if days := cast.get("retention_days"):
        found.retained_until = (began + timedelta(days=days)).date().isoformat()
    found.redacted = {where: dict(sorted(kinds.items())) for where, kinds in redacted.items()}
    found.surrogates_in_transcripts = dict(sorted(transcripts.items()))
    found.findings = list(_findings(found, cast))
    return found


def _tool(found: Audit, name: str) -> dict[str, Any]:
    return found.tools.setdefault(name, {"calls": 0, "in_clear": {}})


def _findings(found: Audit, cast: dict[str, Any]) -> Iterable[str]:
    if not cast:
        yield "The tape does not say who was cast: it is cut, or of an earlier version."
    if "heard_at_secs" not in found.disclosure:
        yield "The caller did not hear the disclosure to its end."
    given = {what for event in found.consent for what in event.get("to", ())}
    for missing in sorted(set(cast.get("consent_needed", ())) - given):
        yield f"No consent to {missing} is on the tape."
    if any(event["event"] == "consent.withdrawn" for event in found.consent):
        yield "The caller withdrew consent; the tape ends there."
    if cast.get("sealed") and not found.sealed and not found.open_copy:
        yield "The policy wants tapes sealed, and this one is open."
    if "r" in found.mode[4:]:
        yield f"Others than its owner may read the file ({found.mode})."
    if blocked := sum(kinds.get("blocked", 0) for kinds in found.redacted.values()):
        yield f"Redaction failed {blocked} times; the texts were blocked."
    if late := sum(found.redacted.get("model", {}).values()):
        yield f"{late} identifiers were found at the model's door only."
    if not found.complete:
        yield "The tape is cut: the process ended before the call did."
    if found.dropped:
        yield f"The recorder lost {sum(found.dropped.values())} messages."


def text_of(found: Audit) -> str:
    """A report for a terminal."""
    heard = found.disclosure.get("heard_at_secs")
    told = found.disclosure.get("text", "not known")
    lines = [
        f"{found.session}  {found.bot} under {found.policy}, {found.began}, {found.length_secs:g} s",
        f"  code        {found.code_version}",
        f"  vendors     live: {_list(found.live)}; rehearsed: {_list(found.rehearsed)}",
        f"  hosts       {_list(found.hosts)}",
        f'  disclosure  "{told}", ' + (f"heard at {heard:g} s" if heard else "not heard whole"),
        f"  consent     {_list(_consent(event) for event in found.consent)}",
        f"  redaction   {_switch(found.redacts)}",
    ]
    lines += [f"    {where:10} {_kinds(kinds)}" for where, kinds in sorted(found.redacted.items())]
    lines += ["  tools       " + ("" if found.tools else "none")]
    for name, use in sorted(found.tools.items()):
        clear = f"in clear: {_kinds(use['in_clear'])}" if use["in_clear"] else "surrogates only"
        lines.append(f"    {name:20} called {use['calls']} times, {clear}")
    seal = "sealed" if found.sealed else "redacted copy" if found.open_copy else "open"
    lines += [
        f"  tape        {seal}, {found.mode}, kept until {found.retained_until or 'not known'}",
        "  findings    " + ("none" if not found.findings else ""),
        *[f"    - {finding}" for finding in found.findings],
    ]
    if found.redacts:
        lines.append(f"  {HONEST}")
    return "\n".join(lines)


def _switch(redacts: bool | None) -> str:
    return {True: "on", False: "off", None: "not known"}[redacts]


def _consent(event: dict[str, Any]) -> str:
    to = f" to {', '.join(event['to'])}" if event.get("to") else ""
    return f"{event['event'].removeprefix('consent.')}{to} at {event['at_secs']:g} s"


def _list(items: Iterable[str]) -> str:
    return ", ".join(items) or "none"


def _kinds(kinds: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``runner.py audit``."""
    parser.add_argument("tapes", nargs="*", help="tapes, or folders of tapes")
    parser.add_argument("--json", action="store_true", help="one JSON object a tape")
    parser.add_argument("--verify", type=Path, metavar="LOG", help="check an audit log's chain")


def main(args: argparse.Namespace) -> int:
    """Run ``runner.py audit``.

    Returns:
        0 when no tape has a finding, 1 when one has.
    """
    if args.verify:
        key = os.environ.get(KEY)
        entries = AuditLog(args.verify, key=key.encode() if key else None).verify()
        signed = (
            "with the key" if key else f"without a key: set {KEY} to know who may have written it"
        )
        print(
            f"{args.verify}: {entries} entries, of which none was changed, removed, reordered or cut "
            f"off ({signed})."
        )
    elif not args.tapes:
        raise ValueError("Name tapes, or an audit log: runner.py audit --verify LOG.")
    audits = audit(args.tapes, as_json=args.json) if args.tapes else []
    return 1 if any(found.findings for found in audits) else 0
