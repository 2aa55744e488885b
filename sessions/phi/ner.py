"""Any named-entity recogniser as a plug: what it finds is added, never taken away.

The plug works in a thread with a deadline. A late or failing one blocks what is not everyday English.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from loguru import logger

from sessions.phi import vocabulary as v
from sessions.phi.engine import Span
from sessions.phi.lexicon import COMMON, city, first, last
from sessions.phi.tokens import is_number, split

DEADLINE_S = 0.025  # the budget of a pretrained recogniser beside the engine
PRESIDIO = {
    "PERSON": "NAME", "LOCATION": "GEO", "DATE_TIME": "DATE", "PHONE_NUMBER": "PHONE", "EMAIL_ADDRESS": "EMAIL",
    "URL": "URL", "IP_ADDRESS": "IP", "US_SSN": "SSN", "US_ITIN": "SSN", "CREDIT_CARD": "ACCOUNT", "IBAN_CODE": "ACCOUNT",
    "US_BANK_NUMBER": "ACCOUNT", "US_DRIVER_LICENSE": "LICENSE", "US_PASSPORT": "ID", "MEDICAL_LICENSE": "LICENSE",
    "US_MBI": "HEALTHPLAN", "US_NPI": "LICENSE", "UK_NHS": "MRN", "CRYPTO": "ACCOUNT",
}  # fmt: skip
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="phi-ner")


class EntityTagger(Protocol):
    """A recogniser: spaCy, Presidio, ONNX, anything. Called in a thread, one text at a time or more."""

    def tag(self, text: str) -> Sequence[Span]:
        """Identifiers of a text, with labels of ``engine.LABELS``."""
        ...


class PresidioTagger:
    """Presidio's ``AnalyzerEngine`` as a plug; needs the ``phi`` extra."""

    def __init__(self, analyzer=None):
        """Wrap an analyzer.

        Args:
            analyzer: An ``AnalyzerEngine``. When None, one with Presidio's patterns and no language
                model is made.

        Raises:
            ImportError: presidio-analyzer is not installed.
        """
        self._analyzer = analyzer or patterns_only()

    def tag(self, text: str) -> list[Span]:
        """Presidio's finds under our labels."""
        return [
            Span(found.start, found.end, PRESIDIO[found.entity_type])
            for found in self._analyzer.analyze(text, language="en")
            if found.entity_type in PRESIDIO
        ]


def patterns_only():
    """A Presidio ``AnalyzerEngine`` without a language model: patterns and checksums.

    Raises:
        ImportError: presidio-analyzer is not installed.
    """
    try:
        from presidio_analyzer import AnalyzerEngine  # pyright: ignore[reportMissingImports]
        from presidio_analyzer.nlp_engine import NlpEngineProvider  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError("Presidio is not installed. Install the 'phi' extra.") from error
    model = {"nlp_engine_name": "no_op", "models": [{"lang_code": "en", "model_name": ""}]}
    provider = NlpEngineProvider(nlp_configuration=model)
    return AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])


async def ask(
    tagger: EntityTagger, text: str, *, deadline_s: float = DEADLINE_S
) -> list[Span] | None:
    """What the plug finds, or None when it failed or was late."""
    loop = asyncio.get_running_loop()
    try:
        call = loop.run_in_executor(_threads, tagger.tag, text)
        return list(await asyncio.wait_for(call, deadline_s))
    except Exception as error:
        # The error's own text may quote the identifier: only its type is told.
        logger.warning(f"The entity tagger gave nothing ({type(error).__name__}); failing closed.")
        return None


def outside_surrogates(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans in order, without those that touch a surrogate or an earlier span."""
    taken = [(words_start, words_end) for words_start, words_end in surrogates(text)]
    out: list[Span] = []
    for span in sorted(spans):
        inside = 0 <= span.start < span.end <= len(text)
        free = all(span.end <= a or span.start >= b for a, b in taken)
        if inside and free and (not out or span.start >= out[-1].end):
            out.append(span)
    return out


def surrogates(text: str) -> list[tuple[int, int]]:
    """Where the surrogates of a text stand."""
    words = split(text)
    return [(words.start[i], words.end[i]) for i in range(len(words)) if words.low[i][0] == "["]


def everyday_only(text: str, mask: str) -> str:
    """The text with every word masked that may be a name, a place or a number."""
    words = split(text)
    out, at = "", 0
    for i, low in enumerate(words.low):
        flags = words.flags[i]
        named = first(flags) >= 2 or last(flags) >= 2 or city(flags)
        plain = (
            low in v.STOP or low[0] == "[" or flags & COMMON and not named and not is_number(low)
        )
        if not plain:
            out += text[at : words.start[i]] + mask
            at = words.end[i]
    return out + text[at:]
