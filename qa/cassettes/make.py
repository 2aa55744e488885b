"""Makes a cassette from any tape: the call's own course, with invented people in it.

A replayable tape holds the raw wire, in which identifiers cannot be replaced word for word, voices
least of all. So a cassette is no copy: what the caller said, typed and talked over becomes a
scenario, each identifier in it one that was invented, and the scenario is rehearsed. The bot's
side is what its rehearsal script answers; the sound, the images and the documents are left out.
"""

from dataclasses import asdict
from pathlib import Path

import yaml

from qa.cassettes.caller import Line
from qa.cassettes.record import Scenario, load_scenarios, record
from qa.diff.turns import Turn, call_of
from qa.redacted_copy import vault_of
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
    cassette = record(scenario, directory)
    try:
        _check(scenario, cassette)
    except MakeError:
        cassette.unlink()
        raise
    spec = {
        "bot": scenario.bot,
        "seed": scenario.seed,
        "lines": [
            {key: value for key, value in asdict(line).items() if value}
            for line in scenario.lines
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
    typed = {
        message.data["message"]["data"]["content"]
        for message in tape.messages(CLIENT_IN)
        if message.data["message"].get("type") == "send-text"
    }
    typed = {invent(text) for text in typed}
    turns = call_of(tape).turns
    lines = []
    for before, turn in zip(turns, turns[1:]):
        if words := invent(turn.heard):
            lines.append(_line(words, before, turn, typed=words in typed))
    if not lines:
        raise MakeError("The caller of this tape says and types nothing.")
    return Scenario(name, tape.header.bot, lines, seed=len(lines))


def _line(words: str, before: Turn, turn: Turn, *, typed: bool) -> Line:
    if typed:
        return Line(type=words)
    over = before.interrupted and turn.started is not None and before.spoke is not None
    return Line(say=words, barge_in=round(turn.started - before.spoke, 1) if over else None)  # type: ignore


class _Inventor:
    """Puts invented values where a text names somebody, the same ones for the same person."""

    def __init__(self, tape: Tape):
        self._phi = PHIFirewall(vault=vault_of(tape.messages()))

    def __call__(self, text: str) -> str:
        redacted = self._phi.scrub(self._phi.redact(text).text)
        return STRICT_SURROGATE.sub(self._invented, redacted).strip()

    def _invented(self, surrogate) -> str:
        known = INVENTED.get(surrogate[1], ())
        if int(surrogate[2]) > len(known):
            raise MakeError(
                f"The caller gives {surrogate[0]}, for which no value is invented "
                f"(there are {', '.join(f'{len(v)} of {k}' for k, v in INVENTED.items())})."
            )
        return known[int(surrogate[2]) - 1]


def _check(scenario: Scenario, cassette: Path) -> None:
    """Whether the rehearsal's ears heard each line."""
    from qa.replay.tapes import open_tape

    tape = open_tape(cassette)
    invent = _Inventor(tape)
    heard = {invent(turn.heard) for turn in call_of(tape).turns}
    deaf = [line.say or line.type for line in scenario.lines]
    deaf = [words for words in deaf if invent(words) not in heard]
    if deaf:
        raise MakeError(
            f"The rehearsal's ears do not hear {deaf[0]!r}. Add it to the phrases of "
            f"bots/{scenario.bot}.rehearsal.yaml and make the cassette again."
        )
