"""Work handed to a peer over A2A: only its key travels, the peer may not be anybody, and it ends."""

import asyncio
import json
import random
from types import SimpleNamespace

import httpx
import pytest
from pipecat.services.llm_service import FunctionCallParams

from services.rehearsal.process import rehearsal
from serving.agents import BotExecutor, app_of
from serving.desks import Desks
from sessions import HIPAA, OPEN
from sessions.clock import Clock
from sessions.phi import PHIFirewall
from sessions.store import shared_store
from sessions.tool_boundary import is_guarded
from tests.support.peer import NAME, Slow, peer, served
from tools.delegate import Line, Peer, delegate
from tools.delegations import DelegationError, for_another, is_signed, leave, sign, take


@pytest.fixture(autouse=True)
def stored(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path / 'sessions.db'}")
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path))
    monkeypatch.setenv("VIVACE_SECRET", "a secret of this test")


def stage(policy=OPEN, **gate):
    """As much of a session as handing over needs."""
    return SimpleNamespace(
        id="s1",
        bot="router",
        policy=policy,
        live=set(),
        random=random.Random(7),
        clock=Clock(),
        phi=PHIFirewall() if policy.redact else None,
        gate=SimpleNamespace(tainted=False, **gate),
        budget=SimpleNamespace(facts={"customer": "The customer is on the line."}),
        handoff={},
        evidence=SimpleNamespace(at=lambda _now: []),
        recording=SimpleNamespace(event=lambda *_, **__: None),
    )


async def hand_over(session, peers, **arguments):
    """Call the tool; what the model is given, each with whether it was the last."""
    given = []

    async def take_result(result, *, properties=None):
        given.append((result, properties is None or properties.is_final))

    nothing = SimpleNamespace()
    await delegate(peers).handler(
        FunctionCallParams(
            function_name="delegate",
            tool_call_id="call-1",
            arguments={"to": NAME, "task": "Is the pump in stock?", **arguments},
            llm=nothing,
            pipeline_worker=nothing,
            context=nothing,
            result_callback=take_result,
            app_resources=session,
        )
    )
    return given


async def test_what_a_peer_reports_comes_back_and_its_answer_last():
    async with peer(Slow(secs=0.1, every=0.05)) as url:
        given = await hand_over(stage(), {NAME: Peer(url=url, about="It knows the stock.")})
    assert given == [
        ({"from": NAME, "so_far": "still looking"}, False),
        ({"from": NAME, "so_far": "still looking"}, False),
        ({"from": NAME, "answer": "The pump is in stock."}, True),
    ]


async def test_the_message_carries_a_key_and_the_store_the_work():
    work = Slow()
    async with peer(work) as url:
        await hand_over(stage(), {NAME: Peer(url=url, about="")})
    (key,) = work.keys
    assert "pump" not in key
    left = await take(stage(), key)
    assert left.task == "Is the pump in stock?" and left.session == "s1" and not left.tainted
    assert "The customer is on the line." in left.text()


async def test_a_peer_whose_answer_nobody_waits_for_is_cancelled():
    work = Slow(secs=30, every=0.05)
    async with peer(work) as url:
        asked = asyncio.create_task(hand_over(stage(), {NAME: Peer(url=url, about="")}))
        async with asyncio.timeout(10):
            while not work.keys:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert work.cancelled == 1


async def test_a_peer_that_is_not_there_is_an_error_the_model_can_tell():
    ((result, final),) = await hand_over(stage(), {NAME: Peer(url="http://127.0.0.1:9", about="")})
    assert final and "out of reach" in result["error"]


async def test_without_a_store_nothing_is_handed_over(monkeypatch):
    monkeypatch.setenv("VIVACE_STORE", "off")
    ((result, _),) = await hand_over(stage(), {NAME: Peer(url="http://127.0.0.1:9", about="")})
    assert "handed over" in result["error"]


