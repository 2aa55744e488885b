"""What crosses the boundary of a tool call, in each direction."""

import pytest
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema

from sessions.tool_boundary import TOOL_TIMEOUT_SECS, guard_tools, is_guarded, needs
from tests.support.tool_call import Stage, call_guarded


@pytest.fixture
def session():
    stage = Stage(phi=True)
    assert "[NAME_1]" in stage.phi.redact("my name is jordan miller").text
    return stage


async def test_a_tool_that_needs_a_name_gets_it_and_others_see_the_surrogate(session):
    seen = []

    @needs("NAME")
    async def find(params, name: str):
        """Find somebody.

        Args:
            name: Who.
        """
        seen.append(name)
        await params.result_callback({"ok": True})

    async def gossip(params, name: str):
        """Talk about somebody.

        Args:
            name: Who.
        """
        seen.append(name)
        await params.result_callback({"ok": True})

    await call_guarded(session, find, name="[NAME_1]")
    await call_guarded(session, gossip, name="[NAME_1]")
    assert seen[0].lower() == "jordan miller"
    assert seen[1] == "[NAME_1]"


async def test_a_surrogate_that_nobody_gave_refuses_the_call(session):
    async def find(params, name: str):
        """Find somebody.

        Args:
            name: Who.
        """
        raise AssertionError("it must not run")

    result = await call_guarded(session, find, name="[NAME_9]")
    assert "error" in result


async def test_results_come_back_without_identifiers(session):
    async def record(params):
        """Read the record."""
        await params.result_callback({"name": "Jordan Miller", "phone": "555-217-4098"})

    result = await call_guarded(session, record)
    assert "Miller" not in str(result) and "4098" not in str(result)


async def test_the_client_is_told_what_was_called_and_never_with_what(session):
    async def record(params):
        """Read the record."""
        await params.result_callback({"error": "the archive is closed"})

    await call_guarded(session, record)
    assert session.told[0] == {"type": "tool", "name": "record", "status": "called"}
    assert session.told[1]["status"] == "failed"
    assert "archive" not in str(session.told)


def test_every_tool_has_a_timeout_and_is_marked(session):
    async def slow(params):
        """Take forever."""

    (schema,) = guard_tools(session, [slow])
    assert is_guarded(schema)
    assert schema.handler._pipecat_timeout_secs == TOOL_TIMEOUT_SECS


def test_a_schema_without_a_handler_is_refused_with_the_cure(session):
    with pytest.raises(ValueError, match="Give its schema one"):
        guard_tools(session, [FunctionSchema("nothing", "", {}, [])])
