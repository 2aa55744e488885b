"""The way back: surrogates to real values, in whole texts and in token streams; and the scrub."""

import re

from sessions.phi.canonical import canonical
from sessions.phi.engine import LABELS
from sessions.phi.vault import SURROGATE, UnknownSurrogate, Vault

# The longest text that may still become a surrogate: "[HEALTHPLAN_1234]".
LONGEST = 18


def restore(text: str, vault: Vault) -> str:
    """Real values in place of surrogates; an unknown surrogate stays as it is written."""

    def real(match: re.Match[str]) -> str:
        try:
            return vault.get(match.group()).said
        except UnknownSurrogate:
            return match.group()

    return SURROGATE.sub(real, text)


class Restorer:
    """Restores a token stream: "[", "NA", "ME_1", "]" in any cut."""

    def __init__(self, vault: Vault):
        """Restore from a vault."""
        self._vault = vault
        self._held = ""

    def feed(self, token: str) -> str:
        """What can be spoken now. The end that may begin a surrogate is held."""
        self._held += token
        begin = open_surrogate(self._held)
        ready, self._held = self._held[:begin], self._held[begin:]
        return restore(ready, self._vault)

    def flush(self) -> str:
        """The rest, at the end of the stream or at an interruption."""
        ready, self._held = self._held, ""
        return restore(ready, self._vault)


def open_surrogate(text: str) -> int:
    """Character from which the end of the text may still become a surrogate."""
    for begin in range(max(0, len(text) - LONGEST), len(text)):
        if begin and text[begin - 1].isalnum() and text[begin].isalnum():
            continue
        if may_become(text[begin:]):
            return begin
    return len(text)


def may_become(tail: str) -> bool:
    """The text is the beginning of a surrogate, or one whose number or bracket may go on."""
    bracket = tail.startswith("[")
    body = tail[1:] if bracket else tail
    upper = body.upper()
    if not upper:
        return bracket
    for kind in LABELS:
        if kind.startswith(upper):
            return True
        if upper.startswith(kind) and re.fullmatch(r"[ _\-]?\d{0,4}", upper[len(kind) :]):
            return True
    return False


class Scrubber:
    """Replaces the values of a vault by their surrogates, in spoken, digit and title-case form."""

    def __init__(self, vault: Vault):
        """Scrub with a vault; what is added to it later is seen."""
        self._vault = vault
        self._version = -1
        self._pattern: re.Pattern[str] | None = None
        self._surrogate: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """The text without any value of the vault."""
        if self._version != self._vault.version:
            self._compile()
        if self._pattern is None or not text:
            return text

        def surrogate(match: re.Match[str]) -> str:
            return match[1] or self._surrogate.get(normal(match.group()), "[REDACTED]")

        return self._pattern.sub(surrogate, text)

    def _compile(self) -> None:
        self._version = self._vault.version
        self._surrogate = {}
        patterns = []
        for entry in self._vault:
            for form in {form for said in entry.forms for form in forms_of(said, entry.label)}:
                key = normal(form)
                if len(key) < 3 or key in self._surrogate:
                    continue
                self._surrogate[key] = entry.surrogate
                patterns.append(loose(form))
        patterns.sort(key=len, reverse=True)
        self._pattern = (
            re.compile(rf"(\[[A-Z]+_\d+\])|(?<!\w)(?:{'|'.join(patterns)})(?!\w)", re.IGNORECASE)
            if patterns
            else None
        )


def loose(form: str) -> str:
    """A pattern for a value with any separators: 5551234567 finds (555) 123-4567."""
    if form.isdigit():
        return r"[\s\-_./()]{0,2}".join(form)
    return r"[\s\-_.,()]*".join(map(re.escape, re.findall(r"\w+|[^\w\s]", form)))


def normal(form: str) -> str:
    """What the spellings of one form share."""
    return re.sub(r"[\W_]+", "", form).lower()


def forms_of(said: str, label: str) -> set[str]:
    """Every way a value may show up in a log."""
    forms = {said}
    one = canonical(said, label)
    forms.add(one)
    if label in ("PHONE", "FAX") and one.startswith("+1"):
        forms.add(one[2:])
    if label == "NAME":
        forms |= {part for part in re.findall(r"[^\W_]{3,}", one)}
    if label == "DATE" and re.fullmatch(r"\d{4}-\d\d-\d\d", one):
        year, month, day = one.split("-")
        forms |= {f"{month}/{day}/{year}", f"{int(month)}/{int(day)}/{year}", f"{month}{day}{year}"}
    return {form for form in forms if form}
