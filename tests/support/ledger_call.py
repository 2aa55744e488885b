"""A little call with a tool, eyes and a barge-in, on whichever clock runs it."""

import asyncio

from pipecat.frames.frames import UserImageRawFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams

from processors.frame_sampler import FrameSampler
from services import llm, stt, tts
from sessions.tool_boundary import side_effect_free
from tests.support.scenes import scenes
from tests.support.virtual_call import Call

SCRIPT = """
lines: [{say: where is my order}]
phrases: [where is my order, please look it up, good morning, thank you]
rules:
  - after: look_up
    say: It is in Paris.
  - hear: look
    tools: look_up
    say: One moment please.
    call: {name: look_up, with: {what: order}}
  - hear: order
    tools: look_up
    call: {name: look_up, with: {what: order}}
  - hear: morning
    say: >-
      Good morning to you. Your order has shipped and it will arrive on Friday at noon. It is on its
      way from the warehouse in the north, and you will get a letter as soon as it is near you.
otherwise: You are welcome.
"""
SIZE = (320, 180)


def bot(*, tool_secs: float = 0.15, tool_fails: bool = False, eyes: bool = True, **casting):
    """The parts of the call's pipeline, built from a session."""

    @side_effect_free
    async def look_up(params: FunctionCallParams, what: str):
        """Look something up.

        Args:
            what: What.
        """
        await asyncio.sleep(tool_secs)
        await params.result_callback({"error": "it is gone"} if tool_fails else {"city": "Paris"})

    def build(session):
        ears = stt(session, casting.get("ears", "deepgram/nova-3"))
        mind = llm(session, casting.get("mind", "anthropic/claude-sonnet-4-6"))
        mouth = tts(session, "cartesia/en-us")
        user, assistant = LLMContextAggregatorPair(
            LLMContext(tools=session.tools(look_up)),
            user_params=session.user_params(),
            assistant_params=session.assistant_params(),
        )
        ends = session.transport
        seeing = [FrameSampler(session)] if eyes else []
        return [ends.input(), ears, *seeing, user, mind, mouth, ends.output(), assistant]

    return build


async def film(call: Call, *, fps: int = 10) -> None:
    """Show a scene until cancelled."""
    assert call.line.transport
    door, scene, n = call.line.transport.input(), scenes(seed=5, size=SIZE)["static-desk"], 0
    while True:
        frame = UserImageRawFrame(
            image=scene.frame(n / fps).tobytes(), size=SIZE, format="RGB", user_id="caller"
        )
        frame.transport_source = "camera"
        await door.push_frame(frame)
        n += 1
        await asyncio.sleep(1 / fps)


async def converse(call: Call, lines: list[str], *, over: str = "") -> None:
    """Say lines, each once the bot has answered the one before.

    Args:
        call: On the line.
        lines: Of the script's phrases.
        over: Said over the answer to the last of them.
    """
    for line in lines:
        said = await call.say(line)
        if over and line is lines[-1]:
            await call.line.until(lambda: any(loud and at > said for at, loud in call.line.heard))  # noqa: B023
            await asyncio.sleep(1.2)
            await call.say(over)
        await call.quiet(1.5)
