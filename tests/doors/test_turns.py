"""A whole turn through every door, on Pipecat's own transports."""

import pytest

from tests.doors.dialing import DOORS, dialed, doors
from tests.doubles.heard import silence, tone


@pytest.mark.parametrize("door", doors(fast=DOORS[1:]))
async def test_a_tone_is_answered_and_a_hang_up_ends_the_session(door, monkeypatch, tmp_path):
    async with dialed(door, monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        await line.caller.say(tone(0.2) + silence(0.3))
        await line.caller.heard.sound(0.2)
        assert len(line.sessions) == 1
        await line.caller.hang_up()
        await line.over()
