"""What OpenTelemetry's real exporters tell a receiver of a call, by policy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.receivers import Receivers

ROOT = Path(__file__).parents[2]
SAID, ANSWERED = "where is my order", "It is in Paris"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """The receivers of a call, and its session's id, by kind."""
    kept: dict[str, tuple[Receivers, str]] = {}

    def call(kind: str) -> tuple[Receivers, str]:
        if kind not in kept:
            with Receivers() as receivers:
                env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receivers.otlp}
                env["VIVACE_TAPES"] = str(tmp_path_factory.mktemp(kind))
                run = subprocess.run(
                    [sys.executable, "-m", "tests.ledger.tracing", kind],
                    capture_output=True, text=True, cwd=ROOT, env=env, timeout=120,
                )  # fmt: skip
            assert run.returncode == 0, run.stderr[-2000:]
            kept[kind] = receivers, run.stdout.split()[-1]
        return kept[kind]

    return call


@pytest.mark.parametrize("kind", ["open", "content", "hipaa"])
def test_each_span_tells_its_session_and_the_models_their_provider_and_usage(traced, kind):
    receivers, session = traced(kind)
    assert {span["name"] for span in receivers.spans} >= {
        "conversation", "turn", "stt", "llm", "tts"
    }  # fmt: skip
    providers = {"llm": "anthropic", "stt": "deepgram", "tts": "cartesia"}
    for span in receivers.spans:
        about = span["attributes"]
        assert about["gen_ai.conversation.id"] == session, span["name"]
        if span["name"] in providers:
            assert about["gen_ai.provider.name"] == providers[span["name"]]
            assert about["gen_ai.request.model"] and about["gen_ai.operation.name"]
        if span["name"] == "llm":
            assert about["gen_ai.usage.input_tokens"] > 0
    assert receivers.metrics >= {"gen_ai.client.token.usage", "vivace.turn.latency"}


@pytest.mark.parametrize(("kind", "shown"), [("open", False), ("content", True), ("hipaa", False)])
def test_content_is_there_only_if_it_is_asked_for_and_the_policy_allows_it(traced, kind, shown):
    receivers, _ = traced(kind)
    everything = "\n".join(receivers.raw)
    assert (SAID in everything) == shown
    assert (ANSWERED in everything) == shown
