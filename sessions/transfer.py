"""The caller and a person: they are called, told what it is about, and talk; or the bot goes on.

While a person has the call, the bot is deaf, blind and silent: its ears, its model and the tape get
silence instead of what the two say. When the person leaves, the bot has its caller back.
"""

import asyncio
import weakref
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from loguru import logger
from pipecat.frames.frames import InterruptionFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor

from sessions.between import BRIEF_SECS, CALLER, PERSON, Between
from sessions.brief import Brief, make_brief
from sessions.carriers import TransferFailed, caller_number, can_redirect, redirect
from sessions.hold import Hold
from sessions.leg import Leg
from sessions.measured import audit
from sessions.resume import contexts_of
from sessions.ringing import Ringing, can_ring
from sessions.telling import tell

if TYPE_CHECKING:
    from sessions.session import Session

# How long somebody has to answer.
RING_SECS = 30.0
QUIET_SECS = 5.0
START_SECS = 1.5  # of a line that is to be spoken
TAKEN = "A colleague is here, and is being told what this is about. One moment, please."
TELL = (
    "Tell the caller in one short sentence that you are calling a colleague and that they should "
    "stay on the line. They can go on talking with you meanwhile."
)
REFUSED = "The transfer was declined: nobody can take the call now."
UNANSWERED = "The transfer was not answered."
OFFER = "Tell the caller so in one sentence, and offer to take a message or to help yourself."
INTRODUCED = "You are now together on the line. {}"
PUTTING_THROUGH = {"status": "the caller is being put through"}
SENT = "I am putting you through now."
NOT_SENT = "The caller could not be put through."
RETURNED = (
    "The transfer is over, and you have the caller again. You do not know what was said meanwhile. "
    "Ask in one sentence whether there is anything else."
)


class State(StrEnum):
    """How far a transfer is."""

    NONE = "none"
    RINGING = "ringing"
    BRIEFING = "briefing"
    TALKING = "talking"


_sessions: weakref.WeakValueDictionary[str, "Transfer"] = weakref.WeakValueDictionary()


def transfer_of(session_id: str) -> "Transfer | None":
    """The transfer of a session that runs in this process."""
    return _sessions.get(session_id)


