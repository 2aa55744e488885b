"""Whole calls: a caller in a process of its own, over real WebRTC, to a bot on instant services."""

import asyncio
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from qa.call import Line, call
from qa.call.caller import Caller
from qa.call.script import RATE
from tests.qa.parrot import DISCLOSURE, Parrot, hum

pytestmark = pytest.mark.slow


@pytest.fixture
async def parrot():
    async with Parrot() as parrot:
        yield parrot


@pytest.fixture
def sound(tmp_path):
    def make(seconds: float = 0.8) -> str:
        path = tmp_path / f"hum-{seconds}.wav"
        soundfile.write(path, hum(seconds, 16000), 16000)
        return str(path)

    return make


async def dial(parrot: Parrot, lines: list[Line], tmp_path: Path, **options):
    out = io.StringIO()
    options = {"bot": "parrot", "recording": tmp_path / "call.wav", **options}
    summary = await call(url=parrot.url, script=lines, out=out, **options)
    return summary, out.getvalue()


async def test_a_call_is_heard_answered_measured_and_recorded(parrot, sound, tmp_path):
    lines = [Line(audio=sound()), Line(type="typed words"), Line(audio=sound(1.2))]
    summary, shown = await dial(parrot, lines, tmp_path, consent={"recording": True})

    assert summary.errors == []
    assert (summary.turns, summary.lines) == (3, 3)
    assert summary.disclosed_first
    assert summary.interruptions == 0
    assert parrot.bodies[0]["consent"] == {"recording": True}
    assert DISCLOSURE in shown and "typed words" in shown and "Voice to voice" in shown
    await asyncio.wait_for(parrot.ended.wait(), 5)

    both, rate = soundfile.read(summary.recording, dtype="int16")
    assert rate == RATE
    measured = gaps(both)
    assert len(summary.voice_to_voice_ms) == len(measured) == 2
    for told, seen in zip(summary.voice_to_voice_ms, measured):
        assert abs(told - seen) < 60, "the recording lies within a playout buffer of the truth"


def gaps(both: np.ndarray) -> list[float]:
    """Milliseconds from each end of the caller's sound to the bot's next, in a recording."""
    loud = [np.flatnonzero(np.abs(both[:, side].astype(int)) > 300) for side in (0, 1)]
    edges = np.flatnonzero(np.diff(loud[0]) > RATE)
    ends = [*loud[0][edges], loud[0][-1]]
    return [(loud[1][loud[1] > end][0] - end) / RATE * 1000 for end in ends]


async def test_a_caller_who_barges_in_silences_the_bot(parrot, sound, tmp_path):
    lines = [Line(audio=sound()), Line(audio=sound(), barge_in=0.3)]
    summary, shown = await dial(parrot, lines, tmp_path, body={"seconds": 2})
    assert summary.errors == []
    assert summary.interruptions == 1
    assert "cut off" in shown


async def test_a_caller_may_hang_up_mid_word(parrot, sound, tmp_path):
    summary, _ = await dial(parrot, [Line(audio=sound(5), hang_up=0.5)], tmp_path)
    assert summary.errors == []
    assert summary.reason == "the caller hung up"
    assert summary.seconds < 6
    await asyncio.wait_for(parrot.ended.wait(), 5)


async def test_a_cancelled_call_hangs_up_and_still_sums_up(parrot, sound, tmp_path):
    calling = asyncio.create_task(dial(parrot, [Line(audio=sound(6))], tmp_path))
    await asyncio.sleep(3)
    calling.cancel()
    summary, shown = await asyncio.wait_for(calling, 8)
    assert summary.reason == "the caller hung up"
    assert summary.disclosed_first and "Disclosed first" in shown
    assert soundfile.info(summary.recording).duration > 1


async def test_a_bot_that_hangs_up_ends_the_call(parrot, sound, tmp_path):
    reason = "the caller was put through"
    summary, _ = await dial(parrot, [Line(wait=60)], tmp_path, body={"hangs_up": reason})
    assert summary.reason == reason
    assert summary.errors == []


async def test_a_bot_that_greets_before_it_discloses_is_found_out(parrot, sound, tmp_path):
    summary, shown = await dial(parrot, [Line(audio=sound())], tmp_path, body={"undisclosed": True})
    assert not summary.disclosed_first
    assert "NO" in shown


async def test_a_document_is_handed_over(parrot, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear colleague")
    lines = [Line(type="please read it")]
    summary, _ = await dial(parrot, lines, tmp_path, documents=[tmp_path / "letter.txt"])
    assert parrot.uploads == [b"Dear colleague"]
    assert summary.errors == []


async def test_json_is_the_last_line_and_the_call_goes_to_standard_error(parrot, tmp_path, capsys):
    summary, shown = await dial(parrot, [Line(type="hello")], tmp_path, as_json=True)
    assert json.loads(shown)["turns"] == summary.turns == 1
    assert DISCLOSURE in capsys.readouterr().err


async def test_what_the_model_received_is_searched_for_identifiers(parrot, tmp_path):
    script = {"lines": [Line(type="hello")], "identifiers": ["Jordan Miller", "555-0123"]}
    summary = await call(
        url=parrot.url,
        bot="parrot",
        script=script,
        journal_url=parrot.url,
        recording=tmp_path / "call.wav",
        out=io.StringIO(),
    )
    assert summary.phi_in_model_requests == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"bot": "owl"}, "There is no bot 'owl'. Try parrot."),
        ({"url": "http://127.0.0.1:9"}, "No bot answers at http://127.0.0.1:9"),
    ],
)
async def test_a_call_that_cannot_be_placed_says_why(parrot, tmp_path, options, complaint):
    out = io.StringIO()
    options = {"url": parrot.url, "bot": "parrot", **options}
    summary = await call(
        **options, script=[Line(type="hello")], out=out, recording=tmp_path / "call.wav"
    )
    assert len(summary.errors) == 1 and complaint in summary.errors[0]
    assert "\n" not in summary.errors[0]
    assert complaint.split()[-1] in out.getvalue().replace("\n", " ")


async def test_an_unreadable_file_is_refused_before_dialling(parrot, tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        await call(url=parrot.url, bot="parrot", caller=str(tmp_path / "no.wav"))
    assert parrot.bodies == []


async def test_a_sound_file_is_played_as_the_caller(parrot, sound, tmp_path):
    summary, _ = await dial(parrot, [], tmp_path, caller=sound(1.5))
    assert (summary.turns, len(summary.voice_to_voice_ms), summary.errors) == (1, 1, [])


async def test_several_callers_share_a_process(parrot, sound):
    told: list[list[dict]] = [[], []]
    callers = [
        Caller(parrot.url, body={"bot": "parrot"}, tell=events.append, seed=i)
        for i, events in enumerate(told)
    ]
    began = time.monotonic()
    await asyncio.gather(*(caller.call([Line(audio=sound())]) for caller in callers))
    assert time.monotonic() - began < 20
    for events in told:
        assert events[-1]["type"] == "ended"
        assert [e["turn"] for e in events if e["type"] == "answered"] == [1]
