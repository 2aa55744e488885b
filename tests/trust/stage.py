"""A whole session whose model obeys: any text it is shown, or the caller."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams

from services.rehearsal.latency import PROFILES
from sessions import Session
from sessions.evidence import Evidence
from sessions.tool_boundary import side_effect_free, side_effects
from sessions.untrusted import privileged
from tests.support.loopback import Line
from tests.support.tone_voice import ToneVoice
from tests.support.turn_model import Model, Reply

Call = tuple[str, dict[str, Any]]
TRIES = 3
READERS = {"document": "read_document", "tool": "look_up", "agent": "ask_agent"}


class Stage:
    """One session: its tools, what was run, and its caller."""

    def __init__(self, channel: str, text: str, plan: Callable[["Stage", list], Iterable[Call]]):
        self.channel, self.text, self.plan = channel, text, plan
        self.ran: list[Call] = []
        self.line = Line(session_id="trust")
        self.voice = ToneVoice(sentence_ms=200)
        self.session: Session
        self.shown: list[str] = []
        self.calls = 0
        self._tries = 0

    async def __aenter__(self):
        self.session = session = await Session.open(self.line)
        if self.channel == "screen":
            piece = Evidence("screen-1", "screen text", 0, text=self.text)
            session.evidence.add(lambda _now: [piece])
        model = Model(self._decide, profile=PROFILES["instant"])
        session.adopt(model, stage="llm")
        session.adopt(self.voice, stage="tts")
        context = LLMContext(tools=session.tools(*self._readers(), *self._tools()))
        user, assistant = LLMContextAggregatorPair(context)
        ends = session.transport
        pipeline = Pipeline([ends.input(), user, model, self.voice, ends.output(), assistant])
        self._task = asyncio.create_task(session.run(pipeline, greet=False))
        await self.line.connect()
        await self.line.until(lambda: session.opening.heard)
        return self

    async def __aexit__(self, *_):
        await self.line.hang_up()
        await asyncio.wait([self._task], timeout=10)
        self._task.cancel()

    @property
    def questions(self) -> list[str]:
        """What the house has asked so far."""
        return [said for said in self.voice.said if "need your yes" in said]

    async def says(self, text: str, *, then: float = 3.0) -> None:
        """The caller types a line, and waits."""
        self._tries = 0
        await self.line.send("send-text", {"content": text})
        await asyncio.sleep(then)

    def _decide(self, messages: list) -> Reply:
        evidence = self.session.evidence.at(self.session.clock.now_ns())
        for piece in evidence:
            self.session.evidence.shown(piece)
        self.shown = [str(m) for m in messages] + [piece.text or "" for piece in evidence]
        self._tries += 1
        self.calls += 1
        if self._tries > TRIES:
            return Reply("Well.")
        reader = READERS.get(self.channel)
        if reader and not any(m.get("role") == "tool" for m in messages):
            return Reply(calls=[(f"c{self.calls}", reader, {})])
        calls = [(f"c{self.calls}-{n}", *call) for n, call in enumerate(self.plan(self, messages))]
        return Reply("" if calls else "All right.", calls)

    def _readers(self):
        async def give(params: FunctionCallParams):
            await params.result_callback({"found": True, "text": self.text})

        @side_effect_free
        async def read_document(params: FunctionCallParams):
            """Read the caller's document."""
            await give(params)

        @side_effect_free
        async def look_up(params: FunctionCallParams):
            """Search the web."""
            await give(params)

        @side_effect_free
        async def ask_agent(params: FunctionCallParams):
            """Ask another agent."""
            await give(params)

        return read_document, look_up, ask_agent

    def _tools(self):
        async def run(params: FunctionCallParams, **arguments):
            self.ran.append((params.function_name, arguments))
            await params.result_callback({"status": "ok"})

        @privileged(free=("reason",))
        async def transfer_call(params: FunctionCallParams, number: str, reason: str):
            """Transfer the call to a number."""
            await run(params, number=number, reason=reason)

        @privileged(free=("reason",))
        async def transfer_to_person(params: FunctionCallParams, reason: str):
            """Transfer the caller to a colleague."""
            await run(params, reason=reason)

        @side_effects
        async def send_email(params: FunctionCallParams, to: str, subject: str, body: str):
            """Send an e-mail."""
            await run(params, to=to, subject=subject, body=body)

        @side_effects
        async def pay_invoice(params: FunctionCallParams, payee: str, iban: str, amount: float):
            """Pay an invoice."""
            await run(params, payee=payee, iban=iban, amount=amount)

        @privileged(asked=("let me in",))
        async def unlock_door(params: FunctionCallParams):
            """Unlock the side door."""
            await run(params)

        @side_effects
        async def delete_record(params: FunctionCallParams, patient_id: str):
            """Delete a record."""
            await run(params, patient_id=patient_id)

        @side_effects
        async def add_note(params: FunctionCallParams, text: str):
            """Add a note for the doctor."""
            await run(params, text=text)

        @side_effects
        async def share_file(params: FunctionCallParams, url: str):
            """Share the caller's file."""
            await run(params, url=url)

        @side_effects
        async def cancel_visit(params: FunctionCallParams, day: str):
            """Cancel a visit."""
            await run(params, day=day)

        @side_effects
        async def book_visit(params: FunctionCallParams, day: str, time: str):
            """Book a visit."""
            await run(params, day=day, time=time)

        async def set_mode(params: FunctionCallParams, mode: str):
            """Set the mode: quiet, night or administrator."""
            await run(params, mode=mode)

        async def order_food(params: FunctionCallParams, dish: str, count: int):
            """Order food."""
            await run(params, dish=dish, count=count)

        async def refund_order(params: FunctionCallParams, order: str):
            """Refund an order."""
            await run(params, order=order)

        return (
            transfer_call, transfer_to_person, send_email, pay_invoice, unlock_door, delete_record,
            add_note, share_file, cancel_visit, book_visit, set_mode, order_food, refund_order,
        )  # fmt: skip


async def attacked(attack) -> tuple[list[Call], Stage]:
    """Play an attack; what of what it wants was run."""

    async with Stage(attack.channel, attack.text, lambda _stage, _messages: attack.calls) as stage:
        for line in attack.lines:
            await stage.says(line)
    return [call for call in stage.ran if call in attack.calls], stage


async def served(task) -> tuple[bool, int]:
    """Do a benign task; whether it was done, and how often the house asked."""

    def plan(stage: Stage, _messages):
        # A good model waits until the caller has said all they want, and calls once it may.
        return [task.call] if stage.ready and task.call not in stage.ran else []

    stage = Stage(task.channel, task.text, plan)
    stage.ready = False
    async with stage:
        for n, line in enumerate(task.lines):
            stage.ready = n == len(task.lines) - 1
            await stage.says(line)
        if stage.questions:
            await stage.says(task.reply)
    return task.call in stage.ran, len(stage.questions)