class Transfer:
    """What becomes of one session's wish for a person, and who else is on its line."""

    def __init__(self, session: "Session"):
        """Begin with nobody. Nothing can be asked for before :meth:`attach`."""
        self._session = session
        self.policy = session.policy
        self.state = State.NONE
        self.brief: Brief | None = None
        self.since = 0.0
        self.hold: Hold
        self._worker: PipelineWorker | None = None
        self._pipeline: FrameProcessor | None = None
        self.between = Between()
        self._warm = True
        self._ringing = Ringing(
            session,
            on_taken=lambda: self._ordered(None, {"type": "take"}),
            on_left=self._return,
            on_over=self._unheard,
        )
        self._tasks: set[asyncio.Task] = set()
        _sessions[session.id] = self

    # The bot's side

    async def ring(
        self, reason: str, *, phone: str = "", within: float = RING_SECS, warm: bool = True
    ) -> dict[str, str]:
        """Call a person; the caller stays with the bot, and hears that the line is alive.

        Args:
            reason: Why, in a sentence.
            phone: A number that rings besides the desk. From a Daily room, who answers is in it with
                the caller, and is told the reason before both; from any other door a carrier rings,
                and who answers is told the brief alone. A phone that is busy ends the ringing.
            within: Seconds that somebody has to answer.
            warm: Whether they are told the brief before they are together with the caller.

        Returns:
            What to tell the model.
        """
        if self._worker is None:
            return {"error": "There is no caller here to be transferred."}
        if self.state != State.NONE:
            return {"status": "a colleague is being called already"}
        self._warm = warm
        began = self._session.clock.now()
        self.brief = self._make_brief(reason)
        self._become(State.RINGING, ms=round((self._session.clock.now() - began) * 1000, 1))
        audit(self._session, "transfer.asked")
        self._ringing.begin(within=within, number=phone)
        self.hold.start()
        return {"status": "a colleague is being called", "next": TELL}

    async def send(self, to: str, *, reason: str = "") -> dict[str, str]:
        """Put the caller through to a number, without a word to who answers.

        A caller on the phone is sent there for good: the bot and its session leave the call. For any
        other, the number is rung, and the bot is back when its owner leaves.

        Args:
            to: ``+15550001`` or ``sip:nurse@example.org``; the operator's, never the model's.
            reason: Why, in a sentence.

        Returns:
            What to tell the model.
        """
        if self._worker and not can_redirect(self._session) and can_ring(self._session):
            return await self.ring(reason, phone=to, warm=False)
        if self._worker is None or not can_redirect(self._session):
            return {"error": "This caller cannot be put through to a number. Call a colleague."}
        self._start(self._send(to))
        audit(self._session, "transfer.sent", door=self._session.cost.door)
        return PUTTING_THROUGH

    def attach(self, worker: PipelineWorker, pipeline: Pipeline) -> None:
        """Stand between the caller's door and the bot from now on."""
        self._worker, self._pipeline = worker, pipeline
        self.between.attach(self._session.transport)

    def make_hold(self) -> Hold:
        """What plays to a caller who waits, as an observer of the pipeline."""
        self.hold = Hold(
            self._session.clock,
            write=self.between.play,
            rate=lambda: self.between.rate,
            say=self._session.say,
        )
        return self.hold

    @property
    def away(self) -> bool:
        """Whether a person has the call, so that the bot neither hears nor speaks."""
        return self.state in (State.BRIEFING, State.TALKING)

    # The person's side

    def as_dict(self) -> dict[str, Any]:
        """How it stands, as a desk may show it to somebody who has not taken the call."""
        return {
            "state": self.state,
            "bot": self._session.bot,
            "secs": round(self._session.clock.now() - self.since, 1),
            "brief": self.brief.as_dict() if self.brief else None,
            "people": len(self.between.legs),
        }

    async def refuse(self) -> bool:
        """Decline the call; whether it was ringing."""
        if self.state != State.RINGING:
            return False
        self._session.recording.event("transfer.order", type="refuse")
        await self._give_up(REFUSED)
        return True

    async def join(self, transport: Any, *, listen: bool, who: str = "", door: str = "") -> None:
        """Have a person on the line until they leave.

        Args:
            transport: Their door.
            listen: Whether they only listen, and may whisper or take over; else they take the call.
            who: Whom the audit log names.
            door: Its name. Behind a phone is who was rung: too late, and they are hung up on.
        """

        async def on_sound(sound: bytes, rate: int) -> None:
            await self.between.person_says(leg, sound, rate)

        async def on_order(order: Mapping[str, Any]) -> None:
            await self._ordered(leg, order)

        async def on_up() -> None:
            await leg.show("state", state=self.state)
            if leg.phone and self.state != State.RINGING:
                return await leg.hang_up()
            if leg.phone and self._ringing.phone:
                self._ringing.phone.taken = True
            if not listen:
                await self._ordered(leg, {"type": "take"})

        leg = Leg(transport, on_sound=on_sound, on_order=on_order, door=door)
        self.between.legs.append(leg)
        audit(self._session, "access", what="listens" if listen else "takes the call", by=who)
        if listen:
            self._session.client.notify_soon("transfer", status="supervised")
        try:
            await leg.run(on_up=on_up)
        finally:
            self.between.legs.remove(leg)
            if leg is self.between.talker:
                self.between.talker = None
                await self._return()

    async def ordered(self, order: Mapping[str, Any]) -> None:
        """Take an order again that is on a tape."""
        if order["type"] == "refuse":
            await self.refuse()
        elif order["type"] == "unanswered":
            await self._unheard(declined=False)
        elif order["type"] == "picked up":
            self._ringing.picked_up()
        elif order["type"] == "left":
            await self._return()
        else:
            await self._ordered(None, order)

    async def close(self) -> None:
        """The caller has gone: so do all others."""
        self._worker = None
        self.hold.stop()
        for task in self._tasks:
            task.cancel()
        await self._ringing.close()
        for leg in self.between.legs:
            await leg.hang_up()

    # Inside

    async def _ordered(self, leg: Leg | None, order: Mapping[str, Any]) -> None:
        kind, talks = order.get("type"), leg is self.between.talker
        if kind == "take" and (self.away or self._worker is None):
            if leg and not talks:
                await leg.show("taken")
        elif kind == "take":
            self._session.recording.event("transfer.order", type="take")
            audit(self._session, "transfer.taken")
            asked = self.state == State.RINGING and self._warm
            brief = self.brief or self._make_brief("A supervisor takes over.")
            self.between.talker = leg
            self._become(State.BRIEFING)
            self._start(self._take(leg, brief, asked=asked))
        elif kind in ("talk", "key") and talks:
            self.between.told.set()
        elif kind == "whisper" and not self.away and isinstance(order.get("text"), str):
            text = self._clean(order["text"][:500])
            now = order.get("now") is True
            self._session.recording.event("transfer.order", type="whisper", text=text, now=now)
            audit(self._session, "whisper")
            await self._tell_bot(f"Your supervisor tells you, and not the caller: {text}", run=now)

    async def _take(self, leg: Leg | None, brief: Brief, *, asked: bool) -> None:
        assert self._worker
        self.between.told.clear()
        await self._worker.queue_frame(InterruptionFrame())
        self.hold.start(words=False)
        if leg:
            phi = self._session.phi
            told = brief.as_dict(phi.restore if phi else str)
            await leg.show("brief", brief=told, caller=caller_number(self._session))
            await leg.show("state", state=self.state)
        if asked:
            await self._speak(brief)
        self.hold.stop()
        self._become(State.TALKING)
        if leg:
            await leg.show("state", state=self.state)
        await self.between.together()

    async def _speak(self, brief: Brief) -> None:
        """Tell the person what it is about, and the caller that they are being told."""
        mouth = next((mouth for mouth in self._session.mouths if mouth.is_usable), None)
        if mouth is None:
            return
        if self._ringing.in_room:  # where both hear it
            words = INTRODUCED.format(brief.reason)
            await self.between.tell(mouth, words, whom=CALLER)
            await asyncio.sleep(START_SECS)
        else:
            await self.between.tell(mouth, brief.spoken, whom=PERSON)
            await self.between.tell(mouth, TAKEN, whom=CALLER)
            try:
                async with asyncio.timeout(BRIEF_SECS):
                    await self.between.told.wait()
            except TimeoutError:
                logger.warning(f"Session {self._session.id}: the brief did not end; going on")
        await self.hold.quiet(within=QUIET_SECS)  # of the line to the caller

    async def _send(self, to: str) -> None:
        await self.hold.quiet(within=QUIET_SECS)
        await self._session.say(SENT)
        await asyncio.sleep(START_SECS)
        await self.hold.quiet(within=QUIET_SECS)
        try:
            await redirect(self._session, to=to)
        except TransferFailed as error:
            logger.error(f"Session {self._session.id}: {error}")
            await self._tell_bot(f"{NOT_SENT} {OFFER}", run=True)
            return
        await self._session.end("the caller was put through")

    async def _unheard(self, *, declined: bool) -> None:
        """Nobody has taken the call."""
        await (self.refuse() if declined else self._give_up(UNANSWERED))

    async def _give_up(self, why: str) -> None:
        if self.state != State.RINGING:
            return
        self.hold.stop()
        self._become(State.NONE, why="refused" if why == REFUSED else "unanswered")
        await self.hold.quiet(within=QUIET_SECS)
        await self._tell_bot(f"{why} {OFFER}", run=True)

    async def _return(self) -> None:
        if not self.away or self._worker is None:
            return
        self._session.recording.event("transfer.order", type="left")
        self.hold.stop()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        self._become(State.NONE, why="returned")
        await self._tell_bot(RETURNED, run=True)

    async def _tell_bot(self, text: str, *, run: bool) -> None:
        if self._worker:
            await tell(self._session, f"({text})", run=run)

    def _become(self, state: State, **detail: Any) -> None:
        session, was = self._session, self.state
        self.state, self.since = state, session.clock.now()
        session.line.away = self.between.away = self.away
        if was == State.RINGING:
            self._ringing.end()
        if state == State.NONE:
            self.brief = None
        session.handoff["transfer"] = {"state": state.value, **detail}
        if session.keeper:
            session.keeper.touch()
        session.recording.event("transfer", state=state.value, **detail)
        session.client.notify_soon("transfer", status=detail.get("why") or state.value)

    def _make_brief(self, reason: str) -> Brief:
        contexts = contexts_of(self._pipeline) if self._pipeline else []
        return make_brief(self._session, reason=self._clean(reason), contexts=contexts)

    def _clean(self, text: str) -> str:
        phi = self._session.phi
        return phi.scrub(phi.redact(text).text) if phi else text

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
