"""A session that was cut has a tape for each part, and a replay of a later part begins as it did."""

import json
from types import SimpleNamespace

from sessions import OPEN
from sessions.phi import Vault
from sessions.resume import Resumed, take_up
from sessions.store import shared_store
from sessions.store.box import Box
from sessions.store.state import Kept, pack, unpack
from sessions.tape import delete
from sessions.tape.recorder import record
from tests.sessions.test_tool_boundary import Stage


async def test_what_a_part_began_with_can_be_taken_from_its_tape():
    vault = Vault()
    vault.put("jane doe", "NAME")
    vault.put("Jane", "NAME")
    vault.put("555 217 4098", "PHONE")
    kept = Kept(bot="clerk", policy="OPEN", body={"name": "kim"}, at=1.0, vault="sealed")
    began = Resumed("s1", 7, "me", kept, [{"turn": "user", "text": "hello"}], vault)
    taped = json.loads(json.dumps(began.facts()))
    assert "sealed" not in str(taped)
    replayed = await take_up(SimpleNamespace(resumed=taped, session_id="s1"), policy=OPEN)
    assert replayed.facts() == began.facts() and replayed.id == "s1"
    assert replayed.vault.put("jane", "NAME") == "[NAME_1]"
    assert replayed.vault.put("john", "NAME") == "[NAME_2]"


def test_every_part_has_a_tape_of_its_own_and_all_are_deleted_together(tmp_path):
    stage = Stage()
    stage.id, stage.bot, stage.seed = "s1", "clerk", 1
    for stage.part in (0, 1, 2):
        record(stage, tmp_path, key=None).close()
    stage.id, stage.part = "s10", 0
    record(stage, tmp_path, key=None).close()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"s1.mcap", "s1.1.mcap", "s1.2.mcap", "s10.mcap"}
    assert len(delete(tmp_path, "s1")) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["s10.mcap"]


def test_media_are_not_stored_and_text_comes_back_as_it_was():
    messages = [
        {"role": "user", "content": "hello"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is this"},
                {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}},
            ],
        },
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "look"}}]},
    ]
    back = unpack(json.loads(json.dumps(pack(messages))))
    assert back[0] == messages[0] and back[2] == messages[2]
    assert back[1]["content"][0]["text"] == "what is this" and "AAAA" not in str(back)


async def test_a_replay_never_takes_the_stored_session_over(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path}/s.db")
    epoch = await shared_store().claim("s1", "a")
    await shared_store().save("s1", epoch, b"P1{}", keep_s=60)
    replayed = SimpleNamespace(begin_tape=None, resumed=None, session_id="s1", body={})
    assert await take_up(replayed, policy=OPEN) is None
    assert await shared_store().load("s1") == (b"P1{}", epoch)


async def test_a_session_goes_on_in_the_process_that_is_given_its_id(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path}/s.db")
    monkeypatch.delenv("VIVACE_TAPE_KEY", raising=False)
    kept = Kept(bot="clerk", policy="OPEN", body={"name": "kim"}, at=1.0)
    epoch = await shared_store().claim("s1", "a")
    blob = Box(None).close(kept.to_bytes(), sid="s1")
    await shared_store().save("s1", epoch, blob, keep_s=60)
    asked = SimpleNamespace(session_id="s1", body={})
    resumed = await take_up(asked, policy=OPEN)
    assert resumed.epoch > epoch and asked.body == {"name": "kim"}
    new = SimpleNamespace(session_id="s2", body={})
    assert await take_up(new, policy=OPEN) is None and new.body == {}


def test_a_state_of_another_version_can_be_read():
    known = Kept(bot="clerk", policy="OPEN", body={}, at=1.0)
    data = json.loads(known.to_bytes()) | {"of the future": 1}
    del data["handoff"]
    assert Kept.from_bytes(json.dumps(data).encode()) == known
