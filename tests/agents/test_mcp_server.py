"""A bot's own tools as an MCP server: guarded, and each client with a session of its own."""

import httpx
import pytest

from services.rehearsal.process import rehearsal
from serving.agents import MOST_TASKS, RecentTasks, card_router
from serving.mcp import app_of
from tests.agents.test_delegate import NAME
from tests.support.peer import served
from tests.tools.test_mcp_client import call
from tools.mcp_client import served_at
from tools.servers._http import Access

WHO = {"name": "Jordan Miller", "date_of_birth": "1982-03-05"}


@pytest.mark.slow
async def test_a_bots_tools_are_guarded_for_others_and_clients_are_apart():
    rehearsal()
    async with served(lambda _: app_of(NAME, access=Access(token="secret"))) as url:
        async with httpx.AsyncClient() as stranger:
            assert (await stranger.post(f"{url}/mcp", json={})).status_code == 401
        clients = []
        for name in ("one", "two"):
            tools = await served_at(f"{url}/mcp", name=name, token="secret")
            clients.append({tool.name: tool for tool in tools})
        one, two = clients
        found = await call(one["find_patient"], **WHO)
        assert found["found"] and "Miller" not in str(found)
        mrn = found["patient_id"]
        assert (await call(one["find_allergies"], patient_id=mrn))["allergies"] == ["penicillin"]
        assert "stands for nothing" in (await call(two["find_allergies"], patient_id=mrn))["error"]
        assert "'reason' missing" in (await call(one["transfer_to_person"]))["error"]
        for client in clients:
            await client["find_patient"].handler._vivace_mcp.close()


async def test_the_switchboard_has_a_card_for_every_bot():
    from fastapi import FastAPI

    app = FastAPI()
    app.include_router(card_router("https://agents.example.com"))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        card = await client.get("/agents/retrieval/.well-known/agent-card.json")
        assert card.json()["supportedInterfaces"][0]["url"].startswith("https://agents.example")
        gone = await client.get("/agents/nobody/.well-known/agent-card.json")
        assert gone.status_code == 404


async def test_only_the_newest_tasks_are_kept():
    from a2a.server.context import ServerCallContext
    from a2a.types import Task

    store, context = RecentTasks(), ServerCallContext()
    for number in range(MOST_TASKS + 2):
        await store.save(Task(id=f"t{number}"), context)
    assert await store.get("t1", context) is None
    assert await store.get("t2", context) is not None
