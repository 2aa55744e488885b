"""The last line before each sink, one by one."""

import io
import logging
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger
from pipecat.frames.frames import TTSTextFrame
from pipecat.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat.utils.text.base_text_aggregator import TextType
from pipecat.utils.text.simple_text_aggregator import SimpleTextAggregator

from sessions import HIPAA, Session
from sessions.callers import remember
from sessions.guards import MindGuard
from sessions.ledger import Ledger, nowhere
from sessions.mouth_guard import MouthGuard, WholeSurrogates
from sessions.phi import PHIFirewall
from sessions.policy import PolicyError
from sessions.sinks import protect
from tests.support.loopback import Line


@pytest.fixture
def phi():
    return PHIFirewall()


@pytest.fixture
def log():
    text = io.StringIO()
    number = logger.add(text, level="DEBUG", diagnose=True, backtrace=True)
    yield text
    logger.remove(number)


async def test_a_log_line_shows_no_value_of_a_vault_and_no_exceptions_text(phi, log):
    protect(phi)
    phi.redact("my name is rosalind okafor")
    logger.info("Calling Rosalind Okafor, then Okafor's sister")
    try:
        unknown = "Gwendolyn Haddad"
        raise ValueError(f"{unknown} is nobody's patient")
    except ValueError as error:
        logger.exception(f"It failed: {error}")
    shown = log.getvalue()
    assert "Calling [NAME_1], then [NAME_1]'s sister" in shown
    assert "It failed: <ValueError>" in shown and "test_sinks.py" in shown
    assert "okafor" not in shown.lower() and "haddad" not in shown.lower()


async def test_the_standard_librarys_log_is_scrubbed_too(phi, caplog):
    protect(phi)
    phi.redact("my name is rosalind okafor")
    logging.getLogger("vendor").warning("sent %s from +1 555 214 7098", "Rosalind Okafor")
    assert caplog.messages == ["sent [NAME_1] from [withheld]"]


async def test_what_client_libraries_print_of_the_wire_is_withheld(phi, caplog):
    protect(phi)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.client").debug("> TEXT %s", '{"transcript": "okafor four ze...')
    assert "[withheld]" in caplog.messages
    assert not any("okafor" in message for message in caplog.messages)


async def test_trace_is_refused_with_the_cure(phi):
    number = logger.add(io.StringIO(), level="TRACE")
    try:
        with pytest.raises(PolicyError, match="DEBUG"):
            protect(phi)
    finally:
        logger.remove(number)


async def test_a_policy_that_redacts_leaves_no_open_tape():
    with pytest.raises(PolicyError, match="sealed"):
        await Session.open(Line(session_id="open"), policy=replace(HIPAA, sealed=False))


async def test_a_session_that_does_not_redact_logs_as_ever(log):
    protect(None)
    try:
        raise ValueError("plainly said")
    except ValueError:
        logger.exception("It failed")
    assert "plainly said" in log.getvalue()


def test_who_calls_is_known_from_what_the_line_says(phi):
    noted = []
    details = {
        "dialin_settings": {"From": "+15552147098", "sip_headers": {"X-Caller-Name": "J. Haddad"}},
        "userName": "Rosalind Okafor",
        "user_id": "rosalind@example.com",
        "room_name": "quiet-otter",
        "bot": "consultation",
    }
    remember(details, phi=phi, ledger=Ledger(lambda name, **detail: noted.append(detail)))
    assert noted == [{"where": "line", "kinds": {"EMAIL": 1, "NAME": 2, "PHONE": 1}}]
    line = "Okafor (555) 214-7098 rosalind@example.com in quiet-otter"
    assert phi.scrub(line) == "[NAME_2] ([PHONE_1] [EMAIL_1] in quiet-otter"


async def test_what_a_voice_reports_word_by_word_is_told_as_it_was_written(phi):
    phi.vault.put("five five five two one", "PHONE")
    guard = MouthGuard(phi)
    spoken = await guard.restore("Take five. I call [PHONE_1] now.", "sentence")
    assert spoken == "Take five. I call five five five two one now."
    told = []
    for word, raw in [("five.", "five."), ("call", None), ("five", None), ("five", None),
                      ("one", None), ("now.", "now.")]:  # fmt: skip
        frame = TTSTextFrame(word, TextType.WORD)
        frame.raw_text = raw
        guard.report(frame)
        told.append(frame.text)
    assert told == ["five.", "call", "[PHONE_1]", "", "", "now."]


async def test_the_model_reads_the_newest_turn_as_a_whole(phi, monkeypatch):
    asked = []

    def second_pass(text):
        asked.append(text)
        return "it is [NAME_1]"

    monkeypatch.setattr(phi, "second_pass", second_pass)
    context = LLMContext(
        [
            {"role": "user", "content": "good morning"},
            {"role": "assistant", "content": "Good morning."},
            {"role": "user", "content": "it is rose"},
        ]
    )
    copy = MindGuard(phi, nowhere()).copy(context)
    assert asked == ["it is rose"]
    assert copy.messages[-1] == {"role": "user", "content": "it is [NAME_1]"}
    assert context.messages[-1] == {"role": "user", "content": "it is rose"}


async def test_a_vendors_own_message_and_a_speakers_name_are_redacted_too(phi):
    said = "my name is rosalind okafor"
    context = LLMContext(
        [
            LLMSpecificMessage("anthropic", {"role": "user", "content": said}),
            {"role": "user", "name": "Rosalind Okafor", "content": said},
        ]
    )
    copy = MindGuard(phi, nowhere()).copy(context)
    assert "okafor" not in str(copy.messages).lower()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
async def test_what_is_redacted_is_restored_for_the_ear_in_any_cut_of_a_stream(data):
    firewall = PHIFirewall(engine=ENGINE)
    said = data.draw(st.sampled_from(SAID))
    text = firewall.redact(said).text
    assert text != said
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)) | {0, len(text)})
    aggregator = WholeSurrogates(SimpleTextAggregator(aggregation_type=TextType.TOKEN))
    guard = MouthGuard(firewall)
    heard = ""
    for begin, end in zip(cuts, cuts[1:]):
        async for part in aggregator.aggregate(text[begin:end]):
            heard += await guard.restore(part.text, "token")
    if rest := await aggregator.flush():
        heard += await guard.restore(rest.text, "token")
    assert heard == said


ENGINE = PHIFirewall().engine
SAID = (
    "hello my name is rosalind okafor and i feel dizzy",
    "my phone number is five five five two one four seven zero nine eight thank you",
    "my email address is haddad at example dot com and i was born on march fifth nineteen fifty two",
)
