"""What turn-taking is told of words that may not leave the ears."""

from dataclasses import replace

import pytest
from pipecat.frames.frames import Frame, InterimTranscriptionFrame

from sessions import OPEN
from sessions.ears_guard import EarsGuard
from sessions.turns.gist import GistFrame, gist
from tests.support.turn_rig import Ears


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Oh, okay.", "oh okay"),
        ("I", "i"),
        ("yeah but my name is Rose Miller", "yeah [more]"),
        ("four one one", "[more]"),
    ],
)
def test_the_gist_of_words_is_a_listeners_and_that_there_are_more(words, told):
    known = gist(words)
    assert known and known.text == told


def test_nothing_said_has_no_gist():
    assert gist(" ...") is None


async def test_where_interims_are_withheld_their_gist_leaves_the_ears_and_nothing_else():
    ears, pushed = Ears(0), []

    async def push(frame: Frame, direction):
        pushed.append(frame)

    ears.push_frame = push
    EarsGuard(ears, phi=None, policy=replace(OPEN, interims=False))
    await ears.push_frame(InterimTranscriptionFrame("right, I am Rose", "caller", ""))
    await ears.push_frame(InterimTranscriptionFrame("", "caller", ""))
    assert [(type(frame), frame.text) for frame in pushed] == [(GistFrame, "right [more]")]
