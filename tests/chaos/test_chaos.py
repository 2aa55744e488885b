"""A small chaos suite; the whole one is ``tests.benchmarks.chaos``."""

import sys

import pytest

from tests.chaos.faults import clock_jump
from tests.chaos.kills import kills
from tests.chaos.network import network_faults
from tests.chaos.restarts import restarts
from tests.chaos.resumes import resumes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and killed"),
]


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    monkeypatch.delenv("VIVACE_START_KEY", raising=False)


async def test_kills_lose_no_acknowledged_write_and_repeat_no_effect(tmp_path):
    figures = await kills(f"sqlite:{tmp_path}/s.db", count=40, seed=3)
    assert figures["kills"] == 40 and figures["told"] > 100
    assert figures["lost_writes"] == figures["lost_effects"] == figures["double_effects"] == 0
    assert figures["asked_again"] > 0  # without which nothing was shown


async def test_the_sink_sees_double_effects_where_nothing_prevents_them(tmp_path):
    figures = await kills(f"sqlite:{tmp_path}/s.db", count=40, seed=3, plain=True)
    assert figures["double_effects"] > 0


async def test_rolling_restarts_drop_no_call():
    figures = await restarts(3)
    assert figures["restarts"] == 3 and figures["calls"] >= 4
    assert figures["faults"] == [] and figures["left_behind"] == 0


async def test_a_caller_whose_process_was_killed_is_back_in_the_conversation(tmp_path):
    pytest.importorskip("espeakng_loader")
    figures = await resumes(tmp_path, kills=2)
    assert figures["forgotten"] == 0


async def test_who_means_no_good_is_sent_away(tmp_path):
    for fault in await network_faults(tmp_path):
        assert fault.survived, fault


async def test_a_clock_that_jumps_costs_nothing(tmp_path):
    fault = await clock_jump(tmp_path)
    assert fault.survived, fault
