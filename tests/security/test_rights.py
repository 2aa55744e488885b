"""In a room, the caller drives the bot; others do not, unless the bot lets them."""

import pytest
from pipecat.frames.frames import InputTransportMessageFrame
from pipecat.processors.frameworks.rtvi import RTVIProcessor
from pipecat.transports.daily.transport import DailyInputTransportMessageFrame

from sessions.rights import Rights

DRIVING = ["send-text", "send-file", "disconnect-bot", "client-message", "dtmf"]
DRIVING += ["llm-function-call-result", "raw-audio", "append-to-context", "ui-event", "new-type"]


def message(type):
    return {"label": "rtvi-ai", "type": type, "id": "1", "data": {}}


@pytest.mark.parametrize("type", DRIVING)
def test_only_the_caller_drives(type):
    rights = Rights()
    rights.came("a", user="caller-1")
    rights.came("b", user="nurse")
    assert rights.may("a", message(type))
    assert not rights.may("b", message(type))
    assert not rights.may("never seen", message(type))
    assert rights.may("b", message("client-ready"))


def test_a_caller_who_comes_back_is_still_the_caller():
    rights = Rights()
    rights.came("a", user="caller-1")
    rights.came("b", user="nurse")
    rights.came("a2", user="caller-1")
    assert rights.may("a2", message("send-text"))


def test_a_message_that_is_quicker_than_the_news_of_who_came_is_the_same_users():
    rights = Rights()
    assert rights.may("a", message("send-text"))
    rights.came("a", user="caller-1")
    assert rights.may("a", message("send-text"))
    assert not rights.may("b", message("send-text"))


def test_a_bot_may_let_everybody_type():
    rights = Rights()
    rights.allow("send-text")
    rights.came("a", user="caller-1")
    assert rights.may("b", message("send-text")) and not rights.may("b", message("disconnect-bot"))


def test_on_a_line_with_one_end_who_is_there_is_the_caller():
    assert Rights().may(None, message("disconnect-bot"))


async def test_what_is_refused_reaches_neither_the_messenger_nor_whoever_reads_after_it():
    rights, rtvi, read = Rights(), RTVIProcessor(), []
    rights.came("a", user="caller-1")
    rights.guard(rtvi)

    @rtvi.event_handler("on_before_process_frame")
    async def on_before_process_frame(_rtvi, frame):
        read.append(frame.message)

    for sender in ("a", "b"):
        frame = DailyInputTransportMessageFrame(message("send-text"), participant_id=sender)
        await rtvi._call_event_handler("on_before_process_frame", frame)
    plain = InputTransportMessageFrame(message("send-text"))
    await rtvi._call_event_handler("on_before_process_frame", plain)
    assert read == [message("send-text"), {}, message("send-text")]
