"""Which calls of privileged tools pass once the model was shown something untrusted.

The rule asks no model, because it would read the same text as the one that it guards:

As long as nothing untrusted was shown to the model, its calls pass. From then on a call passes if

(a) the caller asked for it, in their own words since it last ran, and every value of its arguments
    is found in trusted words: the caller's, a pinned fact's, a reading's of an authorised sender,
    or those of a record from one of the house's own tools (``@records``); or
(b) the caller says yes. The boundary asks by itself, in a sentence no model writes, that names the
    tool and every argument; the caller's next words, if they are a plain yes, open exactly this
    call, once. What would be heard otherwise than it is (too long, with markup, invisible or
    look-alike letters) is not asked but refused; and two questions in a row that get no yes are
    the last, until the caller asks.

"The caller" is whoever is heard or types on the session's line.
"""

import asyncio
import contextlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipecat.frames.frames import Frame, InputTransportMessageFrame, TranscriptionFrame
from pipecat.processors.frame_processor import FrameProcessor

from sessions.asking import AGAIN, answer, folded, is_asked, ways
from sessions.provenance import Trusted
from sessions.untrusted import BRACKETS, Privilege, marked, texts

if TYPE_CHECKING:
    from sessions.evidence import Evidence

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
# A result that says no more than this tells nobody to act.
NO_NEWS = frozenset(
    "ok okay done sent success succeeded accepted queued noted saved true yes".split()
)
# Sooner than this after the question began, words answered something else.
ANSWER_SECS = 1.0
# Requests older than this many utterances no longer stand; neither does a yes after two.
MEMORY = 8
YES_STANDS = 2
MOST_QUESTIONS = 2
# What is read out is read out whole: some 25 s of speech.
LONGEST_QUESTION = 400


class Ruling(StrEnum):
    """What becomes of a call.

    Parameters:
        ALLOW: It runs.
        ASK: The caller is asked now.
        WAIT: The caller has been asked and has not answered.
        REFUSE: It does not run, and nobody is asked.
    """

    ALLOW = "allow"
    ASK = "ask"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass
class _Question:
    key: str
    asked_at: float
    yes_at: int | None = None  # how much the caller had said by then


