"""The doubles of OpenAI's chat and ears, ElevenLabs and Gemini, each with Pipecat's own service."""

import asyncio
import json

import aiohttp
import numpy as np
import pytest
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import (
    ErrorFrame,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext

from services.addresses import Address
from services.rehearsal.ears_sphinx import available
from services.rehearsal.espeak import engine
from services.rehearsal.latency import Profile
from services.rehearsal.mouth import Speech, speak
from services.rehearsal.wire_elevenlabs import alignment
from tests.rehearsal.stage import ask, running, stage

pytest.importorskip("openai")
genai = pytest.importorskip("google.genai")

needs_ears = pytest.mark.skipif(
    not available() or engine() is None, reason="the offline extra is not installed"
)
KEY = "rehearsal.consultation.s1"
LETTER = {"found": True, "text": "Summary: all is well."}


def gpt(stage, key=KEY):
    from pipecat.services.openai.llm import OpenAILLMService

    return OpenAILLMService(
        api_key=key,
        base_url=f"http://{stage.address}/v1",
        settings=OpenAILLMService.Settings(model="gpt-4.1"),
    )


def gemini(stage, key=KEY):
    from pipecat.services.google.llm import GoogleLLMService

    return GoogleLLMService(
        api_key=key,
        http_options=genai.types.HttpOptions(base_url=f"http://{stage.address}"),
        settings=GoogleLLMService.Settings(model="gemini-2.5-flash"),
    )


def reads_letters():
    async def read_document(params):
        await params.result_callback(LETTER)

    return FunctionSchema("read_document", "Reads.", {}, [], read_document)


@pytest.mark.parametrize("mind", [gpt, gemini])
async def test_a_mind_streams_its_words_and_calls_tools(mind):
    async with stage(engines=False) as s:
        context = LLMContext(
            [{"role": "user", "content": "please read my letter"}], tools=[reads_letters()]
        )
        async with running(mind(s)) as (worker, sink):
            assert await ask(worker, sink, context) == "I am reading it now."
            result = (await sink.until(lambda k: k.of(FunctionCallResultFrame)))[0]
            assert result.result == LETTER
            call = {
                "id": result.tool_call_id,
                "type": "function",
                "function": {"name": "read_document", "arguments": "{}"},
            }
            context.add_message({"role": "assistant", "content": "", "tool_calls": [call]})
            context.add_message(
                {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(LETTER)}
            )
            said = await ask(worker, sink, context)
            assert said == "I have your letter. In short: all is well."
            assert not sink.of(ErrorFrame)
        assert [entry["calls"] != [] for entry in s.journal("s1", "answer")] == [True, False]


@pytest.mark.parametrize("mind", [gpt, gemini])
async def test_a_mind_sees_the_image_that_it_was_sent(mind, tmp_path):
    rule = 'rules: [{see: true, say: "I see {image.color}, {image.width} wide."}]\n'
    (tmp_path / "consultation.rehearsal.yaml").write_text(f"{rule}otherwise: I see nothing.\n")
    red = np.full((40, 60, 3), (220, 30, 30), np.uint8).tobytes()
    async with stage(tmp_path, engines=False) as s:
        context = LLMContext()
        message = await LLMContext.create_image_message(
            format="RGB", size=(60, 40), image=red, text="what is this"
        )
        context.add_message(message)
        async with running(mind(s)) as (worker, sink):
            assert await ask(worker, sink, context) == "I see red, 60 wide."
        assert "sha256" in json.dumps(s.journal("s1", "request"))


@pytest.mark.parametrize("mind", [gpt, gemini])
@pytest.mark.parametrize("fault", ["status:503", "error:overloaded", "drop_after:2"])
async def test_a_mind_meets_the_fault_that_was_injected(mind, fault):
    vendor = "openai" if mind is gpt else "google"
    async with stage(engines=False) as s:
        from services.rehearsal.faults import faults_from

        s.house.faults = faults_from([{"vendor": vendor, "do": fault, "times": 3}])
        context = LLMContext([{"role": "user", "content": "please read my letter"}])
        async with running(mind(s)) as (worker, sink):
            await worker.queue_frame(LLMContextFrame(context))
            await sink.until(lambda k: k.of(ErrorFrame) or s.journal("s1", "fault"))


async def test_requests_that_the_vendors_would_refuse_are_refused():
    async with stage(engines=False) as s, aiohttp.ClientSession() as client:
        chat = f"http://{s.address}/v1/chat/completions"
        orphan = {"role": "tool", "tool_call_id": "x", "content": "{}"}
        asked = {"model": "m", "messages": [orphan]}
        auth = {"Authorization": f"Bearer {KEY}"}
        async with client.post(chat, json=asked, headers=auth) as answer:
            assert answer.status == 400
            assert "preceding message" in (await answer.json())["error"]["message"]
        async with client.post(chat, json=asked, headers={"Authorization": "Bearer x"}) as answer:
            assert answer.status == 401
        flash = f"http://{s.address}/v1beta/models/gemini-2.5-flash:generateContent"
        async with client.post(flash, json={}, headers={"x-goog-api-key": KEY}) as answer:
            assert answer.status == 400
        turn = {"role": "user", "parts": [{"text": "please read my letter"}]}
        body = {"contents": [turn]}
        async with client.post(flash, json=body, headers={"x-goog-api-key": KEY}) as answer:
            parts = (await answer.json())["candidates"][0]["content"]["parts"]
            assert parts[0]["text"] == "I am reading it now."
        count = flash.replace("generateContent", "countTokens")
        async with client.post(count, json=body, headers={"x-goog-api-key": KEY}) as answer:
            assert (await answer.json())["totalTokens"] > 3


def whisper(stage, model="whisper-1"):
    from pipecat.services.openai.stt import OpenAISTTService

    return OpenAISTTService(
        api_key=KEY,
        base_url=f"http://{stage.address}/v1",
        settings=OpenAISTTService.Settings(model=model),
    )


async def speak_to(worker, pcm: bytes):
    await worker.queue_frame(VADUserStartedSpeakingFrame())
    for at in range(0, len(pcm), 640):
        await worker.queue_frame(
            InputAudioRawFrame(audio=pcm[at : at + 640], sample_rate=16000, num_channels=1)
        )
    await worker.queue_frame(VADUserStoppedSpeakingFrame())


@needs_ears
async def test_whisper_hears_a_whole_utterance():
    async with stage() as s, running(whisper(s)) as (worker, sink):
        await speak_to(worker, speak("please read my letter"))
        heard = await sink.until(lambda k: k.of(TranscriptionFrame))
        assert heard[0].text == "please read my letter"


async def test_whisper_without_an_engine_hears_the_script_line_by_line():
    async with stage(engines=False) as s, running(whisper(s)) as (worker, sink):
        for _ in range(2):
            before = len(sink.of(TranscriptionFrame))
            await speak_to(worker, np.full(16000, 3000, np.int16).tobytes())
            await sink.until(lambda k, before=before: len(k.of(TranscriptionFrame)) > before)
        texts = [frame.text for frame in sink.of(TranscriptionFrame)]
        assert texts[0].startswith("good morning") and texts[1].startswith("my name")


def eleven(stage, key=KEY):
    from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

    return ElevenLabsTTSService(
        api_key=key,
        url=f"ws://{stage.address}",
        settings=ElevenLabsTTSService.Settings(voice="21m00Tcm4TlvDq8ikWAM"),
    )


@pytest.mark.parametrize("engines", [False, pytest.param(True, marks=needs_ears)])
async def test_elevenlabs_speaks_with_every_word_in_its_time(engines):
    text = "Your order has shipped, and it will arrive on Friday."
    async with stage(engines=engines) as s, running(eleven(s)) as (worker, sink):
        await worker.queue_frame(TTSSpeakFrame(text))
        await sink.until(lambda k: k.of(TTSStoppedFrame))
        assert " ".join(frame.text for frame in sink.of(TTSTextFrame)) == text
        seconds = sum(f.num_frames / f.sample_rate for f in sink.of(TTSAudioRawFrame))
        assert seconds > 1.5
        assert s.journal("s1", "done")[0]["audio_s"] == pytest.approx(seconds, abs=0.3)


async def test_elevenlabs_closes_the_context_of_an_interrupted_sentence():
    slow = Profile(audio_speed=1.0)
    async with stage(engines=False) as s, running(eleven(s)) as (worker, sink):
        s.house.profile = slow
        await worker.queue_frame(TTSSpeakFrame("Your order has shipped, and it will arrive soon."))
        await sink.until(lambda k: k.of(TTSAudioRawFrame))
        await worker.queue_frame(InterruptionFrame())
        await sink.until(lambda _: s.journal("s1", "close"))
        assert s.journal("s1", "close")[0]["live"]


def test_the_characters_of_each_message_are_timed_from_its_first_sample():
    speech = Speech(bytes(2 * 16000), 16000, [("so", 0.0, 0.5), ("it", 0.5, 1.0)])
    first, second = alignment(speech, 0.0, 0.5), alignment(speech, 0.5, 0.5)
    assert first and second
    assert "".join(first["chars"]) + "".join(second["chars"]) == "so it "
    assert second["charStartTimesMs"][0] == 0
    for part in (first, second):
        assert part["charStartTimesMs"][-1] + part["charDurationsMs"][-1] == 500


def live(stage, **settings):
    from services.core_google import GeminiCore

    here = Address(
        vendor="google",
        http=f"http://{stage.address}",
        ws=f"ws://{stage.address}",
        key=KEY,
        rehearsed=True,
    )
    given = {"model": "models/gemini-live-2.5-flash", "system_instruction": "Be brief."}
    return GeminiCore(address=here, settings=GeminiCore.Settings(**given, **settings))


async def hear(worker, text):
    pcm = speak(text) + bytes(32000)
    for at in range(0, len(pcm), 640):
        await worker.queue_frame(
            InputAudioRawFrame(audio=pcm[at : at + 640], sample_rate=16000, num_channels=1)
        )


def said(sink):
    return "".join(frame.text for frame in sink.of(TTSTextFrame))


@needs_ears
async def test_gemini_live_greets_hears_calls_a_tool_and_speaks():
    async with stage() as s:
        note = {"role": "user", "content": "(Greet the caller.)"}
        context = LLMContext([note], tools=[reads_letters()])
        async with running(live(s), uphill=True) as (worker, sink):
            await worker.queue_frame(LLMContextFrame(context))
            async with asyncio.timeout(8):
                while "google" not in {e["vendor"] for e in s.journal("s1", "answer")}:
                    await asyncio.sleep(0.02)
            await hear(worker, "what does the letter say")
            heard = await sink.until(lambda k: k.of(TranscriptionFrame))
            assert "letter" in heard[0].text
            async with asyncio.timeout(8):
                while not any("well" in e["say"] for e in s.journal("s1", "answer")):
                    await asyncio.sleep(0.02)
        assert not sink.of(ErrorFrame)


@needs_ears
async def test_gemini_live_is_interrupted_by_the_callers_voice():
    async with stage() as s:
        s.house.profile = Profile(audio_speed=1.0)
        note = {"role": "user", "content": "(Greet the caller.)"}
        async with running(live(s)) as (worker, sink):
            await worker.queue_frame(LLMContextFrame(LLMContext([note])))
            await sink.until(lambda k: k.of(TTSAudioRawFrame))
            await hear(worker, "wait a moment")
            await sink.until(lambda k: k.of(InterruptionFrame))
            await sink.until(lambda k: k.of(TTSStoppedFrame))
            assert len(said(sink).split()) < 12
