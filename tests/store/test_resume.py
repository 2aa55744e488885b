"""A caller who was cut off is back in the same conversation."""

import asyncio
import base64

import pytest
from pipecat.services.llm_service import FunctionCallParams

from sessions import EU, HIPAA, OPEN
from sessions.once import idempotency_key
from sessions.resume import CUT_OFF, ResumeError, read_ticket, ticket
from sessions.store import shared_store
from sessions.store.restore import UNKNOWN
from sessions.tool_boundary import side_effects
from tests.store.calls import Reply, calling

LONG = (
    "Your appointment is on Friday at nine. Please bring your card and the letter from your "
    "doctor with you. The entrance is on the left side of the yard behind the old chapel."
)


pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def place(url, tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_STORE", url)
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.delenv("VIVACE_TAPE_KEY", raising=False)
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")


def heard_last(messages) -> str:
    users = [m["content"] for m in messages if isinstance(m, dict) and m["role"] == "user"]
    return users[-1] if users else ""


def long_answer(messages):
    return Reply(LONG if "when" in heard_last(messages) else "Yes of course.")


async def kept(call, text):
    """Wait until the store knows something."""
    async with asyncio.timeout(5):
        while True:
            state, _ = await shared_store().load(call.session.id)
            if state and text.encode() in state:
                return
            await asyncio.sleep(0.02)


async def test_a_crashed_session_goes_on_with_all_that_was_said_and_no_second_disclosure():
    consents = {"consent": {"recording": False}, "name": "kim"}
    async with calling(long_answer, body=consents, word_ms=100) as call:
        call.session.budget.pin("allergies", "nuts")
        call.session.handoff["brief"] = {"asked for": "a date"}
        await call.say("my dog is called rex")
        await call.line.until(lambda: call.contains("Yes of course"))
        await call.say("when is it")
        await call.line.until(lambda: "Please bring" in str(call.voice.said))
        await kept(call, '"heard": "Your appointment is on Friday at nine.')
        await call.crash()

    began = asyncio.get_running_loop().time()
    resume = ticket(call.session.id, "clerk")
    async with calling(
        long_answer, body={"resume": resume, "consent": {"recording": True}}
    ) as again:
        assert again.session.id == call.session.id and again.session.part == 1
        assert again.voice.said[0] == CUT_OFF
        assert not any(OPEN.disclosure in said for said in again.voice.said)
        await again.line.until(lambda: again.model.asked)
        assert asyncio.get_running_loop().time() - began < 10
        messages = again.context.messages
        assert "my dog is called rex" in str(messages) and "when is it" in str(messages)
        assert again.session.budget.facts == {"allergies": "nuts"}
        assert again.session.handoff == {"brief": {"asked for": "a date"}}
        assert again.session.body["name"] == "kim" and not again.session.consent
        heard = next(m for m in messages if m["role"] == "assistant" and "Friday" in m["content"])
        assert "chapel" not in heard["content"]
        note = next(m for m in messages if "did not hear" in str(m["content"]))
        assert "behind the old chapel" in note["content"] and note["role"] == "developer"
        assert "Do not greet" in str(messages)


async def test_a_caller_who_dropped_is_back_within_two_seconds():
    async with calling(body={}) as call:
        await call.say("my dog is called rex")
        await call.line.until(lambda: call.contains("Yes of course"))
    async with asyncio.timeout(10):
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with calling(body={"resume": ticket(call.session.id, "clerk")}) as again:
            first = next(at for at, loud in again.line.heard if loud)
            assert again.contains("rex")
    print(f"back after {first - began:.2f} s")


async def test_the_old_copy_ends_when_the_caller_is_back_elsewhere():
    async with calling(body={}) as call:
        await call.line.until(lambda: call.session.keeper._epoch)
        await kept(call, '"disclosed": true')
        async with calling(body={"resume": ticket(call.session.id, "clerk")}) as again:
            await asyncio.wait_for(asyncio.wait([call.task]), 8)
            assert call.task.done() and not again.task.done()
            await again.say("are you there")
            await kept(again, "are you there")


async def test_words_that_the_caller_was_saying_are_not_lost():
    from pipecat.frames.frames import TranscriptionFrame, VADUserStartedSpeakingFrame

    async with calling(body={}) as call:
        worker = call.session.worker
        await worker.queue_frame(VADUserStartedSpeakingFrame(start_secs=0.1))
        await asyncio.sleep(0.05)
        await worker.queue_frame(TranscriptionFrame("please also cancel monday", "", ""))
        await kept(call, '"hearing": "please also cancel monday"')
        await call.crash()
    async with calling(body={"resume": ticket(call.session.id, "clerk")}) as again:
        assert heard_last(again.context.messages) == "please also cancel monday"


async def test_a_caller_who_had_not_heard_the_disclosure_hears_it():
    async with calling(body={}) as call:
        call.session.opening._heard.clear()
        call.session.keeper.touch()
        await kept(call, '"disclosed": false')
        await call.crash()
    async with calling(body={"resume": ticket(call.session.id, "clerk")}) as again:
        assert again.voice.said[0] == OPEN.disclosure


def booking(runs: dict, *, blocks=None):
    @side_effects
    async def book(params: FunctionCallParams, day: str):
        """Book a visit.

        Args:
            day: Which day.
        """
        key = idempotency_key(params)
        runs[key] = runs.get(key, 0) + 1
        if blocks:
            await blocks.wait()
        await params.result_callback({"booked": day, "number": 4711})

    return book


def booker(messages):
    last = messages[-1]
    if isinstance(last, dict) and last["role"] == "user" and "book" in last["content"]:
        return Reply(calls=[("call-1", "book", {"day": "friday"})])
    return Reply(LONG)


async def test_what_was_done_before_the_cut_is_not_done_again():
    runs = {}
    async with calling(booker, body={}, tools=[booking(runs)], word_ms=100) as call:
        await call.say("please book friday")
        await call.line.until(lambda: runs and len(call.voice.said) > 1)
        await kept(call, "4711")
        await call.crash()

    async with calling(
        booker, body={"resume": ticket(call.session.id, "clerk")}, tools=[booking(runs)]
    ) as again:
        assert again.contains("4711")
        await again.line.until(lambda: again.contains("old chapel"))
        await again.say("please book friday")  # not knowing that it is done
        await again.line.until(lambda: str(again.context.messages).count("4711") > 1)
    assert list(runs.values()) == [1]


async def test_what_was_cut_off_in_the_middle_runs_again_under_the_same_key():
    runs, never = {}, asyncio.Event()
    async with calling(booker, body={}, tools=[booking(runs, blocks=never)]) as call:
        await call.say("please book friday")
        await call.line.until(lambda: runs)
        await kept(call, "IN_PROGRESS")
        await call.crash()

    async with calling(
        booker, body={"resume": ticket(call.session.id, "clerk")}, tools=[booking(runs)]
    ) as again:
        assert again.contains(UNKNOWN[:40]) and not again.contains("IN_PROGRESS")
        await again.line.until(lambda: again.contains("old chapel"))
        await again.say("please book friday")
        await again.line.until(lambda: again.contains("4711"))
    assert list(runs.values()) == [2]  # one key: the service behind it does it once


async def test_a_call_whose_key_cannot_be_written_is_not_run(monkeypatch):
    from sessions.store import StoreDown

    runs = {}
    async with calling(booker, body={}, tools=[booking(runs)]) as call:
        await kept(call, '"disclosed": true')

        async def down(*_args, **_options):
            raise StoreDown("down")

        monkeypatch.setattr(shared_store(), "append", down)
        await call.say("please book friday")
        await call.line.until(lambda: call.contains("was not run"), within=8)
        assert not runs and call.session.keeper.down and call.session.keeper.failures


async def test_under_hipaa_nothing_is_stored_in_clear_and_the_vault_comes_back(
    tmp_path, monkeypatch
):
    key = base64.b64encode(b"k" * 32).decode()
    monkeypatch.setenv("VIVACE_TAPE_KEY", key)
    async with calling(body={"name": "Jordan Miller"}, policy=HIPAA) as call:
        surrogate = call.session.phi.vault.put("Jordan Miller", "NAME")
        await call.say("i would like to come on tuesday")
        await call.line.until(lambda: call.contains("Yes of course"))
        await call.session.keeper.append({"a secret": "Miller"})
    sid = call.session.id
    stored = [(await shared_store().load(sid)).state]
    stored += [event for _, event in await shared_store().events(sid)]
    assert len(stored) >= 4
    for blob in stored:
        assert b"Miller" not in blob and b"tuesday" not in blob and blob.startswith(b"S1")

    body = {"resume": ticket(sid, "clerk")}
    async with calling(body=body, policy=HIPAA) as again:
        assert again.session.phi.vault.get(surrogate).said == "Jordan Miller"
        assert again.contains("tuesday") or again.contains("[DATE")
    monkeypatch.setenv("VIVACE_TAPE_KEY", base64.b64encode(b"x" * 32).decode())
    with pytest.raises(ResumeError, match="cannot be found"):
        async with calling(body={"resume": ticket(sid, "clerk")}, policy=HIPAA):
            pass


async def test_without_a_key_a_live_call_under_hipaa_is_not_stored():
    from types import SimpleNamespace

    from sessions.resume import box_for, keep

    assert box_for(HIPAA, live=True) is None
    box = box_for(HIPAA, live=False)
    assert box and box.sealing and not box_for(OPEN, live=True).sealing
    session = SimpleNamespace(
        id="s",
        resumed=None,
        policy=HIPAA,
        live={"deepgram"},
        recording=SimpleNamespace(replayed=False),
    )
    from pipecat.pipeline.pipeline import Pipeline

    assert keep(session, Pipeline([])) is None
    assert await shared_store().scan("") == []


async def test_what_cannot_be_resumed_is_refused_with_the_cure():
    async with calling(body={}) as call:
        await call.session.end("all said")
        await asyncio.wait_for(asyncio.wait([call.task]), 10)
    sid = call.session.id
    for text, words in (
        (ticket(sid, "clerk"), "is over"),
        (ticket("never", "clerk"), "is over"),
        (ticket(sid, "clerk", ttl=-1), "expired"),
        (ticket(sid, "clerk")[:-2] + "xx", "not given"),
        ("garbage", "not given"),
    ):
        with pytest.raises(ResumeError, match=words):
            async with calling(body={"resume": text}):
                pass
    async with calling(body={}) as call:
        pass
    with pytest.raises(ResumeError, match="ran under OPEN"):
        async with calling(body={"resume": ticket(call.session.id, "clerk")}, policy=EU):
            pass
    assert read_ticket(ticket("s1", "clerk")) == ("s1", "clerk")


async def test_a_session_that_is_to_be_forgotten_is():
    async with calling(body={}) as call:
        await kept(call, '"disclosed": true')
        await call.line.send("client-message", {"t": "forget", "d": {}})
        await call.line.until(lambda: call.line.server("notice"))
        await call.say("and this is not stored")
        await call.line.until(lambda: call.contains("Yes of course"))
    assert (await shared_store().load(call.session.id)).state is None
