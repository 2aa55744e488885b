"""The small parts: stamps, budget, pictures, the pool."""

import os
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from sessions.vision.budget import Budget
from sessions.vision.develop import develop
from sessions.vision.picture import gray_of_jpeg, jpeg_of, resized
from sessions.vision.pool import VisionPool
from sessions.vision.stamps import Stamps

MS = 1_000_000


def test_a_burst_after_a_stall_is_as_old_as_it_is():
    stamps = Stamps()
    for n in range(30):
        assert stamps.of(50 * MS + n * 33 * MS, n * 33 * MS) == 50 * MS + n * 33 * MS
    for n in range(30, 60):  # all of it arrives at once
        arrived = 3000 * MS
        assert abs(stamps.of(arrived, n * 33 * MS) - (50 * MS + n * 33 * MS)) < MS


def test_a_slow_clock_of_the_sender_makes_nothing_old():
    stamps = Stamps()
    for n in range(0, 600_000, 100):
        arrived = n * MS
        assert arrived - stamps.of(arrived, int(n * MS * 0.9997)) < 5 * MS


def test_a_clock_that_was_set_anew_is_believed_after_a_while():
    stamps = Stamps()
    stamps.of(0, 0)
    late = [n * 100 - stamps.of(n * 100 * MS, (n * 100 - 60_000) * MS) // MS for n in range(1, 80)]
    assert late[0] > 50_000
    assert late[-1] == 0


def test_a_call_that_begins_with_a_burst_learns_how_old_its_first_frame_was():
    stamps = Stamps()
    believed = stamps.of(8000 * MS, 0)
    for n in range(1, 240):
        stamps.of(8000 * MS, n * 33 * MS)
    assert believed - stamps.mended_ns == pytest.approx(8000 * MS - 239 * 33 * MS, abs=MS)


def test_frames_without_a_time_are_stamped_as_they_come():
    assert Stamps().of(7, None) == 7


@pytest.mark.parametrize("greed_per_s", [1, 5, 30])
def test_no_minute_has_more_pictures_than_the_budget(greed_per_s):
    budget = Budget(per_minute=60)
    taken = [at for n in range(300 * greed_per_s) if budget.take(at := n * 10**9 // greed_per_s)]
    for start in taken:
        assert sum(start <= at < start + 60 * 10**9 for at in taken) <= 60


def test_what_tells_news_has_pictures_left_when_routine_has_none():
    budget = Budget(per_minute=60)
    while budget.take(0, routine=True):
        pass
    assert budget.take(0)


def test_money_ends_the_pictures():
    budget = Budget(dollars=0.01, picture_dollars=0.004)
    assert budget.affordable == 2
    budget.shown()
    budget.shown()
    assert budget.affordable == 0
    assert not budget.take(0)


def test_a_budget_that_can_show_nothing_is_refused_with_its_cure():
    with pytest.raises(ValueError, match="at least 5"):
        Budget(per_minute=1)


def test_a_picture_is_made_smaller_and_keeps_its_shape():
    rgb = np.zeros((720, 1280, 3), np.uint8)
    assert resized(rgb, 1024).shape == (576, 1024, 3)
    assert resized(rgb, 2000) is rgb


def test_a_developed_picture_has_the_likeness_of_its_jpeg():
    rgb = np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8)
    picture = develop(rgb.tobytes(), (160, 90), 1024, 75)
    assert picture.size == (160, 90)
    assert not picture.cleared
    assert (picture.gray == gray_of_jpeg(picture.jpeg)).all()


async def test_work_is_done_in_another_process_and_a_dead_one_is_replaced():
    pool = VisionPool(1)
    try:
        first = await pool.run(os.getpid)
        assert first != os.getpid()
        with pytest.raises(BrokenProcessPool):
            await pool.run(os._exit, 1)
        rgb = np.zeros((36, 64, 3), np.uint8)
        assert (await pool.run(jpeg_of, rgb, 75))[:2] == b"\xff\xd8"
        assert await pool.run(os.getpid) != first
    finally:
        pool.stop()
