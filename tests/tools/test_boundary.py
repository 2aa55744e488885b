"""Arguments that do not fit are refused, and what has side effects runs once."""

import asyncio
from types import SimpleNamespace

import pytest
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.services.llm_service import FunctionCallParams

from sessions.once import idempotency_key
from sessions.tool_arguments import checker
from sessions.tool_boundary import side_effects
from tests.support.tool_call import Stage, call_guarded


def said(*texts: str):
    return SimpleNamespace(messages=[{"role": "user", "content": text} for text in texts])


async def call(session, tool, context=None, **arguments):
    return await call_guarded(session, tool, context=context or said("please"), **arguments)


SCHEMA = FunctionSchema(
    "order",
    "Orders.",
    {
        "size": {"type": "string", "enum": ["small", "large"]},
        "count": {"type": "integer", "minimum": 1},
        "to": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
    ["size"],
)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"size": "small"}, ""),
        ({"size": "large", "count": 3, "to": {"city": "Basel"}}, ""),
        ({}, "'size' missing in the arguments"),
        ({"size": "huge"}, "'size' must be one of 'small', 'large'"),
        ({"size": "small", "count": "three"}, "'count' must be integer"),
        ({"size": "small", "count": 0}, "'count' must satisfy minimum 1"),
        ({"size": "small", "to": {}}, "'city' missing in to"),
        ({"size": "small", "colour": "red"}, "take 'size', 'count', 'to' and nothing else"),
    ],
)
def test_a_complaint_names_what_is_wrong_and_not_what_was_said(arguments, says):
    complaint = checker(SCHEMA)(arguments)
    assert says in complaint and bool(complaint) == bool(says)
    assert "huge" not in complaint and "three" not in complaint and "red" not in complaint


def test_a_schema_that_refers_to_nothing_checks_nothing():
    broken = FunctionSchema("x", "", {"a": {"$ref": "#/$defs/gone"}}, [])
    assert checker(broken)({"a": 1}) == ""
    assert checker(FunctionSchema("x", "", {"a": {"type": "wrong"}}, []))({"a": 1}) == ""


async def test_a_call_with_wrong_arguments_never_reaches_its_tool():
    async def visit(params: FunctionCallParams, day: str):
        """Book.

        Args:
            day: Which.
        """
        raise AssertionError("it must not run")

    assert "'day' missing" in (await call(Stage(), visit))["error"]
    assert "nothing else" in (await call(Stage(), visit, day="friday", hour=3))["error"]


def booking(runs, secs=0.0, fails=()):
    @side_effects
    async def book(params: FunctionCallParams, day: str):
        """Book.

        Args:
            day: Which.
        """
        runs.append(idempotency_key(params))
        await asyncio.sleep(secs)
        if len(runs) in fails:
            raise OSError("the line broke")
        await params.result_callback({"booked": day, "number": len(runs)})

    return book


async def test_a_repeated_call_returns_what_the_first_one_did():
    session, runs = Stage(), []
    first = await call(session, booking(runs), day="friday")
    again = await call(session, booking(runs), day="friday")
    other = await call(session, booking(runs), day="monday")
    assert first == again == {"booked": "friday", "number": 1}
    assert other["booked"] == "monday" and len(runs) == 2


async def test_two_calls_at_once_are_one():
    session, runs = Stage(), []
    tool = booking(runs, secs=0.02)
    results = await asyncio.gather(*(call(session, tool, day="friday") for _ in range(3)))
    assert len(runs) == 1 and results[0] == results[1] == results[2]


async def test_a_caller_who_asks_again_gets_a_second_one_with_a_key_of_its_own():
    session, runs = Stage(), []
    await call(session, booking(runs), said("book friday"), day="friday")
    await call(session, booking(runs), said("book friday", "and once more"), day="friday")
    assert len(set(runs)) == 2


async def test_a_call_that_was_cut_off_runs_again_under_the_same_key():
    session, runs = Stage(), []
    cut = asyncio.create_task(call(session, booking(runs, secs=5), day="friday"))
    await asyncio.sleep(0.01)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    again = said("please", "go on")
    assert (await call(session, booking(runs), again, day="friday"))["number"] == 2
    assert runs[0] == runs[1]


async def test_a_call_that_failed_runs_again_under_the_same_key():
    session, runs = Stage(), []
    with pytest.raises(OSError):
        await call(session, booking(runs, fails=(1,)), day="friday")
    assert (await call(session, booking(runs), day="friday"))["number"] == 2
    assert runs[0] == runs[1]


async def test_a_tool_that_was_not_declared_runs_as_often_as_it_is_called():
    runs = []

    async def look(params: FunctionCallParams):
        """Look."""
        runs.append(1)
        with pytest.raises(LookupError, match="@side_effects"):
            idempotency_key(params)
        await params.result_callback({"ok": True})

    session = Stage()
    await call(session, look)
    await call(session, look)
    assert len(runs) == 2
