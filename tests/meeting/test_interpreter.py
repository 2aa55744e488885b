"""The interpreter between two people: both directions, the glossary, captions and the time taken."""

import pytest

from services.rehearsal.mouth import speak
from tests.meeting.room import held, quiet
from tests.support.virtual_call import virtually

pytestmark = pytest.mark.slow

INVOICE = "good morning i have a question about the invoice"


@pytest.mark.parametrize("mode", ["consecutive", "simultaneous"])
def test_each_is_said_in_the_other_language_with_its_terms_kept_and_its_time_taken(mode):
    async def scenario():
        async with held("interpreter", mode=mode) as room:
            await room.enter("p1", "Ana")
            await room.enter("p2", "Ben")
            await quiet(room, 3.0)
            for who, text in (("p1", INVOICE), ("p2", "guten morgen die rechnung ist bezahlt")):
                room.speak(who, speak(text, voice="en-us+f3"))
                await room.drain()
                await quiet(room)
            said = [(m["into"], m["text"]) for m in room.server("rendering")]
            assert said == [
                ("de", "Guten Morgen, ich habe eine Frage zur Rechnung."),
                ("en", "Good morning, the invoice has been paid."),
            ]
            assert len(room.server("latency")) == 2
            assert all(0 < m["latency_ms"] < 5000 for m in room.server("latency"))
            captions = room.server("caption")
            assert [c["text"] for c in captions if c["final"]][0] == INVOICE
            assert any(not c["final"] for c in captions)

    virtually(scenario)


def test_a_clause_is_said_ahead_once_it_is_known_what_somebody_speaks():
    async def scenario():
        async with held("interpreter", mode="simultaneous") as room:
            await room.enter("p1")
            await quiet(room, 3.0)
            for text in ("thank you", INVOICE):
                room.speak("p1", speak(text))
                await room.drain()
                await quiet(room)
            segments = [m["segment"] for m in room.server("rendering")]
            assert segments == ["s1", "c1", "s2"]
            clause, rest = room.server("rendering")[1:]
            assert f"{clause['source']} {rest['source']}" == INVOICE

    virtually(scenario)
