"""A caller who dials a bot, says its lines when it is its turn, listens, and hangs up."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qa.call.camera import Camera
from qa.call.floor import Floor
from qa.call.pictures import OFF, clip
from qa.call.script import RATE, Line, voiced
from qa.call.sound import Microphone, Recording
from qa.call.turns import Turns
from qa.call.wire import CallFailed, Wire

ANSWER_S = 20.0
"""Longest wait for the bot's first word, and for each answer."""

TURN_S = 90.0
"""Longest wait for the bot to finish a turn that it began."""

MANNERS_S = 0.8
"""The caller speaks when the bot has been silent for this long and owes nothing."""

GOODBYE_S = 5.0
"""How long a bot that has ended the session may take to hang up."""

PASSED_ON = {
    "bot-output",
    "bot-started-speaking",
    "bot-stopped-speaking",
    "user-input",
    "user-transcription",
    "llm-function-call-in-progress",
    "llm-function-call-stopped",
    "server-message",
    "error",
    "error-response",
}
"""The RTVI messages that become events."""


class Caller:
    """One call to a bot, from the caller's side.

    It prints nothing and keeps nothing outside itself, so many may share a process.

    Args:
        url: The server's address, like http://127.0.0.1:7860.
        body: The body of `/start`: the bot's name, the consent.
        tell: Called with each event, a dict with `type` and `at` (seconds since dialling):
            `dialling` {step}, `connected` {session}, `line` {number, of, line}, `rtvi`
            {message}, those of `Turns`, `interrupted`, `failed` {error}, and last `ended`
            {reason}.
        documents: Files to show to the bot as soon as it is ready.
        recording: Where to write both sides (stereo WAV), or None.
        seed: Seeds the comfort noise.
    """

    def __init__(
        self,
        url: str,
        *,
        body: dict[str, Any],
        tell: Callable[[dict[str, Any]], None],
        documents: Sequence[Path] = (),
        recording: Path | None = None,
        seed: int = 0,
    ):
        self._url = url
        self._body = body
        self._sink = tell
        self._documents = documents
        self._recording_path = recording
        self._recording: Recording | None = None
        self._zero = time.monotonic()
        self._microphone = Microphone(self.now, on_frame=self._said, seed=seed)
        self._pictures: tuple[Camera, ...] = ()
        self._turns = Turns(self._tell)
        self._floor = Floor()
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def now(self) -> float:
        """Seconds since dialling."""
        return time.monotonic() - self._zero

    async def call(self, lines: Sequence[Line]) -> None:
        """Dial, say the lines, hang up. What goes wrong is told as `failed` events."""
        wire = None
        if any(line.camera or line.screen for line in lines):
            self._pictures = (Camera(), Camera())
        try:
            speech = [await asyncio.to_thread(voiced, line) for line in lines]
            wire = self._wire = Wire(
                self._url,
                microphone=self._microphone,
                pictures=self._pictures,
                on_step=lambda step: self._tell("dialling", step=step),
                on_audio=self._heard,
                on_message=self._noticed,
                on_closed=lambda reason: self.hang_up(self._floor.ended or reason),
            )
            await self._until_over(wire.dial(self._body))
            self._tell("connected", session=wire.session_id)
            for document in self._documents:
                await wire.show(document)
            await self._until_over(self._perform(lines, speech))
        except (CallFailed, OSError, ValueError) as error:
            self._tell("failed", error=str(error))
            self.hang_up("the call failed")
        finally:
            if wire:
                await wire.close()
            if self._recording:
                self._recording.close()
        self.hang_up("the last line was answered")
        self._tell("ended", reason=self._over.result())

    def hang_up(self, reason: str = "the caller hung up") -> None:
        """End the call now, whatever is being said."""
        if not self._over.done():
            self._over.set_result(reason)

    async def _until_over(self, work) -> None:
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self._over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def _tell(self, kind: str, **data: Any) -> None:
        event = {"type": kind, "at": self.now(), **data}
        self._sink({k: round(v, 4) if isinstance(v, float) else v for k, v in event.items()})

    # What comes in

    def _said(self, at: float, said: np.ndarray, sent: np.ndarray) -> None:
        self._turns.caller_said(at, said)
        if self._recording is None and self._recording_path:
            self._recording = Recording(self._recording_path)
        if self._recording:
            self._recording.caller(sent)

    def _heard(self, samples: np.ndarray) -> None:
        at = self.now()
        self._turns.bot_said(at, samples)
        if self._recording and self._microphone.origin is not None:
            self._recording.bot(at - self._microphone.origin, samples)

    def _noticed(self, message: dict[str, Any]) -> None:
        kind, was_ended = message.get("type"), self._floor.ended
        self._floor.hear(message, self.now())
        if kind in PASSED_ON:
            self._tell("rtvi", message={"type": kind, "data": message.get("data")})
        if kind == "bot-interrupted" and self._turns.bot.quiet_for(self.now()) < 0.25:
            self._tell("interrupted")
        if self._floor.ended and not was_ended:
            asyncio.get_running_loop().call_later(GOODBYE_S, self.hang_up, self._floor.ended)

    # What goes out

    async def _perform(self, lines: Sequence[Line], speech: Sequence[np.ndarray]) -> None:
        since, after = 0.0, "the call was answered"
        for number, (line, samples) in enumerate(zip(lines, speech), start=1):
            if line.barge_in is None:
                await self._turn_over(since, after)
            elif await self._answered(since, after):
                await asyncio.sleep(line.barge_in)
            await asyncio.sleep(line.wait)
            self._tell("line", number=number, of=len(lines), line=line.to_dict())
            if line.hang_up is not None:
                asyncio.get_running_loop().call_later(line.hang_up, self.hang_up)
            shown = self._show(line)
            await self._deliver(line, samples)
            if line.answerable:
                since = shown if line.unasked else self._turns.asked()
                after = f'"{line.answerable}"'
        await self._turn_over(since, after)

    def _show(self, line: Line) -> float:
        """Show what a line shows; returns when, on the call's clock."""
        for index, name in enumerate((line.camera, line.screen)):
            if name:
                self._pictures[index].show(None if name == OFF else clip(name))
                self._wire.switch(index + 1, on=name != OFF)
        return self.now()

    async def _deliver(self, line: Line, samples: np.ndarray) -> None:
        if line.upload:
            await self._wire.show(Path(line.upload))
        if line.type:
            self._turns.typed(self.now())
            self._wire.send("send-text", {"content": line.type})
        if len(samples):
            self._turns.part()
            self._microphone.say(samples)
            await self._until(lambda: not self._microphone.speaking, len(samples) / RATE + 10)
        if line.hang_up is not None:
            await asyncio.sleep(line.hang_up)

    # Whose turn it is

    async def _answered(self, since: float, after: str) -> bool:
        """Wait until the bot speaks in answer to what ended at `since`."""
        bot = self._turns.bot

        def heard() -> bool:
            """Whether a word began after `since`, or the bot talks on well past it."""
            return (bot.since or 0) > since or (bot.last or 0) > since + 1

        if await self._until(heard, ANSWER_S):
            return True
        self._tell("failed", error=f"The bot said nothing for {ANSWER_S:.0f} s after {after}.")
        return False

    async def _turn_over(self, since: float, after: str) -> None:
        """Wait until the bot has answered what ended at `since`, and has finished."""

        def done() -> bool:
            quiet = self._turns.bot.quiet_for(self.now()) >= MANNERS_S
            return quiet and not self._floor.busy(self.now())

        if await self._answered(since, after) and not await self._until(done, TURN_S):
            self._tell("failed", error=f"The bot's turn after {after} took over {TURN_S:.0f} s.")

    async def _until(self, condition: Callable[[], bool], bound_s: float) -> bool:
        deadline = self.now() + bound_s
        while not condition():
            if self.now() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True