async def test_a_card_that_points_elsewhere_gets_no_token():
    async with served(lambda _: app_of(NAME, url="http://127.0.0.1:9", executor=Slow())) as url:
        with pytest.raises(DelegationError, match="another host"):
            async for _ in Line(NAME, Peer(url=url, about="")).ask("delegation-1"):
                pass


async def test_only_who_has_a_token_may_ask_and_anybody_may_read_the_card():
    body = {"message": {"messageId": "1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}}
    async with (
        peer(Slow(), token="for outsiders") as url,
        httpx.AsyncClient(base_url=url, headers={"A2A-Version": "1.0"}) as client,
    ):
        card = (await client.get("/.well-known/agent-card.json")).json()
        assert {i["protocolBinding"] for i in card["supportedInterfaces"]} == {
            "JSONRPC",
            "HTTP+JSON",
        }
        assert card["securitySchemes"]["bearer"]["httpAuthSecurityScheme"]["scheme"] == "bearer"
        for token, status in [
            ("none", 401),
            ("wrong", 401),
            (sign("another bot"), 401),
            (sign(NAME), 200),
            ("for outsiders", 200),
        ]:
            sent = await client.post(
                "/rest/message:send", json=body, headers={"Authorization": f"Bearer {token}"}
            )
            assert sent.status_code == status, token


def test_a_token_is_for_one_bot():
    assert is_signed(sign("a"), to="a") and not is_signed(sign("a"), to="b")
    assert not is_signed("forged", to="a")


async def test_what_is_left_by_a_redacting_bot_is_sealed_and_taken_by_such_only():
    session = stage(HIPAA)
    task = session.phi.redact("my name is Rosalind Okafor").text
    key = await leave(session, task)
    blob = (await shared_store().load(key)).state
    assert b"Okafor" not in blob and b"NAME_1" not in blob
    other = stage(HIPAA)
    left = await take(other, key)
    assert "okafor" in other.phi.restore(left.task).lower()
    with pytest.raises(DelegationError):
        await take(stage(), key)


async def test_an_answer_holds_only_surrogates_the_asker_has_given():
    session = stage(HIPAA)
    key = await leave(session, session.phi.redact("my name is Rosalind Okafor").text)
    left = await take(stage(HIPAA), key)
    text = for_another("[NAME_1] is a friend of [NAME_2].", left, known=frozenset({"[NAME_1]"}))
    assert text == "[NAME_1] is a friend of (withheld)."


def test_a_peer_that_only_reads_may_be_asked_by_any_call():
    reads = delegate({"a": Peer(url="http://a", about="", reads=True)}).handler
    writes = delegate({"a": Peer(url="http://a", about="")}).handler
    assert reads._vivace_privilege is None and not hasattr(writes, "_vivace_privilege")
    assert not is_guarded(delegate({}))


@pytest.mark.slow
async def test_a_bot_answers_another_agent_with_its_tools():
    rehearsal()
    desks = Desks(NAME)
    session = stage(HIPAA)
    session.random = random.Random(9)
    said = "My name is Jordan Miller and I was born on 1982-03-05. Do I have allergies?"
    task = session.phi.redact(said).text
    make = lambda url: app_of(NAME, url=url, executor=BotExecutor(desks))  # noqa: E731
    async with served(make) as url:
        given = await hand_over(session, {NAME: Peer(url=url, about="")}, task=task)
        message = {"messageId": "1", "role": "ROLE_USER", "parts": [{"text": said}]}
        async with httpx.AsyncClient(base_url=url, headers={"A2A-Version": "1.0"}) as client:
            headers = {"Authorization": f"Bearer {sign(NAME)}"}
            sent = await client.post(
                "/rest/message:send", json={"message": message}, headers=headers, timeout=30
            )
    await desks.close()
    result, final = given[-1]
    assert final and result["from"] == NAME and result["answer"]
    assert "Miller" not in json.dumps(given)
    task = sent.json()["task"]
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert "Miller" not in json.dumps(task["artifacts"])
