"""The real Pipecat services, each a whole turn against its double."""

import asyncio
import base64
import io
import json

import pytest
from anthropic import APIStatusError, AuthenticationError, BadRequestError
from PIL import Image
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService

from services.rehearsal.ears_sphinx import available
from services.rehearsal.espeak import engine
from services.rehearsal.script import load
from tests.rehearsal.stage import ask, running, stage, utter

needs_ears = pytest.mark.skipif(
    not available() or engine() is None, reason="the offline extra is not installed"
)
KEY = "rehearsal.consultation.s1"
LINES = [line.say for line in load("consultation").lines]


def cartesia(stage, key=KEY):
    return CartesiaTTSService(
        api_key=key,
        url=f"ws://{stage.address}/tts/websocket",
        settings=CartesiaTTSService.Settings(voice="a-voice"),
    )


def picture(color="#c82828"):
    file = io.BytesIO()
    Image.new("RGB", (640, 360), color).save(file, "JPEG")
    return base64.b64encode(file.getvalue()).decode()


@needs_ears
async def test_deepgram_hears_a_line_with_interims_and_real_confidences():
    async with stage() as s, running(s.deepgram(KEY)) as (worker, sink):
        assert await utter(worker, sink, LINES[3]) == LINES[3]
        final = sink.of(TranscriptionFrame)[0]
        words = final.result.channel.alternatives[0].words
        assert final.finalized and final.result.from_finalize
        assert all(0.5 < word.confidence <= 1.0 for word in words)
        assert len({word.confidence for word in words}) > 1
        starts = [word.start for word in words]
        assert starts == sorted(starts) and words[-1].end < 4.0
        assert any(f.text in LINES[3] for f in sink.of(InterimTranscriptionFrame))
        assert [entry["text"] for entry in s.journal("s1", "final")] == [LINES[3]]


@needs_ears
async def test_deepgram_stays_silent_on_speech_outside_the_phrases():
    async with stage() as s, running(s.deepgram(KEY)) as (worker, sink):
        said = "our customers complained about the new login screen last week"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await utter(worker, sink, said)
        assert [entry["text"] for entry in s.journal("s1", "final")] == [""]


@needs_ears
async def test_flux_takes_a_turn_with_an_eager_end():
    async with stage() as s:
        stt = DeepgramFluxSTTService(
            api_key=KEY, url=f"ws://{s.address}/v2/listen", enable_eager_end_of_turn=True
        )
        events = []
        for name in ("on_start_of_turn", "on_eager_end_of_turn", "on_end_of_turn"):
            stt.add_event_handler(name, lambda *_, name=name: events.append(name))
        async with running(stt) as (worker, sink):
            assert await utter(worker, sink, LINES[3]) == LINES[3]
            assert sink.of(TranscriptionFrame)[0].finalized
            await sink.until(lambda _: "on_end_of_turn" in events)
        assert events[0] == "on_start_of_turn" and "on_eager_end_of_turn" in events


async def test_scripted_ears_hear_the_lines_in_turn():
    async with stage(engines=False) as s, running(s.deepgram(KEY)) as (worker, sink):
        assert [await utter(worker, sink, "x" * 30) for _ in range(2)] == LINES[:2]


async def test_anthropic_greets_and_says_it_is_a_rehearsal():
    async with stage() as s, running(s.anthropic(KEY)) as (worker, sink):
        said = await ask(worker, sink, LLMContext([{"role": "developer", "content": "Greet."}]))
        assert "rehearsal" in said
        request = s.journal("s1", "request")[0]["body"]
        assert request["messages"] == [{"role": "user", "content": "Greet."}]


async def test_anthropic_calls_two_tools_in_one_reply():
    async with stage() as s:
        tools = [
            {"name": name, "input_schema": {"type": "object", "properties": {}}}
            for name in ("find_allergies", "add_note")
        ]
        stream = s.client(KEY).messages.stream(
            model="claude-sonnet-4-6",
            max_tokens=99,
            tools=tools,
            messages=[{"role": "user", "content": "i am allergic to [DRUG_1]"}],
        )
        async with stream as events:
            message = await events.get_final_message()
            headers = events.response.headers
        calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
        assert [name for name, _ in calls] == ["find_allergies", "add_note"]
        assert calls[1][1]["text"] == "Says they are allergic to [DRUG_1]."
        assert message.stop_reason == "tool_use" and message.model == "rehearsal"
        assert message.usage.output_tokens > 10 and headers["x-rehearsal"] == "scripted"


