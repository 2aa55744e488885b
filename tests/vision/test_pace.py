"""When a look becomes a picture."""

import pytest

from sessions.vision.pace import Pace, Rates
from sessions.vision.picture import gray_of
from tests.support.scenes import scenes

FPS = 15
SCENES = scenes(seed=3, size=(320, 180), secs=30)


def pictures(scene, *, secs=30.0, rates=None, ask_at=(), talking=False) -> list[tuple[float, str]]:
    pace = Pace(rates)
    pace.talking = talking
    taken = []
    for n in range(int(secs * FPS)):
        t = n / FPS
        at_ns = int(t * 1e9)
        pace.asked = pace.asked or any(0 <= t - ask < 1 / FPS for ask in ask_at)
        if pace.due(at_ns) and (why := pace.look(gray_of(scene.frame(t)), at_ns)):
            pace.kept(at_ns, why)
            taken.append((t, why))
    return taken


@pytest.mark.parametrize("name", SCENES)
def test_every_planted_event_is_seen_within_half_a_second(name):
    taken = [t for t, _ in pictures(SCENES[name])]
    for at, _, _ in SCENES[name].events:
        assert any(0 <= t - at <= 0.5 for t in taken), (name, at, taken)


@pytest.mark.parametrize("name", ["static-desk", "night-camera", "flicker", "form"])
def test_nothing_is_taken_of_a_still_scene_but_one_picture_in_five_seconds(name):
    first = SCENES[name].events[0][0]
    taken = pictures(SCENES[name], secs=min(first, 30))
    assert len(taken) <= first / 5 + 1
    assert {why for _, why in taken} <= {"first", "still"}


def test_a_moving_scene_is_never_looked_away_from_and_costs_no_more_than_its_rate():
    taken = [t for t, _ in pictures(SCENES["hand-held-walk"])]
    assert max(b - a for a, b in zip(taken, taken[1:])) <= 0.5
    assert len(taken) <= 30 * 2.7 + 4


def test_what_is_asked_for_is_taken_at_once():
    taken = pictures(SCENES["static-desk"], secs=5, ask_at=[2.0])
    assert (2.0, "asked") in taken


def test_speech_alone_takes_no_picture_of_an_unchanged_scene():
    assert pictures(SCENES["static-desk"], secs=5, talking=True) == [(0.0, "first")]


def test_a_source_may_be_given_other_rates():
    taken = pictures(SCENES["hand-held-walk"], secs=10, rates=Rates(moving=1.0, most=1.0))
    assert len(taken) <= 12
