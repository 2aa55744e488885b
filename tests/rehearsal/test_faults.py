"""Each fault, as the real clients meet it."""

import asyncio

import anthropic
import pytest
from pipecat.frames.frames import ErrorFrame, TranscriptionFrame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.services.cartesia.tts import CartesiaTTSService

from services.rehearsal.faults import Fault
from tests.rehearsal.stage import running, stage, utter

KEY = "rehearsal.consultation.s1"
HELLO = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]}


async def streamed(stage, fault: str | None, *, patience: float = 5.0) -> str:
    """Ask once with the fault in place; returns the words that came."""
    if fault:
        stage.house.faults.append(Fault("anthropic", fault))
    client, words = stage.client(KEY, max_retries=0), []
    async with asyncio.timeout(patience):
        async with client.messages.stream(**HELLO) as stream:
            async for text in stream.text_stream:
                words.append(text)
    return "".join(words)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status:429", anthropic.RateLimitError),
        ("status:529", anthropic.APIStatusError),
        ("status:500", anthropic.InternalServerError),
        ("drop_after:5", Exception),
        ("garbage_after:5", ValueError),
        ("error:overloaded_error", anthropic.APIStatusError),
        ("stall:9", TimeoutError),
    ],
)
async def test_anthropic_fails_as_told_and_once(fault, error):
    async with stage() as s:
        with pytest.raises(error):
            await streamed(s, fault, patience=0.5)
        assert "Hello" in await streamed(s, None)
        assert [entry["do"] for entry in s.journal("s1", "fault")] == [fault]


@pytest.mark.parametrize("fault", ["slow:0.05", "unknown_after:4"])
async def test_anthropic_survives_what_it_should(fault):
    async with stage() as s:
        assert "Hello" in await streamed(s, fault)


async def test_a_stream_closed_early_ends_in_mid_sentence():
    async with stage() as s:
        early, whole = await streamed(s, "close_after:5"), await streamed(s, None)
        assert early and early != whole and whole.startswith(early)


@pytest.mark.slow
async def test_the_client_retries_a_429_and_never_notices():
    async with stage() as s:
        s.house.faults.append(Fault("anthropic", "status:429"))
        message = await s.client(KEY, max_retries=1).messages.create(**HELLO)
        assert message.model == "rehearsal"
        assert [entry["retry"] for entry in s.journal("s1", "request")] == ["0", "1"]


async def test_a_fault_of_one_session_leaves_the_others_alone():
    async with stage() as s:
        s.house.visit_of("s2").faults = [Fault("anthropic", "status:529", times=99)]
        assert "Hello" in await streamed(s, None)
        with pytest.raises(anthropic.APIStatusError):
            client = s.client("rehearsal.consultation.s2", max_retries=0)
            await client.messages.create(**HELLO)


async def test_a_script_may_ask_for_a_failure(tmp_path):
    (tmp_path / "x.rehearsal.yaml").write_text("rules: [{hear: hello, fail: overloaded_error}]")
    async with stage(tmp_path) as s:
        with pytest.raises(anthropic.APIStatusError, match="script"):
            await s.client("rehearsal.x.s1", max_retries=0).messages.create(**HELLO)


@pytest.mark.parametrize(
    "fault", ["status:429", pytest.param("status:500", marks=pytest.mark.slow)]
)
async def test_deepgram_refuses_the_handshake(fault):
    async with stage(engines=False) as s:
        s.house.faults.append(Fault("deepgram", fault))
        async with running(s.deepgram(KEY), uphill=True) as (_, sink):
            assert fault.split(":")[1] in (await sink.until(lambda k: k.of(ErrorFrame)))[0].error


async def test_an_unknown_deepgram_message_is_tolerated():
    async with stage(engines=False) as s:
        s.house.faults.append(Fault("deepgram", "unknown_after:0"))
        async with running(s.deepgram(KEY)) as (worker, sink):
            assert (await utter(worker, sink, "x" * 30)).startswith("good morning")


@pytest.mark.parametrize(
    "fault",
    [
        "drop_after:0",
        pytest.param("garbage_after:0", marks=pytest.mark.slow),
        pytest.param("close_after:0", marks=pytest.mark.slow),
    ],
)
async def test_a_deepgram_connection_breaks_and_comes_back(fault):
    async with stage(engines=False) as s:
        s.house.faults.append(Fault("deepgram", fault))
        async with running(s.deepgram(KEY)) as (worker, sink):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.4):
                    await utter(worker, sink, "x" * 30)
            assert not sink.of(TranscriptionFrame)
            assert s.journal("s1", "fault")


@pytest.mark.parametrize(
    "fault",
    [
        "drop_after:3",
        *(pytest.param(f, marks=pytest.mark.slow) for f in ("garbage_after:3", "close_after:3")),
    ],
)
async def test_cartesia_loses_the_rest_of_a_sentence(fault):
    async with stage(engines=False) as s:
        s.house.faults.append(Fault("cartesia", fault))
        tts = CartesiaTTSService(
            api_key=KEY,
            url=f"ws://{s.address}/tts/websocket",
            settings=CartesiaTTSService.Settings(voice="en-us"),
        )
        async with running(tts) as (worker, sink):
            await worker.queue_frame(TTSSpeakFrame("This sentence will be cut short, I fear."))
            await sink.until(lambda k: k.of(TTSAudioRawFrame))
            async with asyncio.timeout(5):
                while len(s.journal("s1", "connect")) < 2:
                    await asyncio.sleep(0.05)
            heard = sum(len(f.audio) for f in sink.of(TTSAudioRawFrame)) / 2 / 24000
            assert heard < 1.0


async def test_a_fault_injected_into_an_open_connection_hits_its_next_turn():
    async with stage(engines=False) as s:
        async with running(s.deepgram(KEY)) as (worker, sink):
            assert await utter(worker, sink, "x" * 30)
            s.house.visit_of("s1").faults = [Fault("deepgram", "drop_after:0")]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.4):
                    await utter(worker, sink, "x" * 30)
