"""Realtime cores are handed pictures as they come."""

import asyncio

import pytest
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair

from processors.frame_sampler import FrameSampler
from services import speech, tts
from services.core_openai import KEPT_PICTURES
from tests.support.scenes import scenes
from tests.support.virtual_call import calling, virtually
from tests.vision.test_seeing import SCRIPT, SIZE, film

WALK = scenes(seed=5, size=SIZE)["hand-held-walk"]


@pytest.mark.parametrize("core", ["openai/gpt-realtime", "google/gemini-live-2.5-flash"])
def test_a_core_gets_the_sampled_pictures_as_they_were_encoded(core):
    made = []

    def build(session):
        thinking, mouth = speech(session, core), tts(session, "cartesia/x")
        user, assistant = LLMContextAggregatorPair(
            LLMContext(),
            user_params=session.user_params(),
            assistant_params=session.assistant_params(),
        )
        eyes = FrameSampler(session)
        made.extend([eyes, thinking])
        ends = session.transport
        return [ends.input(), eyes, user, thinking, mouth, ends.output(), assistant]

    async def scenario():
        async with calling(build, script=SCRIPT) as call:
            eyes, thinking = made
            sent, deleted = [], []
            if "openai" in core:
                send = thinking.send_client_event

                async def sending(event):
                    if event.type == "conversation.item.create":
                        sent.extend(c for c in event.item.content or [] if c.image_url)
                    elif event.type == "conversation.item.delete":
                        deleted.append(event.item_id)
                    await send(event)

                thinking.send_client_event = sending
            else:
                send_input = thinking._session.send_realtime_input

                async def sending_input(**given):
                    if video := given.get("video"):
                        sent.append(video)
                    await send_input(**given)

                thinking._session.send_realtime_input = sending_input
            await film(call, 4, scene=WALK)
            await asyncio.sleep(0.2)
            assert eyes._early
            assert len(sent) == eyes._taken >= 8  # Pipecat would have sent 4
            if "openai" in core:
                assert len(deleted) == len(sent) - KEPT_PICTURES

    virtually(scenario)
