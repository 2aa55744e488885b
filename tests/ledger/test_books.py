"""What a call costs, what its tape says of it, and what is told of both."""

import asyncio
import json
import select
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pipecat.metrics.metrics import LLMTokenUsage, LLMUsageMetricsData, TTSUsageMetricsData

from qa.figures import figures_of
from qa.plan import plan_of, sentences_of
from qa.replay.player import replay
from qa.replay.tapes import open_tape
from qa.report import as_json, main, notes_of, tables_of
from qa.report_page import page_of
from sessions.cost import Cost
from sessions.metrics.blocked import LoopWatch
from sessions.metrics.words import confidences, errors_between, expected_errors
from sessions.prices import Prices
from sessions.slo import BY_KEY
from sessions.tape import read_tape
from sessions.tape.recorder import code_version
from tests.support import ledger_call
from tests.support.bill import bill_by_hand
from tests.support.virtual_call import calling, virtually

CLAUDE = "llm/anthropic/claude-sonnet-4-6"


def charged(cost: Cost, processor: str, **usage) -> float:
    before = cost.bill.total
    tokens = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, **usage}
    cost.charge(LLMUsageMetricsData(processor=processor, value=LLMTokenUsage(**tokens)))
    return cost.bill.total - before


@pytest.fixture
def cost():
    cost = Cost(prices=Prices.load())
    cost.castings |= {
        "mind": CLAUDE,
        "gpt": "llm/openai/gpt-5",
        "core": "speech/openai/gpt-realtime",
    }
    cost.castings["mouth"] = "tts/cartesia/voice"
    return cost


def test_tokens_are_charged_once_whether_or_not_the_prompt_counts_the_cached(cost):
    cached = {"prompt_tokens": 1000, "cache_read_input_tokens": 400}
    assert charged(cost, "mind", **cached) == pytest.approx((1000 * 3 + 400 * 0.3) / 1e6)
    assert charged(cost, "gpt", **cached) == pytest.approx((600 * 2 + 400 * 0.5) / 1e6)


def test_the_sound_of_a_realtime_core_is_charged_as_sound(cost):
    usage = {"prompt_tokens": 900, "input_audio_tokens": 800, "completion_tokens": 500}
    usd = charged(cost, "core", **usage, output_audio_tokens=450)
    assert usd == pytest.approx((100 * 4 + 800 * 32 + 50 * 16 + 450 * 64) / 1e6)


def test_pictures_take_their_share_of_the_tokens_and_no_more(cost):
    cost.picture()
    charged(cost, "mind", prompt_tokens=1786)
    assert cost.bill.usd["vision"] == pytest.approx(786 * 3e-6)
    assert cost.bill.usd["reasoning"] == pytest.approx(1000 * 3e-6)
    charged(cost, "mind", prompt_tokens=1000)
    assert cost.bill.usd["vision"] == pytest.approx(786 * 3e-6), "they went with one inference"


def test_what_has_no_price_is_told_and_costs_nothing(cost):
    assert charged(cost, "unheard of", prompt_tokens=9) == 0
    assert cost.bill.unpriced == {"unknown/unheard of"}


def test_near_its_budget_a_call_saves_once_and_says_so():
    saved, said = [], []
    cost = Cost(prices=Prices.load(), budget_usd=0.01, note=said.append)
    cost.castings |= {"mouth": "tts/cartesia/x", "a": CLAUDE, "b": "llm/anthropic/claude-haiku-4-5"}
    cost.savers.append(("fewer pictures are looked at", lambda: saved.append("eyes")))
    for _ in range(4):
        cost.charge(TTSUsageMetricsData(processor="mouth", value=100))
        cost._book()
    assert cost.bill.total == pytest.approx(400 * 37.375e-6)
    assert saved == ["eyes"]
    assert ["fewer pictures" in text for text in said] == [True, False]
    assert "spent its budget" in said[1]
    assert cost.is_cheaper("b", than="a") and not cost.is_cheaper("a", than="b")


