"""Rehearsal scripts: ``bots/<name>.rehearsal.yaml``, what is said, heard and answered in a rehearsal.

``lines`` is what the rehearsal caller does, ``phrases`` what offline ears can hear besides the lines,
``rules`` the scripted mind (see :mod:`services.rehearsal.mind`) and ``otherwise`` its last resort.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

BOTS = Path(__file__).parents[2] / "bots"
OTHERWISE = "This is a rehearsal, and I have no rule for what I heard."
SEEN = ("image", "camera", "screen")
SLOT = re.compile(r"(?<!\?P)<([a-z_]+)>")
SURROGATE = r"\[[A-Z]+(?:_[A-Z]+)*_\d+\]"
PLAIN = r"[\w'’-]+(?:[ ][\w'’-]+)*?"

Names = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]


class ScriptError(ValueError):
    """A script that cannot be used; the message names the file and the cure."""


class Strict(BaseModel):
    """A part of a script: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Loader(yaml.SafeLoader):
    """YAML in which yes, no, on and off are words that a caller may say."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("true|false|True|False"), list("tTfF")
)


class Line(Strict):
    """One thing the rehearsal caller does, in this order: wait, show, upload, type, say or play.

    Attributes:
        say: Spoken aloud.
        type: Sent as text.
        wait: Seconds to wait first.
        barge_in: Say it this many seconds after the bot starts to speak, over its voice.
        hang_up: Hang up this many seconds into it.
        audio: An audio file to play.
        upload: A file sent to the bot.
        voice: An espeak-ng voice; the caller's usual one if not given.
        camera: What the camera shows from now on, a clip of the caller's; "off" ends it.
        screen: What is shared as the screen from now on; "off" ends it.
        unasked: Wait until the bot speaks of what is shown, though nobody asked.
        aside: It is said to others, and the bot is to be silent.
    """

    say: str = ""
    type: str = ""
    wait: float = Field(default=0.0, ge=0)
    barge_in: float | None = Field(default=None, ge=0)
    hang_up: float | None = Field(default=None, ge=0)
    audio: str = ""
    upload: str = ""
    voice: str = ""
    camera: str = ""
    screen: str = ""
    unasked: bool = False
    aside: bool = False


class Call(Strict):
    """One tool call: ``{name: ..., with: {argument: value}}``."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict, alias="with")


