"""OpenAI Realtime: the real service, whole turns with server turn detection."""

import asyncio
import json

import aiohttp
import pytest
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    InputAudioRawFrame,
    LLMContextFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from services.rehearsal.ears_sphinx import available
from services.rehearsal.espeak import engine
from services.rehearsal.latency import Latency, Profile
from services.rehearsal.mouth import speak
from tests.rehearsal.stage import running, stage

needs_ears = pytest.mark.skipif(
    not available() or engine() is None, reason="the offline extra is not installed"
)
KEY = "rehearsal.consultation.s1"


def realtime(stage):
    audio = events.AudioInput(
        transcription=events.InputAudioTranscription(), turn_detection=events.TurnDetection()
    )
    properties = events.SessionProperties(audio=events.AudioConfiguration(input=audio))
    return OpenAIRealtimeLLMService(
        api_key=KEY,
        base_url=f"ws://{stage.address}/v1/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            system_instruction="Be brief.", session_properties=properties
        ),
    )


async def hear(worker, text):
    pcm = speak(text) + bytes(32000)
    for at in range(0, len(pcm), 640):
        await worker.queue_frame(
            InputAudioRawFrame(audio=pcm[at : at + 640], sample_rate=16000, num_channels=1)
        )


def said(sink):
    return "".join(frame.text for frame in sink.of(TTSTextFrame))


@needs_ears
async def test_it_greets_hears_calls_a_tool_and_speaks():
    async with stage() as s:
        llm, got = realtime(s), asyncio.Queue()

        async def read_document(params):
            await params.result_callback({"found": True, "text": "Summary: all is well."})
            await got.put(params.arguments)

        llm.register_function("read_document", read_document)
        schema = FunctionSchema("read_document", "Reads.", properties={}, required=[])
        note = {"role": "user", "content": "(Greet the caller.)"}
        context = LLMContext([note], tools=ToolsSchema(standard_tools=[schema]))
        async with running(llm) as (worker, sink):
            await worker.queue_frame(LLMContextFrame(context))
            await sink.until(lambda k: k.of(TTSStoppedFrame))
            assert "rehearsal" in said(sink)
            assert sum(len(f.audio) for f in sink.of(TTSAudioRawFrame)) > 48000
            await hear(worker, "what does the letter say")
            async with asyncio.timeout(5):
                assert await got.get() == {}
        finals = [entry["text"] for entry in s.journal("s1", "final")]
        assert finals == ["what does the letter say"]
        body = s.journal("s1", "request")[-1]["body"]
        assert body["system"] == "Be brief." and body["tools"] == [{"name": "read_document"}]


class Wire:
    def __init__(self, socket):
        self._socket = socket

    async def send(self, kind, **data):
        await self._socket.send_json({"type": kind, **data})

    async def until(self, kind):
        seen = []
        async with asyncio.timeout(5):
            while not seen or seen[-1]["type"] != kind:
                seen.append(json.loads((await self._socket.receive()).data))
        return seen[-1]


async def test_a_second_response_and_a_stray_cancel_are_refused_and_a_real_cancel_cuts():
    async with stage() as s, aiohttp.ClientSession() as http:
        s.house.profile = Profile(first_token=Latency(150), audio_speed=2.0)
        headers = {"Authorization": f"Bearer {KEY}"}
        url = f"ws://{s.address}/v1/realtime?model=gpt-realtime"
        async with http.ws_connect(url, headers=headers) as socket:
            wire = Wire(socket)
            assert (await wire.until("session.created"))["session"]["model"] == "rehearsal"
            await wire.send("response.cancel")
            refused = await wire.until("error")
            assert refused["error"]["code"] == "response_cancel_not_active"
            await wire.send("response.create")
            await wire.until("response.created")
            await wire.send("response.create")
            refused = await wire.until("error")
            assert refused["error"]["code"] == "conversation_already_has_active_response"
            await wire.until("response.output_audio.delta")
            await wire.send("response.cancel")
            done = await wire.until("response.done")
            assert done["response"]["status"] == "cancelled"
            assert done["response"]["usage"]["output_tokens"] > 0


async def test_a_wrong_key_is_refused():
    async with stage() as s, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await http.ws_connect(f"ws://{s.address}/v1/realtime", headers={"Authorization": "x"})
        assert refusal.value.status == 401
