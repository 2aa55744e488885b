import time

import pytest

from sessions.phi import PHIEngine, PHIFirewall, PresidioTagger, Span

ENGINE = PHIEngine()


class Tags:
    def __init__(self, *spans: Span, seconds: float = 0):
        self.spans, self.seconds = spans, seconds

    def tag(self, text: str) -> list[Span]:
        time.sleep(self.seconds)
        return list(self.spans)


async def test_what_the_plug_finds_is_added():
    firewall = PHIFirewall(engine=ENGINE, tagger=Tags(Span(0, 7, "GEO")))
    assert (
        await firewall.examine("central is where [NAME_1] works")
        == "[GEO_1] is where [NAME_1] works"
    )


async def test_the_plug_cannot_take_a_surrogate_away():
    firewall = PHIFirewall(engine=ENGINE, tagger=Tags(Span(0, 8, "GEO"), Span(5, 500, "NAME")))
    assert await firewall.examine("[NAME_1] is here") == "[NAME_1] is here"


async def test_a_late_plug_fails_closed():
    firewall = PHIFirewall(engine=ENGINE, tagger=Tags(seconds=0.3))
    assert (
        await firewall.examine("i went with clifton to [GEO_1]")
        == "i went with [REDACTED] to [GEO_1]"
    )


async def test_a_broken_plug_fails_closed():
    firewall = PHIFirewall(engine=ENGINE, tagger=object())  # type: ignore[arg-type]
    assert "clifton" not in await firewall.examine("i went with clifton")


async def test_without_a_plug_the_text_comes_back():
    assert await PHIFirewall(engine=ENGINE).examine("i went home") == "i went home"


def test_presidio_is_a_plug():
    pytest.importorskip("presidio_analyzer")
    found = PresidioTagger().tag("write to jane.doe@example.com please")
    assert Span(9, 29, "EMAIL") in found
