"""The small parts under the ears: kept audio, and waits between attempts."""

import random

import pytest

from services.backoff import Backoff
from services.kept_audio import KeptAudio


@pytest.fixture
def kept():
    """Ten bytes a second, at most ten seconds of it."""
    return KeptAudio(10, longest_secs=10)


def send(kept: KeptAudio) -> bytes:
    due = kept.due()
    kept.sent(len(due))
    return due


def test_audio_goes_out_once_on_a_line_that_holds(kept):
    kept.add(b"aa")
    assert send(kept) == b"aa"
    kept.add(b"bb")
    assert send(kept) == b"bb"
    assert send(kept) == b""


def test_a_new_line_gets_what_no_transcript_covers(kept):
    kept.add(b"aaaaaaaaaa" + b"bbbbbbbbbb" + b"cccc")
    send(kept)
    kept.settle(1.0)
    kept.rewind()
    assert send(kept) == b"bbbbbbbbbbcccc"
    kept.settle(1.0)  # the new line counts from its own first byte
    kept.rewind()
    assert send(kept) == b"cccc"


def test_a_transcript_cannot_cover_what_was_never_sent(kept):
    kept.add(b"aaaa")
    send(kept)
    kept.add(b"bbbb")
    kept.settle(9.0)
    assert kept.due() == b"bbbb"


def test_a_pause_keeps_only_the_onset_and_a_long_speech_only_its_end(kept):
    kept.add(b"a" * 40 + b"b" * 20)
    kept.shorten(2.0)
    assert kept.due() == b"b" * 20
    kept.add(b"c" * 200)
    assert kept.due() == b"c" * 100


def test_settling_stays_right_after_shortening(kept):
    kept.add(b"a" * 40)
    send(kept)
    kept.shorten(2.0)  # the stream's seconds 2 to 4 are left
    kept.settle(3.0)
    kept.rewind()
    assert send(kept) == b"a" * 10


def test_a_sample_is_never_cut_in_two(kept):
    kept.add(b"0123456789")
    send(kept)
    kept.settle(0.33)
    kept.rewind()
    assert kept.due() == b"23456789"


def test_waits_double_up_to_a_bound_and_end():
    backoff = Backoff(random.Random(7), most=8)
    waits = []
    while not backoff.exhausted:
        waits.append(backoff.next_secs())
    expected = [0.25, 0.5, 1, 2, 4, 8, 8, 8]
    assert all(0.8 * e <= w <= 1.2 * e for e, w in zip(expected, waits, strict=True))
    backoff.reset()
    assert not backoff.exhausted


def test_the_same_seed_waits_the_same():
    draws = [[Backoff(random.Random(s)).next_secs() for _ in range(1)] for s in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
