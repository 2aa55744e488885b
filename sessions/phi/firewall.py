"""One session's PHI firewall: text in, text with surrogates out, and the way back.

PHI minimisation, not a promise that no one can be recognised: a stage that does not need an
identifier does not get it. Every failure inside blocks the text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from sessions.phi import cues, ner
from sessions.phi.canonical import canonical
from sessions.phi.data import redact_data
from sessions.phi.engine import CONTEXT, PHIEngine, Profile, Span, settled, union
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
    """What the caller has said in this turn, and how much of it was released."""

    raw: str = ""
    released: int = 0
    spans: list[Span] = field(default_factory=list)
    out: list[str] = field(default_factory=list)


class PHIFirewall:
    """Redacts what comes in and restores what goes to the caller's ear."""

    def __init__(
        self,
        profile: Profile = "strict",
        *,
        engine: PHIEngine | None = None,
        vault: Vault | None = None,
        tagger: ner.EntityTagger | None = None,
    ):
        """Open for one session.

        Args:
            profile: "strict" (the default under HIPAA) or "balanced".
            engine: A shared engine; made for the profile when None.
            vault: The vault of a resumed session; an empty one when None.
            tagger: A named-entity recogniser for ``examine``.
        """
        self.engine = engine or PHIEngine(profile)
        self.vault = vault or Vault()
        self.turn = Turn()
        self._tagger = tagger
        self._asked: tuple[str, ...] = ()
        self._patience = 0
        self._scrubber = Scrubber(self.vault)

    # what the bot says

    def heard(self, bot_text: str) -> None:
        """Take in what the bot said: it tells what the caller's next words may be.

        It also begins a new caller turn. A question that got no identifier stands for one more turn
        ("hang on" - "take your time" - the number).
        """
        try:
            asked = cues.in_prompt(bot_text)
        except Exception as error:
            self._blocked(bot_text, error)
            asked = ("NAME", "DATE", "PHONE")
        if asked:
            self._asked, self._patience = asked, 1
        elif self.turn.spans or not self._patience:
            self._asked = ()
        else:
            self._patience -= 1
        self.turn = Turn()

    # what the caller says or types

    def redact(self, text: str, *, prompt: str = "") -> Redaction:
        """A whole text: typed, a turn, a line of a document.

        Args:
            text: What was said or written.
            prompt: What the bot just asked, when ``heard`` was not told.
        """
        try:
            return self._redact(text, cues.in_prompt(prompt) if prompt else self._asked)
        except Exception as error:
            return self._blocked(text, error)

    def feed(self, segment: str, *, prompt: str = "") -> str:
        """The next final transcript of this turn: what may be passed on now.

        The text after the last place where no identifier can be open is held; the next segment,
        ``flush`` or ``second_pass`` brings it out. Segments are joined by one space.
        """
        try:
            if prompt:
                self._asked = cues.in_prompt(prompt)
            self.turn.raw = f"{self.turn.raw} {segment.strip()}".strip()
            return self._release(self._cuts(self.turn.raw))
        except Exception as error:
            return self._block_turn(segment, error)

    def flush(self) -> str:
        """Everything still held: 600 ms passed, or the turn is over."""
        try:
            return self._release([len(self.turn.raw)])
        except Exception as error:
            return self._block_turn("", error)

    def second_pass(self, turn_text: str = "") -> str:
        """The turn again as a whole, now that all of it is known.

        Args:
            turn_text: The turn as the model would see it; "" stands for the fed segments. A text that
                did not come through ``feed`` (typed, edited) is redacted and scrubbed as it is.

        Returns:
            The turn for the model. Nothing that was redacted before comes back.
        """
        turn = self.turn
        try:
            if turn.raw and (
                not turn_text.strip() or turn_text.split() == " ".join(turn.out).split()
            ):
                found = self._redact(turn.raw, self._asked).spans
                turn.spans = union(turn.spans, found)
                turn.released = len(turn.raw)
                return self._replace(turn.raw, 0, len(turn.raw), turn.spans)
            return self._scrubber(self._redact(turn_text, self._asked).text)
        except Exception as error:
            return self._block_turn(turn_text, error)

    async def examine(self, text: str) -> str:
        """Ask the named-entity plug about a redacted text; what it finds is redacted too.

        It runs off the loop with a deadline of 25 ms. Late or failed, every word that is not an
        everyday word is blocked. Without a plug the text comes back as it is.
        """
        if self._tagger is None:
            return text
        try:
            found = await ner.ask(self._tagger, text)
            if found is None:
                return ner.everyday_only(text, BLOCKED)
            return self._replace(text, 0, len(text), ner.outside_surrogates(text, found))
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
                value, schema, put=self.vault.put, redact=lambda text: self._redact(text, ()).text
            )
        except Exception as error:
            return self._blocked("?", error).text

    # the way back, and the last line

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

    # inside

    def _redact(self, text: str, asked: tuple[str, ...]) -> Redaction:
        """Piece by piece, as a stream would be."""
        out, spans, done = "", [], 0
        for cut in [*self._cuts(text), len(text)]:
            if cut > done:
                found = self._analyse(text, done, cut, asked)
                out += self._replace(text, done, cut, found)
                spans += found
                done = cut
        return Redaction(out, spans)

    def _cuts(self, text: str) -> list[int]:
        """Characters at which the text may be cut."""
        words = split(text)
        return [words.start[i] for i in settled(words)]

    def _analyse(self, text: str, begin: int, end: int, asked: tuple[str, ...]) -> list[Span]:
        """Identifiers in characters ``begin`` to ``end``, in the light of what stands before."""
        left = begin
        for _ in range(CONTEXT):
            left = text.rfind(" ", 0, max(0, left - 1)) + 1
        found = self.engine.analyse(
            text[left:end], start=begin - left, asked=asked, known=self.vault.names()
        )
        return [
            Span(max(span.start + left, begin), span.end + left, span.label)
            for span in found
            if span.end + left > begin
        ]

    def _replace(self, text: str, begin: int, end: int, spans: list[Span]) -> str:
        """The text with surrogates; a possessive stays outside."""
        out, at = "", begin
        for span in spans:
            value = text[span.start : span.end]
            stop = (
                span.end - 2
                if span.label == "NAME" and value.lower().endswith(("'s", "’s"))
                else span.end
            )
            out += text[at : span.start] + self.vault.put(text[span.start : stop], span.label)
            at = stop
        return out + text[at:end]

    def _release(self, cuts: list[int]) -> str:
        """Redact and pass on up to each of the cuts."""
        turn, out = self.turn, ""
        for cut in cuts:
            if cut > turn.released:
                found = self._analyse(turn.raw, turn.released, cut, self._asked)
                out += self._replace(turn.raw, turn.released, cut, found)
                turn.spans += found
                turn.released = cut
        turn.out.append(out.strip())
        return out.strip()

    def _blocked(self, text: str, error: Exception) -> Redaction:
        # The error's own text may quote the identifier: only its type is told.
        logger.error(f"The PHI engine failed ({type(error).__name__}); the text is blocked.")
        return Redaction(BLOCKED, [Span(0, len(text), "ID")]) if text else Redaction("", [])

    def _block_turn(self, text: str, error: Exception) -> str:
        """Block what is held and the text at hand."""
        turn = self.turn
        if turn.released < len(turn.raw):
            turn.spans = union(turn.spans, [Span(turn.released, len(turn.raw), "ID")])
            turn.released = len(turn.raw)
        return self._blocked(text or "?", error).text
