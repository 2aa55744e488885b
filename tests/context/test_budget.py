"""A context stays within its budget: images first, then a summary, and pinned facts stay."""

import asyncio
import base64
import io

import pytest
from PIL import Image
from pipecat.processors.aggregators.llm_context import LLMContext

from sessions.context_budget import ContextBudget
from sessions.context_tokens import anthropic_image, google_image, openai_image


def picture(width=640, height=480, shade=0):
    data = io.BytesIO()
    Image.new("RGB", (width, height), (shade % 255, 0, 0)).save(data, "JPEG")
    url = f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
    return {
        "role": "user",
        "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": url}},
        ],
    }


class Mind:
    """A model that summarises."""

    def __init__(self, summary="They spoke of [NAME_1].", exact=None, fails=False):
        self.asked, self.summary, self.exact, self.fails = [], summary, exact, fails
        if exact:
            self.count_tokens = self._count

    async def _count(self, context):
        return self.exact

    async def run_inference(self, context, max_tokens=None, system_instruction=None):
        self.asked.append(context.messages[0]["content"])
        if self.fails:
            raise OSError("gone")
        return self.summary


def turns(n, words=60):
    said = []
    for i in range(n):
        said.append({"role": "user", "content": f"question {i} " + "word " * words})
        said.append({"role": "assistant", "content": f"answer {i} " + "word " * words})
    return said


def budget(**options):
    return ContextBudget(now=lambda: 3723.0, **options)


@pytest.mark.parametrize(
    ("formula", "size", "tokens"),
    [
        (anthropic_image, (640, 480), 410),
        (anthropic_image, (3136, 3136), 3279),
        (openai_image, (640, 480), 85 + 2 * 170),
        (openai_image, (1920, 1080), 85 + 6 * 170),
        (google_image, (320, 240), 258),
        (google_image, (1280, 720), 516),
    ],
)
def test_images_cost_what_their_vendor_says(formula, size, tokens):
    assert formula(*size) == tokens


async def test_the_oldest_images_go_first_and_leave_a_note():
    house = budget(image_tokens=900)
    context = LLMContext([picture(shade=i) for i in range(5)])
    house.enforce(context, Mind())
    said = [m["content"][1] for m in context.messages]
    assert [part["type"] for part in said] == ["text"] * 3 + ["image_url"] * 2
    assert said[0]["text"] == "(Image 1, seen at 1:02:03 of the call, is no longer kept.)"
    assert "Image 3" in said[2]["text"]


async def test_the_newest_image_stays_whatever_it_costs():
    house = budget(image_tokens=10)
    context = LLMContext([picture(), picture()])
    house.enforce(context, Mind())
    assert [m["content"][1]["type"] for m in context.messages] == ["text", "image_url"]


async def test_a_summary_is_written_in_the_background_and_the_last_turns_stay():
    house, mind = budget(tokens=4000), Mind()
    context = LLMContext(turns(20))
    assert house.cost(context) < 4000
    house.enforce(context, mind)
    assert len(context.messages) == 40, "nothing waits for the summary"
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    context.add_message({"role": "user", "content": "and now"})
    house.enforce(context, mind)
    assert "They spoke of [NAME_1]." in context.messages[0]["content"]
    assert context.messages[-1]["content"] == "and now"
    assert "question 19" in str(context.messages) and "question 1 " not in str(context.messages)
    assert "question 0" in mind.asked[0]


async def test_pinned_facts_stay_and_are_told_once():
    house, mind = budget(tokens=2500), Mind()
    house.pin("allergies", "penicillin")
    house.pin("caller", "[NAME_1]")
    context = LLMContext(turns(4))
    for i in range(30):
        context.add_messages(turns(2))
        house.enforce(context, mind)
        await asyncio.sleep(0)
    assert str(context.messages).count("penicillin") == 1
    assert "allergies: penicillin; caller: [NAME_1]" in context.messages[0]["content"]
    assert house.cost(context) <= 2600
    house.pin("allergies", "")
    house.enforce(context, mind)
    assert "penicillin" not in str(context.messages)


async def test_without_a_summary_the_oldest_turns_are_dropped_and_it_says_so():
    house, mind = budget(tokens=2500), Mind(fails=True)
    context = LLMContext()
    for _ in range(30):
        context.add_messages(turns(2))
        house.enforce(context, mind)
        await asyncio.sleep(0)
    assert house.cost(context) <= 2500
    assert "has been dropped" in context.messages[0]["content"]
    assert context.messages[1]["role"] == "user"


async def test_a_summary_is_made_of_what_may_be_told():
    house = budget(tokens=3000, redact=lambda messages: [{"role": "user", "content": "REDACTED"}])
    mind = Mind()
    context = LLMContext(turns(15))
    house.enforce(context, mind)
    await asyncio.sleep(0.01)
    assert "REDACTED" in mind.asked[0] and "question" not in mind.asked[0]


async def test_exact_counts_correct_the_estimate():
    house = budget(tokens=3000)
    context = LLMContext(turns(10))
    before = house.cost(context)
    mind = Mind(exact=round(before * 1.3))
    for _ in range(10):
        house.enforce(context, mind)
    await asyncio.sleep(0.01)
    assert house.cost(context) == pytest.approx(before * 1.3, rel=0.02)


async def test_a_tool_call_under_way_is_never_parted_from_its_result():
    house, mind = budget(tokens=1500), Mind(fails=True)
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    context = LLMContext(
        [
            *turns(3),
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "IN_PROGRESS"},
            *turns(12),
        ]
    )
    for _ in range(5):
        house.enforce(context, mind)
        await asyncio.sleep(0)
    assert "IN_PROGRESS" in str(context.messages) and "tool_calls" in str(context.messages)
