"""Records cassettes: a scenario, rehearsed in virtual time, becomes a tape."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import bots
from qa.cassettes.caller import Line, ScriptedCaller
from qa.cassettes.house import TONE, open_house, without_keys
from qa.replay.tapes import LOCAL_KEY
from qa.virtual.loop import run
from sessions.tape import delete, local_key, tape_path
from sessions.tape.recorder import code_version

EPOCH_NS = 1_790_000_000 * 10**9
"""21 September 2026: what the wall says when a cassette is recorded."""

LIMIT_SECS = 3600.0


@dataclass(frozen=True)
class Scenario:
    """A call to rehearse.

    Parameters:
        name: The cassette's name.
        bot: The bot that answers.
        lines: What the caller does.
        seed: Of every draw.
        video_fps: Frames a second of a camera; 0 is none.
        voice: The bot's: ``"tone"`` hums and keeps the tape small, anything else speaks.
    """

    name: str
    bot: str
    lines: list[Line] = field(default_factory=list)
    seed: int = 1
    video_fps: float = 0.0
    voice: str = TONE


def load_scenarios(path: str | Path) -> list[Scenario]:
    """Read scenarios: a mapping of names to ``bot``, ``lines`` and, if wanted, ``seed``."""
    known = yaml.safe_load(Path(path).read_text())
    return [
        Scenario(name=name, **spec | {"lines": [Line(**line) for line in spec["lines"]]})
        for name, spec in known.items()
    ]


def record(
    scenario: Scenario, directory: str | Path, *, bot: Callable[[Any], Any] | None = None
) -> Path:
    """Rehearse a scenario in virtual time and leave its tape, over one that is there.

    Args:
        scenario: What to rehearse.
        directory: Where the tape goes, with the key of sealed ones beside it.
        bot: Called with the runner arguments; the bot file named when None.

    Returns:
        The tape.

    Raises:
        TimeoutError: The bot did not do what the caller waits for.
    """
    directory = Path(directory)
    key = local_key(directory / LOCAL_KEY)
    delete(directory, scenario.name)
    code_version()  # asks git, and there is no way out below
    settings = {
        "VIVACE_TAPES": str(directory),
        "VIVACE_TAPE_KEY": base64.b64encode(key).decode(),
    }
    with without_keys(**settings):
        run(
            lambda loop: _call(loop, scenario, bot or bots.bot),
            wall_start_ns=EPOCH_NS,
            seed=scenario.seed,
            limit_secs=LIMIT_SECS,
        )
    sealed = tape_path(directory, scenario.name, sealed=True)
    return sealed if sealed.exists() else tape_path(directory, scenario.name, sealed=False)


async def _call(loop: Any, scenario: Scenario, bot: Callable[[Any], Any]) -> None:
    await open_house(loop, seed=scenario.seed, voice=scenario.voice)
    caller = ScriptedCaller(lines=scenario.lines, seed=scenario.seed, video_fps=scenario.video_fps)
    caller.body = {"bot": scenario.bot, "consent": {"recording": True}}
    caller.session_id = scenario.name
    caller.handle_sigint = False
    await asyncio.ensure_future(bot(caller))