async def test_anthropic_runs_a_tool_and_answers_its_result():
    async with stage() as s:
        llm = s.anthropic(KEY)
        got = asyncio.Event()

        async def read_document(params):
            await params.result_callback({"found": True, "text": "Summary: all is well."})
            got.set()

        llm.register_function("read_document", read_document)
        schema = FunctionSchema("read_document", "Reads.", properties={}, required=[])
        context = LLMContext(
            [{"role": "user", "content": "what does the letter say"}],
            tools=ToolsSchema(standard_tools=[schema]),
        )
        async with running(llm) as (worker, sink):
            assert await ask(worker, sink, context) == "I am reading it now."
            async with asyncio.timeout(5):
                await got.wait()
            call = {"id": "t1", "type": "function"}
            call["function"] = {"name": "read_document", "arguments": "{}"}
            context.add_message({"role": "assistant", "tool_calls": [call]})
            result = json.dumps({"found": True, "text": "Summary: all is well."})
            context.add_message({"role": "tool", "tool_call_id": "t1", "content": result})
            assert await ask(worker, sink, context) == "I have your letter. In short: all is well."


async def test_anthropic_sees_the_pixels_and_the_journal_only_their_digest(tmp_path):
    script = "rules: [{hear: look, see: true, say: 'It is {image.color}.'}]"
    (tmp_path / "eyes.rehearsal.yaml").write_text(script)
    async with stage(tmp_path) as s, running(s.anthropic("rehearsal.eyes.s2")) as (worker, sink):
        url = {"url": "data:image/jpeg;base64," + picture("#2846c8")}
        content = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": url}]
        context = LLMContext([{"role": "user", "content": content}])
        assert await ask(worker, sink, context) == "It is blue."
        source = s.journal("s2", "request")[0]["body"]["messages"][0]["content"][0]["source"]
        assert set(source["data"]) == {"sha256", "bytes"}


async def test_anthropic_counts_tokens():
    async with stage() as s:
        text = [{"role": "user", "content": "word " * 100}]
        counted = await s.client(KEY).messages.count_tokens(model="m", messages=text)
        assert 80 < counted.input_tokens < 200


def use(id="t1"):
    return {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": id, "name": "a", "input": {}}],
    }


def result(id="t1"):
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "1"}]}


def hello(content="hello"):
    return {"role": "user", "content": content}


