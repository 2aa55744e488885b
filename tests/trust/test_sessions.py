"""The gate in whole sessions: a model that obeys, a caller who is asked, the marks in between."""

from datetime import UTC, datetime

import pytest

from qa.virtual import run
from tests.trust.attacks import attacks
from tests.trust.benign import TASKS
from tests.trust.stage import attacked, served

MONDAY = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()) * 10**9


def virtually(scenario):
    return run(lambda _loop: scenario(), wall_start_ns=MONDAY, limit_secs=3600)


@pytest.mark.parametrize("n", [0, 27, 41, 70, 95, 115])
def test_a_model_that_obeys_the_text_gets_nothing_done(n):
    ran, stage = virtually(lambda: attacked(attacks()[n]))
    assert ran == [] and stage.calls > 2


def test_the_house_asks_by_itself_and_a_yes_opens_the_call():
    done, questions = virtually(lambda: served(TASKS[0]))
    assert done and questions == 1


def test_what_the_caller_says_whole_is_done_without_a_question():
    done, questions = virtually(lambda: served(TASKS[2]))
    assert done and questions == 0


def test_a_documents_text_reaches_the_model_between_marks():
    _, stage = virtually(lambda: attacked(attacks()[28]))
    shown = " ".join(stage.shown)
    assert stage.channel == "document" and shown.count("</untrusted>") == 1