class Gate:
    """Decides which calls of privileged tools pass, for one session."""

    def __init__(self, *, now: Callable[[], float], today: date):
        """Begin with nothing said, and nothing untrusted shown.

        Args:
            now: The session clock, seconds.
            today: The day the call began.
        """
        self.tainted = False
        self._now = now
        self._trusted = Trusted(today=today)
        self._said: list[str] = []
        # How much the caller had said when a call last passed; of a tool, also from which
        # utterance on they had asked for it then.
        self._ran: dict[str, tuple[int, int]] = {}
        self._passed: dict[str, int] = {}
        self._latest = ""
        self._question: _Question | None = None
        self._refused: set[str] = set()
        self._without_yes = 0
        self._words = asyncio.Event()

    # what the session tells it

    def heard(self, text: str) -> None:
        """The caller has said or typed something."""
        if not text.strip():
            return
        self._said.append(text)
        self._trusted.add(text)
        asked = self._question
        if asked and asked.yes_at is not None:
            if answer(text) == "no":  # "yes", and after a breath "but to Bob"
                self._question = None
        elif asked and self._now() - asked.asked_at >= ANSWER_SECS:
            self._answered(asked, text)
        self._words.set()

    def know(self, text: str) -> None:
        """Something is known from a source that is trusted; it opens nothing by itself."""
        self._trusted.add(text)

    def shown(self, piece: "Evidence") -> None:
        """The model is shown this; a picture may hold any text."""
        if piece.trusted:
            self.know(piece.text or "")
        else:
            self.tainted = True

    def quote(self, text: str, *, source: str) -> str:
        """A text from outside, marked, for whoever puts it into a context: another agent's words.

        Args:
            text: What was sent.
            source: By whom, such as ``"agent billing"``.
        """
        self.tainted = True
        return marked(text, source=source)

    def resume(self, messages: Iterable[Any]) -> None:
        """The session goes on from a stored context; what else the model was shown is not known."""
        self.tainted = True
        for message in messages:
            if isinstance(message, dict) and message.get("role") == "user":
                if isinstance(message.get("content"), str):
                    self._trusted.add(message["content"])

    def returned(self, result: Any, arguments: Mapping[str, Any], *, trusted: bool) -> None:
        """A tool has returned something.

        Args:
            result: What; numbers, its own arguments and a bare "ok" are no news to obey.
            arguments: What it was called with.
            trusted: Whether it returns records of the house.
        """
        own = {folded(text) for text in texts(arguments)}
        for text in texts(result):
            if trusted:
                self._trusted.add(text)
            elif not (NUMBER.fullmatch(text) or folded(text) in own | NO_NEWS):
                self.tainted = True

    def listen(self, ears: FrameProcessor) -> None:
        """Hear the caller's words where they leave a service that pushes transcripts."""

        @ears.event_handler("on_before_push_frame")
        async def on_before_push_frame(_ears, frame: Frame):
            if isinstance(frame, TranscriptionFrame):
                self.heard(frame.text)

    def read(self, rtvi: FrameProcessor) -> None:
        """Read what the caller types where the client's messenger receives it."""

        @rtvi.event_handler("on_before_process_frame")
        async def on_before_process_frame(_rtvi, frame: Frame):
            if isinstance(frame, InputTransportMessageFrame) and isinstance(frame.message, dict):
                data = frame.message.get("data")
                if frame.message.get("type") == "send-text" and isinstance(data, dict):
                    self.heard(str(data.get("content") or ""))

    # what becomes of a call

    async def judge(
        self,
        name: str,
        privilege: Privilege,
        arguments: Mapping[str, Any],
        *,
        once: bool = False,
        patience: float = 0.0,
    ) -> Ruling:
        """Whether a call passes.

        Args:
            name: The tool's.
            privilege: What its author says of it.
            arguments: As the model gave them.
            once: Whether a repeated call does nothing new, see ``@side_effects``.
            patience: Seconds to wait for the transcript of what the caller has just said; a
                realtime core calls before it is there.
        """
        key = f"{name}({json.dumps(arguments, sort_keys=True, default=str)})"
        repeated = once and self._passed.get(key) == len(self._said)
        if not self.tainted or repeated or self._has_yes(key):
            return self._allow(name, key)
        if patience and not self._is_the_callers(name, privilege, arguments, key):
            self._words.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._words.wait(), patience)
        if self._is_the_callers(name, privilege, arguments, key):
            return self._allow(name, key)
        if self._question and self._question.yes_at is None:
            return Ruling.WAIT
        asked = self._is_asked(name, privilege, key)
        unwelcome = self._without_yes >= MOST_QUESTIONS and not asked
        if key in self._refused or unwelcome or _misheard(question(name, arguments)):
            return Ruling.REFUSE
        self._question = _Question(key, self._now())
        return Ruling.ASK

    def _allow(self, name: str, key: str) -> Ruling:
        self._ran[name] = self._begin(name, key), len(self._said)
        self._passed[key] = len(self._said)
        self._latest = name
        return Ruling.ALLOW

    def _begin(self, name: str, key: str) -> int:
        """The first utterance that may ask for a call.

        One request may be for several ("on Friday and on Monday"): until the caller speaks again,
        what they said before the first call stands for calls with other arguments.
        """
        begin, at = self._ran.get(name, (0, 0))
        same_request = at == len(self._said) and self._passed.get(key) != at
        return max(begin if same_request else at, len(self._said) - MEMORY)

    def _has_yes(self, key: str) -> bool:
        given = self._question
        if given is None or given.key != key or given.yes_at is None:
            return False
        self._question = None
        return len(self._said) - given.yes_at <= YES_STANDS

    def _is_the_callers(
        self, name: str, privilege: Privilege, arguments: Mapping[str, Any], key: str
    ) -> bool:
        return self._is_asked(name, privilege, key) and not any(
            self._trusted.strange(value, argument)
            for argument, value in arguments.items()
            if argument not in privilege.free
        )

    def _is_asked(self, name: str, privilege: Privilege, key: str) -> bool:
        again = AGAIN if name == self._latest else ()
        phrases = [*ways(name, privilege.asked), *again]
        return is_asked(self._said[self._begin(name, key) :], phrases)

    def _answered(self, asked: _Question, text: str) -> None:
        said = answer(text)
        if said == "yes":
            asked.yes_at, self._without_yes = len(self._said), 0
            return
        if said == "no":
            self._refused.add(asked.key)
        self._without_yes += 1
        self._question = None


def question(name: str, arguments: Mapping[str, Any]) -> str:
    """What the caller is asked before a call that they have not asked for, with all of it."""
    told = ", ".join(
        f"{argument.replace('_', ' ')} {_spoken(value)}" for argument, value in arguments.items()
    )
    return f"I need your yes for this: {name.replace('_', ' ')}{told and ': ' + told}. Shall I?"


def _spoken(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return " ".join(text.split())


def _misheard(asked: str) -> bool:
    """Whether a question sounds like another: too long, silent letters, markup, look-alikes."""
    if len(asked) > LONGEST_QUESTION or any(
        char in BRACKETS or unicodedata.category(char)[0] == "C" for char in asked
    ):
        return True
    for word in asked.split():
        scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word if char.isalpha()}
        if len(scripts & {"LATIN", "CYRILLIC", "GREEK"}) > 1:
            return True
    return False
