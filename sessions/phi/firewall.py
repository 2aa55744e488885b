"""One session's PHI firewall: text in, text with surrogates out, and the way back.

PHI minimisation, not a promise that no one can be recognised: a stage that does not need an
identifier does not get it. Every failure inside blocks the text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from sessions.phi import cues
from sessions.phi.canonical import canonical
from sessions.phi.data import redact_data
from sessions.phi.engine import CONTEXT, PHIEngine, Profile, Span, settled
from sessions.phi.restore import Scrubber, restore
from sessions.phi.tokens import split
from sessions.phi.vault import SURROGATE, UnknownSurrogate, Vault

BLOCKED = "[REDACTED]"


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text with surrogates, and where the identifiers stood in the original."""

    text: str
    spans: list[Span]


@dataclass(slots=True)
class Turn:
    """What the caller has said in this turn: raw, and how much of it was released."""

    raw: str = ""
    released: int = 0
    spans: list[Span] = field(default_factory=list)


class PHIFirewall:
    """Redacts what comes in and restores what goes to the caller's ear."""

    def __init__(
        self, profile: Profile = "strict", *, engine: PHIEngine | None = None, vault: Vault | None = None
    ):
        """Open for one session.

        Args:
            profile: "strict" (the default under HIPAA) or "balanced".
            engine: A shared engine; made for the profile when None.
            vault: The vault of a resumed session; an empty one when None.
        """
        self.engine = engine or PHIEngine(profile)
        self.vault = vault or Vault()
        self.turn = Turn()
        self._asked: tuple[str, ...] = ()
        self._waiting: tuple[str, ...] = ()  # asked a turn ago and not answered yet
        self._scrubber = Scrubber(self.vault)

    def heard(self, bot_text: str) -> None:
        """Take in what the bot said: it sets what the caller's next words may be."""
        try:
            asked = cues.in_prompt(bot_text)
        except Exception:
            logger.error("The PHI firewall could not read a prompt; every kind is expected.")
            asked = ("NAME", "DATE", "PHONE")
        if not asked and not self._answered():
            asked = self._waiting  # "take your time": the question still stands
        self._waiting = asked if asked != self._waiting or self._answered() else ()
        self._asked = asked
        self.turn = Turn()

    def _answered(self) -> bool:
        """The turn that ends held something that was asked for."""
        return bool(self.turn.spans) or not self._waiting

    def redact(self, text: str, *, prompt: str = "") -> Redaction:
        """A whole text: typed, a turn, a document line.

        Args:
            text: What was said or written.
            prompt: What the bot just asked, when ``heard`` was not told.
        """
        try:
            return self._redact(text, cues.in_prompt(prompt) if prompt else self._asked)
        except Exception as error:
            return self._blocked(text, error)

    def _redact(self, text: str, asked: tuple[str, ...]) -> Redaction:
        """Chunk by chunk, as a stream would be."""
        out, spans, done = "", [], 0
        for cut in [*self._cuts(text), len(text)]:
            if cut > done:
                piece, found = self._chunk(text, done, cut, asked)
                out, done = out + piece, cut
                spans += found
        return Redaction(out, spans)

    def _cuts(self, text: str) -> list[int]:
        """Characters at which the text may be cut."""
        words = split(text)
        return [words.start[i] for i in settled(words)]

    def _chunk(self, text: str, begin: int, end: int, asked: tuple[str, ...]) -> tuple[str, list[Span]]:
        """Redact characters ``begin`` to ``end`` of a turn in the light of what stands before."""
        words = split(text[:begin])
        left = words.start[-CONTEXT] if len(words) > CONTEXT else 0
        found = self.engine.analyse(
            text[left:end], start=begin - left, asked=asked, known=self.vault.names()
        )
        spans = [
            Span(max(span.start + left, begin), span.end + left, span.label) for span in found
        ]
        return self._replace(text, begin, end, spans), spans

    def _replace(self, text: str, begin: int, end: int, spans: list[Span]) -> str:
        out, at = "", begin
        for span in spans:
            surrogate = self.vault.put(text[span.start : span.end], span.label)
            value = text[span.start : span.end]
            tail = "'s" if span.label == "NAME" and value.lower().endswith(("'s", "’s")) and " " not in value[-3:] else ""
            out += text[at : span.start] + surrogate + tail
            at = span.end
        return out + text[at:end]

    def feed(self, segment: str, *, prompt: str = "") -> str:
        """The next final transcript of this turn: what may be passed on now.

        The text after the last place where no identifier can be open is held; the next segment,
        ``flush`` or ``second_pass`` brings it out. Segments are joined by one space.
        """
        try:
            if prompt:
                self._asked = cues.in_prompt(prompt)
            turn = self.turn
            segment = segment.strip()
            if not segment:
                return ""
            turn.raw = f"{turn.raw} {segment}" if turn.raw else segment
            cuts = [cut for cut in self._cuts(turn.raw) if cut > turn.released]
            return self._release(cuts)
        except Exception as error:
            return self._block_turn(error)

    def flush(self) -> str:
        """Everything still held: 600 ms passed, or the turn is over."""
        try:
            return self._release([len(self.turn.raw)] if self.turn.released < len(self.turn.raw) else [])
        except Exception as error:
            return self._block_turn(error)

    def _release(self, cuts: list[int]) -> str:
        out = ""
        for cut in cuts:
            piece, spans = self._chunk(self.turn.raw, self.turn.released, cut, self._asked)
            self.turn.released = cut
            self.turn.spans += spans
            out += piece
        return out.strip()

    def second_pass(self, turn_text: str = "") -> str:
        """The turn again as a whole, now that all of it is known.

        Args:
            turn_text: The turn as the model would see it. What is not from the fed segments (typed
                text) is redacted too; "" stands for the fed segments.

        Returns:
            The turn for the model. Nothing that was redacted before comes back.
        """
        try:
            raw = self.turn.raw
            if raw:
                found = self._redact(raw, self._asked).spans
                self.turn.spans = union(self.turn.spans, found)
                self.turn.released = len(raw)
                whole = self._replace(raw, 0, len(raw), self.turn.spans)
                if not turn_text.strip() or len(whole.split()) == len(turn_text.split()) or not found:
                    return whole if not turn_text.strip() or found else self.scrub(turn_text)
            return self.scrub(self._redact(turn_text, self._asked).text)
        except Exception as error:
            return self._blocked(turn_text, error).text

    def restore(self, text: str) -> str:
        """Real values for the caller's ear, in place of surrogates in any way a model writes them."""
        return restore(text, self.vault)

    def resolve(self, value: str, kind: str | None = None) -> str:
        """The canonical value for a tool argument.

        Args:
            value: A surrogate, or a text that holds surrogates.
            kind: The kind the tool declares that it needs; any when None.

        Raises:
            UnknownSurrogate: The vault does not hold it, or it is of another kind.
        """

        def real(match) -> str:
            entry = self.vault.get(match.group())
            if kind and entry.label != kind:
                raise UnknownSurrogate(
                    f"{entry.surrogate} is a {entry.label} and this argument takes a {kind}. "
                    f"Pass a {kind} surrogate from the conversation, or ask the caller for it."
                )
            return self.vault.canonical(entry.surrogate)

        if SURROGATE.search(value):
            return SURROGATE.sub(real, value)
        return canonical(value, kind) if kind else value

    def scrub(self, text: str) -> str:
        """Replace exact vault values wherever they stand: the last line before a sink."""
        try:
            return self._scrubber(text)
        except Exception as error:
            return self._blocked(text, error).text

    def redact_data(self, value: Any, schema: Mapping[str, str | None] | None = None) -> Any:
        """A tool result on its way in: fields by schema and by name, free text by the engine.

        Args:
            value: A JSON value.
            schema: Field name to label, e.g. ``{"id": "MRN", "note": None}``; None lets it pass.
        """
        try:
            return redact_data(
                value,
                schema,
                put=self.vault.put,
                redact=lambda text: self._redact(text, ()).text,
            )
        except Exception as error:
            return self._blocked("?", error).text

    def _blocked(self, text: str, error: Exception) -> Redaction:
        # The error's own text may quote the identifier: only its type is told.
        logger.error(f"The PHI engine failed ({type(error).__name__}); the text is blocked.")
        return Redaction(BLOCKED if text else "", [Span(0, len(text), "ID")] if text else [])

    def _block_turn(self, error: Exception) -> str:
        held = self.turn.raw[self.turn.released :]
        if held:
            self.turn.spans.append(Span(self.turn.released, len(self.turn.raw), "ID"))
        self.turn.released = len(self.turn.raw)
        return self._blocked(held or "?", error).text


def union(one: list[Span], other: list[Span]) -> list[Span]:
    """Spans of both, overlapping ones as one (the longer gives the label)."""
    out: list[Span] = []
    for span in sorted([*one, *other]):
        if out and span.start < out[-1].end:
            before = out[-1]
            longer = before if before.end - before.start >= span.end - span.start else span
            out[-1] = Span(before.start, max(before.end, span.end), longer.label)
        else:
            out.append(span)
    return out
