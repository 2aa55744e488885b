"""A model without a vendor: it waits as long as one would, and says or calls what it is told to."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import (
    FunctionCallFromLLM,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings

from services.rehearsal.latency import PROFILES, Profile


@dataclass
class Reply:
    """What the model does: says a text, then calls tools given as (id, name, arguments)."""

    text: str = ""
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


class Model(LLMService):
    """Answers a context with what ``decide`` says of its messages."""

    def __init__(
        self,
        decide: Callable[[list], Reply],
        *,
        seed: int = 0,
        profile: Profile = PROFILES["typical"],
    ):
        super().__init__(
            settings=LLMSettings(
                model="script",
                system_instruction=None,
                temperature=None,
                max_tokens=None,
                top_p=None,
                top_k=None,
                frequency_penalty=None,
                presence_penalty=None,
                seed=None,
                filter_incomplete_user_turns=None,
                user_turn_completion_config=None,
            )
        )
        self.asked = 0
        self.at = 0.0
        self.cut = False
        self._decide = decide
        self._draws = random.Random(seed)
        self._profile = profile

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._answer(frame.context)
        else:
            await self.push_frame(frame, direction)

    async def _answer(self, context: LLMContext):
        self.asked += 1
        self.cut = False
        self.at = asyncio.get_running_loop().time()
        reply = self._decide(context.get_messages())
        await self.push_frame(LLMFullResponseStartFrame())
        try:
            await asyncio.sleep(self._profile.first_token.draw(self._draws))
            for word in reply.text.split():
                await self.push_frame(LLMTextFrame(f"{word} "))
                await asyncio.sleep(1 / self._profile.tokens_per_second)
            await self.run_function_calls(
                [
                    FunctionCallFromLLM(
                        function_name=name, tool_call_id=id, arguments=arguments, context=context
                    )
                    for id, name, arguments in reply.calls
                ]
            )
        except asyncio.CancelledError:
            self.cut = True
            raise
        finally:
            await self.push_frame(LLMFullResponseEndFrame())