class Rule(Strict):
    """One rule of the mind; it matches when all its conditions hold.

    Attributes:
        greet: True: no user words yet.
        hear: Regular expression searched in the newest user words, any case; named groups become
            variables. ``<name>`` is short for a group that takes a surrogate (``[NAME_1]``) or words.
        after: A tool (or several) whose results are the newest content.
        result: Regular expression searched in the text of that result.
        see: True: an image is in the request. False: none is. A mapping: what is seen in it, by
            fact and regular expression, ``{camera.hazard: warning}``; ``^$`` is nothing. The facts
            are those of :class:`services.rehearsal.look.Look`, of the newest ``image``, of the
            newest of the ``camera`` or of the ``screen``.
        shown: Regular expression searched in the texts that came with the request and that nobody
            said: screen text, readings.
        tools: Tools the request must offer.
        system: Regular expression searched in the system instruction.
        once: True: at most once in a conversation.
        say: What to say, with ``{variable}`` in braces.
        call: A tool call, or a list of them made in parallel.
        fail: The vendor error to answer with instead.
    """

    greet: bool | None = None
    hear: str | None = None
    after: Names = ()
    result: str | None = None
    see: bool | dict[str, str] | None = None
    shown: str | None = None
    tools: Names = ()
    system: str | None = None
    once: bool = False
    say: str = ""
    call: tuple[Call, ...] = ()
    fail: Literal["overloaded_error", "rate_limit_error", "api_error"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_call_is_a_list(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("call"), dict):
            data = {**data, "call": [data["call"]]}
        return data

    @model_validator(mode="after")
    def _expressions_compile(self) -> "Rule":
        if not (self.say or self.call or self.fail):
            raise ValueError("a rule needs something to do: say, call or fail")
        facts = self.see if isinstance(self.see, dict) else {}
        if unknown := [fact for fact in facts if fact.partition(".")[0] not in SEEN]:
            raise ValueError(f"{unknown[0]!r} is nothing to see. Begin with {', '.join(SEEN)}.")
        for pattern in (self.hear, self.result, self.system, self.shown, *facts.values()):
            try:
                re.compile(with_slots(pattern or ""))
            except re.error as e:
                raise ValueError(f"{pattern!r} is no regular expression: {e}") from None
        return self


class Script(Strict):
    """A bot's rehearsal: what its caller does, what its ears know, what its mind answers.

    Attributes:
        documents: Files the caller hands over, beside the script.
        identifiers: What the caller says that no model may receive under a redacting policy.
        languages: What of it is in another language than English, such as ``{de: [guten tag]}``:
            ears that detect languages say so.
    """

    bot: str = ""
    documents: Names = ()
    identifiers: Names = ()
    lines: tuple[Line, ...] = ()
    phrases: tuple[str, ...] = ()
    languages: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    otherwise: str = OTHERWISE

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """All the ears must know: the phrases and every spoken line, without repeats."""
        spoken = [line.say for line in self.lines if line.say]
        foreign = [phrase for phrases in self.languages.values() for phrase in phrases]
        return tuple(dict.fromkeys([*self.phrases, *spoken, *foreign]))

    def language_of(self, text: str) -> str:
        """The code of the language that a text of the caller's is in."""
        spoken = (code for code, phrases in self.languages.items() if text in phrases)
        return next(spoken, "en")

    def speaker_of(self, text: str) -> int | None:
        """Whose line a text is, by its voice, counted from 0; None where no line says it."""
        voices = list(dict.fromkeys(line.voice for line in self.lines if line.say))
        return next((voices.index(line.voice) for line in self.lines if line.say == text), None)


def with_slots(pattern: str) -> str:
    """Write out the ``<name>`` slots of a ``hear`` expression as named groups."""
    written = SLOT.sub(lambda m: f"(?P<{m[1]}>{SURROGATE}|{PLAIN})", pattern)
    at_end = SLOT.search(pattern) and re.search(r"<[a-z_]+>$", pattern)
    return written + (r"(?=\s*(?:[.,;!?]|$))" if at_end else "")


def load(bot: str, *, scripts: Path | str | None = None) -> Script:
    """Load ``<scripts>/<bot>.rehearsal.yaml``; a bot without one gets a minimal script.

    Args:
        bot: Name of the bot file, without suffix.
        scripts: Folder of the scripts; the repository's ``bots/`` if not given.

    Raises:
        ScriptError: If the file is broken; the message names it and the cure.
    """
    path = Path(scripts or BOTS) / f"{bot}.rehearsal.yaml"
    if not path.is_file():
        return minimal(bot)
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader)
        if not isinstance(document, dict):
            raise ValueError("it must be a mapping with lines, phrases, rules and otherwise")
        return Script(**{**document, "bot": bot})
    except yaml.YAMLError as e:
        where = getattr(e, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        problem = getattr(e, "problem", None) or "unreadable"
        raise ScriptError(
            f"{path} is not valid YAML{line}: {problem}. Text with a colon, a bracket or a "
            f"backslash belongs in quotes."
        ) from None
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ScriptError(
            f"{path}: {where}: {first['msg']}. A script has lines, phrases, rules and otherwise; "
            f"a rule has {', '.join(Rule.model_fields)}."
        ) from None
    except (ValueError, OSError) as e:
        raise ScriptError(f"{path} cannot be used: {e}.") from None


def minimal(bot: str) -> Script:
    """Return the script of a bot that has none."""
    return Script(
        bot=bot,
        lines=(Line(say="hello"), Line(say="can you hear me"), Line(say="thank you goodbye")),
        phrases=("hello", "good morning", "yes please", "no thank you", "stop", "help me please"),
        rules=(
            Rule(greet=True, say="Hello. This is a rehearsal with a scripted model. Say hello."),
            Rule(hear="goodbye|thank you", say="Thank you for the rehearsal. Goodbye."),
            Rule(hear="hello|hear me|good morning", say="I hear you. This bot has no script yet."),
        ),
    )