def test_a_price_table_of_ones_own_replaces_the_house_s(tmp_path, monkeypatch):
    own = tmp_path / "prices.yaml"
    own.write_text("as_of: 2027-01-01\nimage_tokens: 1\nprices: [{cast: '*', per_minute: 60}]")
    monkeypatch.setenv("VIVACE_PRICES", str(own))
    assert Prices.load().of("stt/any") == {"per_minute": 60}
    own.write_text("as_of: 2027-01-01\nimage_tokens: 1\nprices: [{cast: '*', per_mile: 1}]")
    with pytest.raises(ValueError, match="per_mile.*is no unit"):
        Prices.load(own)


@pytest.fixture(scope="module")
def taped(tmp_path_factory):
    """The tape of a call with a tool and eyes, and what its client was told."""
    folder, told = tmp_path_factory.mktemp("tapes"), {}
    code_version()  # asks git, which the virtual house does not know

    async def scenario():
        building = calling(
            ledger_call.bot(),
            script=ledger_call.SCRIPT,
            profile="typical",
            body={"consent": {"recording": True}},
        )
        async with building as call:
            filming = asyncio.create_task(ledger_call.film(call))
            await ledger_call.converse(call, ["thank you", "good morning"], over="thank you")
            filming.cancel()
        told["turns"] = call.session.waterfall.turns
        told["figures"] = call.session.meter.figures
        told["cost"] = call.line.server("cost")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIVACE_TAPES", str(folder))
        virtually(scenario)
    (path,) = folder.glob("*.mcap")
    return SimpleNamespace(path=path, **told)


def test_a_tape_tells_what_its_session_measured_and_told_its_client(taped):
    call = figures_of(read_tape(taped.path))
    assert call.whole and call.rehearsed
    assert call.turns == taped.turns
    assert call.figures == taped.figures
    assert call.figures.barge_ins == 1 and call.figures.vision_encode_ms
    assert call.total_usd >= taped.cost[-1]["usd"] > 0
    assert set(taped.cost[-1]["layers"]) == set(call.usd)


def test_the_bill_of_a_tape_is_the_one_made_by_hand_from_the_wire(taped):
    call = figures_of(read_tape(taped.path))
    again = figures_of(read_tape(taped.path), Prices.load())
    by_hand = bill_by_hand(read_tape(taped.path), mind=CLAUDE)
    assert call.total_usd == pytest.approx(by_hand, rel=0.01)
    assert again.total_usd == pytest.approx(call.total_usd, rel=0.001)
    assert sum(call.turn_usd) == pytest.approx(by_hand, rel=0.01)


@pytest.mark.slow
def test_a_replay_owns_each_millisecond_of_each_turn_as_the_call_did():
    tape = open_tape(Path(__file__).parents[1] / "cassettes/tool-calls.mcap.sealed")
    called, replayed = figures_of(tape), figures_of(replay(tape).tape)
    assert called.turns == replayed.turns and len(called.turns) >= 2
    assert called.figures.values() == replayed.figures.values()
    assert replayed.figures.wer_from == "confidence"


def test_the_report_is_one_page_that_asks_nothing_of_anybody(taped, tmp_path, capsys):
    calls = [figures_of(read_tape(taped.path))]
    page = page_of(calls, notes_of(calls))
    assert "<svg" in page and "2.5 s: here a conversation breaks" in page
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    for objective in BY_KEY.values():
        assert objective.name in page
    assert "good morning" not in page.lower()
    assert tables_of(calls, width=80).renderables
    args = Namespace(tapes=[taped.path], page=tmp_path / "r.html", json=True, live=None)
    assert main(args) == 1, "one answer of three was interrupted"
    assert json.loads(capsys.readouterr().out)["broken"] == ["barge_in_rate"]
    assert as_json(calls)["calls"][0]["turns"][0]["total_ms"] == taped.turns[0].total_ms


