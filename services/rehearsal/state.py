"""What the doubles share: the settings of the rehearsal, and one visit per session."""

import asyncio
import random
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loguru import logger

from services.rehearsal import ears_sphinx, mind, script
from services.rehearsal.ears import Prompter, ScriptedEars
from services.rehearsal.faults import Fault, take
from services.rehearsal.journal import Journal
from services.rehearsal.latency import Profile, profile_named
from services.rehearsal.mouth import Mouth, mouth
from services.rehearsal.script import Script, ScriptError

KEY = re.compile(r"rehearsal\.([A-Za-z0-9_-]+)\.([A-Za-z0-9._:-]+)")
MAX_VISITS = 256  # sessions remembered; the longest untouched is forgotten


@dataclass
class Rehearsal:
    """The whole process.

    Attributes:
        scripts: Folder of the ``<bot>.rehearsal.yaml`` files.
        profile: Latency profile of sessions that have none of their own.
        seed: Seed of every draw; a session's draws depend on it, its id and the vendor.
        faults: Faults that hit any session, oldest first.
        engines: False forces scripted ears and the tone.
    """

    scripts: Path = script.BOTS
    profile: Profile = field(default_factory=lambda: profile_named("typical"))
    seed: int = 7
    faults: list[Fault] = field(default_factory=list)
    engines: bool = True

    def __post_init__(self):
        self.mouth: Mouth = mouth(engines=self.engines)
        self.hears = self.engines and ears_sphinx.available()
        self.chance = random.Random(f"{self.seed}/faults")
        self._visits: OrderedDict[str, Visit] = OrderedDict()

    def visit(self, key: str | None) -> "Visit | None":
        """Return the visit of the session an API key literal names; None refuses the key."""
        named = KEY.fullmatch(key or "")
        return self.visit_of(named[2], bot=named[1]) if named else None

    def visit_of(self, session: str, *, bot: str | None = None) -> "Visit":
        """Return the visit of a session, opening it if it is new."""
        visit = self._visits.get(session) or Visit(self, session)
        visit.bot = bot or visit.bot
        self._visits[session] = visit
        self._visits.move_to_end(session)
        while len(self._visits) > MAX_VISITS:
            self._visits.popitem(last=False)
        return visit

    def reseed(self, seed: int) -> None:
        """Start every draw anew from another seed."""
        self.seed = seed
        self.chance = random.Random(f"{seed}/faults")
        for visit in self._visits.values():
            visit.draws.clear()


class Visit:
    """One session at the rehearsal: its script, journal, draws, faults and place in the script."""

    def __init__(self, house: Rehearsal, session: str):
        self.house = house
        self.session = session
        self.bot = ""
        self.journal = Journal(session)
        self.faults: list[Fault] = []
        self.own_profile: Profile | None = None
        self.draws: dict[str, random.Random] = {}
        self.heard = False
        self.kept: dict[str, list] = {}  # conversations a client may resume, by handle
        self._script: Script | None = None
        self._broken: ScriptError | None = None
        self._prompter: Prompter | None = None
        self._batch_ears: asyncio.Future | None = None

    @property
    def profile(self) -> Profile:
        """The latency profile in force."""
        return self.own_profile or self.house.profile

    @property
    def script(self) -> Script:
        """The bot's script, read once per session.

        Raises:
            ScriptError: If the file is broken; logged and journaled too.
        """
        if self._broken:
            raise self._broken
        if self._script is None:
            try:
                self._script = script.load(self.bot, scripts=self.house.scripts)
            except ScriptError as e:
                self._broken = e
                logger.error(str(e))
                self.journal.write("rehearsal", "script-error", error=str(e))
                raise
        return self._script

    @property
    def prompter(self) -> Prompter:
        """The place in the script of ears that have no engine."""
        if self._prompter is None:
            self._prompter = Prompter([line.say for line in self.script.lines if line.say])
        return self._prompter

    def rng(self, vendor: str) -> random.Random:
        """Return the seeded source of a vendor's draws in this session."""
        seed = f"{self.house.seed}/{self.session}/{vendor}"
        return self.draws.setdefault(vendor, random.Random(seed))

    def fault(self, vendor: str, *, live: bool = False) -> Fault | None:
        """Take the fault that hits this connection, request or turn; the session's own first."""
        for faults in (self.faults, self.house.faults):
            if hit := take(faults, vendor, self.house.chance, live=live):
                self.journal.write(vendor, "fault", do=hit.do)
                return hit
        return None

    async def ears(self):
        """Return fresh ears for one connection."""
        if not (self.house.hears and self.script.vocabulary):
            return ScriptedEars(self.prompter)
        return await asyncio.to_thread(ears_sphinx.SphinxEars, self.script.vocabulary)

    async def batch_ears(self):
        """Return the ears that hear whole utterances, the same for all requests of the session."""
        if self._batch_ears is None:
            self._batch_ears = asyncio.ensure_future(self.ears())
        return await asyncio.shield(self._batch_ears)

    async def answer(self, vendor: str, body: dict[str, Any]) -> mind.Answer:
        """Let the mind answer a conversation in Anthropic form, and journal it."""
        script, heard = self.script, self.heard
        reply = await asyncio.to_thread(
            lambda: mind.answer(script, mind.read(body, heard=heard))  # it may look at pictures
        )
        self.journal.write(
            vendor,
            "answer",
            rule=reply.rule,
            say=reply.say,
            calls=[{"name": name, "arguments": arguments} for name, arguments in reply.calls],
            fail=reply.fail,
        )
        return reply