REF = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}
IMAGE = {"type": "base64", "media_type": "image/png", "data": picture()}


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ("at least one message", {"messages": []}),
        ('must use the "user" role', {"messages": [{"role": "assistant", "content": "hi"}]}),
        ("prefill", {"messages": [hello(), {"role": "assistant", "content": "hi"}]}),
        ("without `tool_result`", {"messages": [hello(), use(), hello()]}),
        ("unexpected `tool_use_id`", {"messages": [hello(), use(), result(), result()]}),
        ("non-whitespace", {"messages": [hello([{"type": "text", "text": " "}])]}),
        ("appears to be a image/jpeg", {"messages": [hello([{"type": "image", "source": IMAGE}])]}),
        ("unique", {"tools": [{"name": "a", "input_schema": {"type": "object"}}] * 2}),
        ("$defs/A", {"tools": [{"name": "a", "input_schema": REF}]}),
        ("pattern", {"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}),
    ],
)
async def test_anthropic_refuses_what_the_real_one_refuses(said, body):
    async with stage() as s:
        with pytest.raises(BadRequestError, match=said.replace("$", r"\$")):
            await s.client(KEY).messages.create(
                **{"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [hello()], **body}
            )


async def test_cartesia_speaks_with_word_times_and_one_stop():
    async with stage() as s, running(cartesia(s)) as (worker, sink):
        await worker.queue_frame(TTSSpeakFrame("Hello there, this is a rehearsal."))
        await sink.until(lambda k: k.of(TTSStoppedFrame))
        seconds = sum(len(f.audio) for f in sink.of(TTSAudioRawFrame)) / 2 / 24000
        assert 1.0 < seconds < 4.0
        words = " ".join(frame.text for frame in sink.of(TTSTextFrame))
        assert words == "Hello there, this is a rehearsal."
        assert s.journal("s1", "text")[0]["text"] == "Hello there, this is a rehearsal."


async def test_an_interruption_cancels_the_synthesis():
    async with stage(profile="bad-day") as s, running(cartesia(s)) as (worker, sink):
        await worker.queue_frame(TTSSpeakFrame("This goes on and on and on and on. " * 3))
        await sink.until(lambda k: k.of(TTSAudioRawFrame))
        await worker.queue_frame(InterruptionFrame())
        await sink.until(lambda k: s.journal("s1", "cancelled") or k.news.set())
        assert s.journal("s1", "cancel")[0]["live"]
        assert s.journal("s1", "cancelled")[0]["audio_s"] == 0.0


async def test_any_other_key_is_refused_on_every_wire():
    async with stage() as s:
        with pytest.raises(AuthenticationError):
            await s.client("sk-real", max_retries=0).messages.create(
                model="m", max_tokens=9, messages=[hello()]
            )
        services = [s.deepgram("dg-real"), cartesia(s, "rehearsal.no-session")]
        for service in services:
            async with running(service, uphill=True) as (_, sink):
                error = (await sink.until(lambda k: k.of(ErrorFrame)))[0].error
                assert "401" in error


async def test_a_broken_script_is_refused_with_its_cure(tmp_path):
    (tmp_path / "bad.rehearsal.yaml").write_text("rules: [}")
    async with stage(tmp_path) as s:
        with pytest.raises(APIStatusError, match="bad.rehearsal.yaml"):
            await s.client("rehearsal.bad.s1", max_retries=0).messages.create(
                model="m", max_tokens=9, messages=[hello()]
            )


async def test_two_sessions_do_not_leak_into_each_other():
    async with stage(engines=False) as s:
        keys = ["rehearsal.consultation.left", "rehearsal.consultation.right"]
        async with (
            running(s.deepgram(keys[0])) as left,
            running(s.deepgram(keys[1])) as right,
        ):
            assert await utter(*left, "x" * 30) == LINES[0]
            heard = await asyncio.gather(utter(*left, "x" * 30), utter(*right, "x" * 30))
        assert heard == [LINES[1], LINES[0]]
        for name in ("left", "right"):
            assert {entry["session"] for entry in s.journal(name)} == {name}


@needs_ears
async def test_a_word_said_in_one_session_is_unknown_to_another_bots_ears(tmp_path):
    for bot, phrase in (("a", "the red valve is leaking"), ("b", "good morning")):
        (tmp_path / f"{bot}.rehearsal.yaml").write_text(f"phrases: [{phrase}]")
    async with stage(tmp_path) as s:
        async with (
            running(s.deepgram("rehearsal.a.s1")) as one,
            running(s.deepgram("rehearsal.b.s2")) as other,
        ):
            heard = await asyncio.gather(
                utter(*one, "the red valve is leaking"), utter(*other, "good morning")
            )
    assert heard == ["the red valve is leaking", "good morning"]


async def test_deepgram_says_goodbye_with_metadata_and_times_out_in_silence(monkeypatch):
    import aiohttp

    from services.rehearsal import wire_deepgram

    monkeypatch.setattr(wire_deepgram, "TIMEOUT", 0.2)
    async with stage() as s, aiohttp.ClientSession() as http:
        url = f"ws://{s.address}/v1/listen?model=nova-3"
        headers = {"Authorization": f"Token {KEY}"}
        async with http.ws_connect(url, headers=headers) as socket:
            await socket.send_json({"type": "CloseStream"})
            assert (await socket.receive_json())["type"] == "Metadata"
        async with http.ws_connect(url, headers=headers) as socket:
            closed = await socket.receive()
            assert closed.data == 1011 and "NET-0001" in closed.extra


@pytest.mark.parametrize(
    ("query", "said"),
    [("", "model"), ("model=nova-3&keywords=x", "keyterm"),
     ("model=nova-3&utterance_end_ms=500", "1000"), ("model=nova-3&encoding=opus", "linear16")],
)  # fmt: skip
async def test_deepgram_refuses_what_the_real_one_refuses(query, said):
    import aiohttp

    async with stage() as s, aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Token {KEY}"}
        async with http.get(f"http://{s.address}/v1/listen?{query}", headers=headers) as response:
            assert response.status == 400 and said in response.headers["dg-error"]


async def test_utterance_end_follows_the_last_word():
    import aiohttp

    async with stage(engines=False) as s, aiohttp.ClientSession() as http:
        query = "model=nova-3&interim_results=true&utterance_end_ms=1000&vad_events=true"
        query += "&encoding=linear16&sample_rate=16000"
        headers = {"Authorization": f"Token {KEY}"}
        url = f"ws://{s.address}/v1/listen?{query}"
        async with http.ws_connect(url, headers=headers) as socket:
            loud = (b"\x00\x10\x00\xf0" * 8000)[:32000]
            await socket.send_bytes(loud + bytes(32000))
            kinds = []
            async with asyncio.timeout(5):
                while "Results" not in kinds or kinds[-1] == "Results":
                    message = await socket.receive_json()
                    kinds.append(message["type"])
                    if message.get("is_final"):
                        await socket.send_bytes(bytes(64000))
            assert kinds[0] == "SpeechStarted" and kinds[-1] == "UtteranceEnd"