def test_a_plan_is_predicted_from_tapes_and_wants_some(taped):
    plan = plan_of("little", [figures_of(read_tape(taped.path))])
    assert plan.turns == len(taped.turns) and plan.rehearsed == 1 and not plan.breaks
    assert 0.001 < sum(plan.usd_a_minute.values()) < 1
    told = "\n".join(sentences_of(plan))
    assert "within the 2.5 s" in told and "latencies are a script's" in told
    with pytest.raises(ValueError, match="runner.py call little"):
        plan_of("little", [])


def test_word_errors_follow_confidence_and_are_counted_where_a_second_ear_listens():
    assert expected_errors([]) == 0
    assert expected_errors([1.0]) < 0.05 < 0.4 < expected_errors([0.1])
    assert expected_errors([0.99, 0.2]) == pytest.approx(
        expected_errors([0.99]) + expected_errors([0.2])
    )
    deepgram = {"channel": {"alternatives": [{"words": [{"confidence": 0.5}, {"word": "x"}]}]}}
    assert confidences(deepgram) == [0.5]
    assert confidences({"words": [{"confidence": 0.25}]}) == [0.25]
    assert confidences(None) == []
    assert errors_between("Where is my odor?", "where is my order") == (1, 4)
    assert errors_between("", "two words") == (2, 2)


async def test_a_blocked_loop_is_reported_with_file_and_line():
    reports = []
    watch = LoopWatch(limit_secs=0.2, on_blocked=reports.append)
    watch.start()
    await asyncio.sleep(0.1)
    select.select([], [], [], 0.6)
    for _ in range(40):
        if reports:
            break
        await asyncio.sleep(0.05)
    watch.stop()
    assert reports[0].secs > 0.3
    assert "test_books.py:" in reports[0].inner


def test_rules_tests_and_dashboard_are_those_of_the_table():
    from sessions.metrics.rules import ROOT, rules, written

    for path, text in written().items():
        assert path.read_text() == text, "run: python -m sessions.metrics.rules"
    for rule in rules()["groups"][0]["rules"]:
        page = ROOT / rule["annotations"]["runbook"]
        assert page.read_text().startswith(f"# {rule['alert']}\n")


def test_the_rules_fire_and_are_silent_as_promtool_has_it():
    from shutil import which

    from sessions.metrics.rules import TESTS

    if not which("promtool"):
        pytest.skip("promtool is not installed: apt-get install prometheus")
    run = subprocess.run(["promtool", "test", "rules", str(TESTS)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_traces_and_metrics_leave_without_what_was_said(tmp_path):
    # In a process of its own: OpenTelemetry's providers are a process's for good.
    run = subprocess.run(
        [sys.executable, "-c", TRACED],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 0, run.stderr[-2000:]
    seen = json.loads(run.stdout.splitlines()[-1])
    assert seen["span"] == {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 7}
    assert "gen_ai.client.token.usage" in seen["metrics"]
    assert "vivace.turn.latency" in seen["metrics"]


TRACED = """
import json
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
import io
from sessions.metrics.otel import init_otel
spans, out = InMemorySpanExporter(), io.StringIO()
assert init_otel(spans=spans, metrics=ConsoleMetricExporter(out=out))
from sessions.clock import Clock
from sessions.metrics import Meter
from sessions.waterfall import Turn
from pipecat.metrics.metrics import LLMTokenUsage, LLMUsageMetricsData
with trace.get_tracer("t").start_as_current_span("llm") as span:
    span.set_attribute("input", "the caller's words")
    span.set_attribute("gen_ai.request.model", "m")
    span.set_attribute("gen_ai.usage.input_tokens", 7)
meter = Meter("b", clock=Clock())
meter.turn(Turn(1, model_ms=500, total_ms=500))
usage = LLMTokenUsage(prompt_tokens=7, completion_tokens=3, total_tokens=10)
meter._metric(LLMUsageMetricsData(processor="mind", model="m", value=usage))
trace.get_tracer_provider().force_flush()
metrics.get_meter_provider().force_flush()
print(json.dumps({"span": dict(spans.get_finished_spans()[0].attributes), "metrics": out.getvalue()}))
"""
