"""Pipecat's eval harness connects to ``/ws`` as it does to Pipecat's own runner."""

import pytest
from pipecat.evals.scenario import EvalScenarioFile
from pipecat.evals.session import EvalSession

from serving.server import listening

SCENARIO = """
name: echo
scenarios:
  - name: greeting
    turns:
      - user: good morning
        expect:
          - event: llm_response
            text_contains: good morning
            within_ms: 15000
"""


@pytest.mark.slow
async def test_an_eval_scenario_passes_against_our_server(make_app, tmp_path):
    path = tmp_path / "echo.yaml"
    path.write_text(SCENARIO)
    (scenario,) = EvalScenarioFile.load(path)
    async with listening(make_app()) as (url, _):
        harness_url = url.replace("http://127.0.0.1", "ws://localhost") + "/ws"
        result = await EvalSession.from_scenario(scenario, bot_url=harness_url).run()
    assert result.passed, result
