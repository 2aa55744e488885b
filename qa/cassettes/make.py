"""Makes a cassette from any tape: the call's own course, with invented people in it.

A replayable tape holds the raw wire, in which identifiers cannot be replaced word for word, voices
least of all. So a cassette is no copy: what the caller said, typed and talked over becomes a
scenario, each identifier in it one that was invented, and the scenario is rehearsed. The bot's
side is what its rehearsal script answers; the sound, the images and the documents are left out.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import yaml

from qa.cassettes.caller import Line
from qa.cassettes.record import Scenario, load_scenarios, record
from qa.diff.turns import Turn, call_of
from qa.redacted_copy import vault_of
from qa.replay.tapes import open_tape
from sessions.phi import PHIFirewall
from sessions.phi.vault import STRICT_SURROGATE
from sessions.tape import Tape
from sessions.tape.schemas import CLIENT_IN

INVENTED = {
    "NAME": ("jordan miller", "dana brooks"),
    "DATE": ("march fifth nineteen eighty two", "june second nineteen seventy four"),
    "PHONE": ("five five five two one seven four zero nine eight",),
}
"""What offline ears can hear; see the ``phrases`` of the bots' rehearsal scripts."""


ATTEMPTS = 4
"""Ears mishear a good phrase now and then; with the noise of another seed they hear it."""


class MakeError(ValueError):
    """This tape cannot become a cassette; the message says why."""


def make(tape: Tape, name: str, directory: str | Path) -> Path:
    """Make a cassette.

    Args:
        tape: Any tape of a bot that has a rehearsal script.
        name: The cassette's name.
        directory: Where the cassettes and their ``scenarios.yaml`` lie.

    Returns:
        The cassette. Its scenario is added to the folder's, so that it is recorded anew with them.

    Raises:
        MakeError: The caller did nothing, said a kind of identifier for which nothing is
            invented, or said what the rehearsal's ears cannot hear.
    """
    directory = Path(directory)
    scenarios = directory / "scenarios.yaml"
    if scenarios.exists() and name in {known.name for known in load_scenarios(scenarios)}:
        raise MakeError(f"{scenarios} has a scenario {name!r}: choose another name.")
    scenario = scenario_of(tape, name)
    for seed in range(1, ATTEMPTS + 1):
        scenario = replace(scenario, seed=seed)
        cassette = record(scenario, directory)
        if not (deaf := _unheard(scenario, cassette)):
            break
        cassette.unlink()
    else:
        raise MakeError(
            f"The rehearsal's ears do not hear {deaf!r}. Add it to the phrases of "
            f"bots/{scenario.bot}.rehearsal.yaml and make the cassette again."
        )
    spec = {
        "bot": scenario.bot,
        "seed": scenario.seed,
        "lines": [
            {key: value for key, value in asdict(line).items() if value} for line in scenario.lines
        ],
    }
    with scenarios.open("a") as file:
        file.write(yaml.safe_dump({name: spec}, sort_keys=False))
    return cassette


def scenario_of(tape: Tape, name: str) -> Scenario:
    """What the caller of a tape did, as a scenario without identifiers.

    Raises:
        MakeError: See :func:`make`.
    """
    invent = _Inventor(tape)
    done = [*_typed(tape), *_spoken(call_of(tape).turns)]
    lines = []
    for _, line in sorted(done, key=lambda step: step[0]):
        lines.append(replace(line, say=invent(line.say), type=invent(line.type)))
    if not lines:
        raise MakeError("The caller of this tape says and types nothing.")
    return Scenario(name, tape.header.bot, lines)


def _typed(tape: Tape) -> Iterator[tuple[float, Line]]:
    for message in tape.messages(CLIENT_IN):
        sent = message.data["message"]
        if isinstance(sent, dict) and sent.get("type") == "send-text":
            yield message.clock_ns / 1e9, Line(type=sent["data"]["content"])


def _spoken(turns: list[Turn]) -> Iterator[tuple[float, Line]]:
    for before, turn in pairwise(turns):
        if turn.started is None or not turn.heard:
            continue
        over = before.interrupted and before.spoke is not None
        since = round(turn.started - before.spoke, 1) if over and before.spoke else None
        yield turn.started, Line(say=turn.heard, barge_in=since)


class _Inventor:
    """Puts invented values where a text names somebody, the same ones for the same person."""

    def __init__(self, tape: Tape):
        self._phi = PHIFirewall(vault=vault_of(tape.messages()))
        self._given: dict[str, str] = {}
        self._left = {kind: list(values) for kind, values in INVENTED.items()}

    def __call__(self, text: str) -> str:
        redacted = self._phi.scrub(self._phi.redact(text).text)
        return STRICT_SURROGATE.sub(self._invented, redacted).strip()

    def _invented(self, surrogate) -> str:
        if surrogate[0] not in self._given:
            if not self._left.get(surrogate[1]):
                known = ", ".join(f"{len(values)} {kind}" for kind, values in INVENTED.items())
                raise MakeError(
                    f"The caller gives {surrogate[0]}, and no value is left to stand for it: "
                    f"invented are {known}."
                )
            self._given[surrogate[0]] = self._left[surrogate[1]].pop(0)
        return self._given[surrogate[0]]


def _unheard(scenario: Scenario, cassette: Path) -> str | None:
    """The first line that the rehearsal's ears did not hear as it was said."""
    tape = open_tape(cassette)
    invent = _Inventor(tape)
    heard = " ".join(invent(turn.heard) for turn in call_of(tape).turns)
    return next((line.say for line in scenario.lines if line.say not in heard), None)
