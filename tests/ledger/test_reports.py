"""What Sentry is told of an exception inside each of our processors, tools and observers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.receivers import Receivers

ROOT = Path(__file__).parents[2]
NAME, PHONE = "Zebulon Quist", "415-555-0134"
PROCESSORS = (
    "Addressed", "Agenda", "EventTrigger", "FrameSampler", "FrontDesk", "Heard", "Interpreter",
    "LanguageSwitch", "Moderation", "Opening", "OpeningEcho", "PHIRedactor", "ScreenReader",
    "Secretary", "Terms", "Tracks", "_Ears",
)  # fmt: skip
OBSERVERS = (
    "Cost", "Distress", "EndWatchdog", "Hold", "Keeper", "Meter", "PromptWatcher", "Recorder",
    "SecondRecogniser", "Silence", "Waterfall",
)  # fmt: skip
TOOLS = (
    "delegate", "forget_me", "look", "recall", "remember", "send_alert", "take_minutes",
    "transfer_to_person",
)  # fmt: skip
ELSEWHERE = {
    "MixingDailyInput",  # needs Daily's client
    *("_Input", "_Output"),  # a meeting's ends, which need its peers
    *("Watcher", "_ConcernedObserver"),  # look at nothing themselves
}
ONLY = {"PHIRedactor": "hipaa", "PromptWatcher": "hipaa"}
REFUSED = {"Tracks", "Agenda", "Moderation", "Addressed", "Secretary", "SecondRecogniser"}
"""Not under HIPAA: a meeting casts ears as it goes, a second vendor would hear the caller."""

pytestmark = pytest.mark.slow


class Told:
    """What was raised under a policy, and what of it arrived."""

    def __init__(self, out: dict, receivers: Receivers):
        self.out, self.raw = out, "\n".join(receivers.raw)
        events = {event["event_id"]: event for event in receivers.events}
        self.of = {one["name"]: (one["file"], events.get(one["event"])) for one in out["raised"]}


@pytest.fixture(scope="module", params=["open", "hipaa"])
def told(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    env = {
        **os.environ,
        "VIVACE_TAPES": str(folder),
        "VIVACE_STORE": f"sqlite:{folder}/s.db",
        "VIVACE_SECRET": "only for tests",
    }
    with Receivers() as receivers:
        # In a process of its own: Sentry's hooks are a process's for good.
        run = subprocess.run(
            [sys.executable, "-m", "tests.ledger.raising", request.param, receivers.dsn],
            capture_output=True, text=True, cwd=ROOT, env=env, timeout=120,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr[-2000:]
        yield request.param, Told(json.loads(run.stdout.splitlines()[-1]), receivers)


@pytest.mark.parametrize("name", [*PROCESSORS, *TOOLS, *OBSERVERS])
def test_an_exception_is_reported_with_its_place_and_without_content(told, name):
    policy, what = told
    if ONLY.get(name, policy) != policy or policy == "hipaa" and name in REFUSED:
        assert name not in what.of
        return
    file, event = what.of[name]
    assert event, "nothing arrived"
    error = event["exception"]["values"][-1]
    places = [frame["abs_path"] for frame in error["stacktrace"]["frames"]]
    assert error["type"] == "LookupError" and file in places, places
    assert event["tags"]["session"] == what.out["session"]
    sent = json.dumps(event)
    assert '"vars"' not in sent and PHONE not in sent
    if policy == "hipaa":
        assert NAME not in sent and error["value"] == "[withheld]"
    else:
        assert error["value"] == f"{NAME} cannot be reached at [withheld]"


def test_nothing_else_that_went_to_sentry_tells_of_the_caller(told):
    policy, what = told
    assert PHONE not in what.raw
    assert policy == "open" or NAME not in what.raw


def test_all_of_our_processors_and_observers_are_tried(told):
    _, what = told
    assert set(what.out["classes"]) - ELSEWHERE == {*PROCESSORS, *OBSERVERS}
    assert {one["name"] for one in what.out["raised"] if one["what"] == "tool"} <= {*TOOLS}
