"""The audit log shows that somebody has touched it."""

import json

import pytest

from sessions.audit_log import AuditBroken, AuditLog, audit_log

KEY = b"secret"


def lines(path):
    return path.read_bytes().splitlines(keepends=True)


@pytest.fixture(params=[None, KEY], ids=["hashed", "signed"])
def log(tmp_path, request):
    log = AuditLog(tmp_path / "audit.jsonl", key=request.param)
    for n in range(5):
        log.append("tool", session="s1", name=f"tool{n}", done=True)
    return log


def test_an_untouched_log_adds_up_and_goes_on(log):
    assert log.verify() == 5
    assert log.append("session.over", session="s1").n == 6
    assert log.verify() == 6
    assert log.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("n", range(5))
def test_a_changed_entry_is_found(log, n):
    entry = json.loads(lines(log.path)[n])
    entry["detail"]["name"] = "another"
    changed = lines(log.path)
    changed[n] = json.dumps(entry, sort_keys=True).encode() + b"\n"
    log.path.write_bytes(b"".join(changed))
    with pytest.raises(AuditBroken, match=f"line {n + 1} was changed"):
        log.verify()


@pytest.mark.parametrize("n", range(5))
def test_a_removed_entry_is_found_also_at_the_end(log, n):
    kept = lines(log.path)
    del kept[n]
    log.path.write_bytes(b"".join(kept))
    with pytest.raises(AuditBroken, match="missing"):
        log.verify()


def test_reordered_entries_are_found(log):
    kept = lines(log.path)
    kept[1], kept[2] = kept[2], kept[1]
    log.path.write_bytes(b"".join(kept))
    with pytest.raises(AuditBroken):
        log.verify()


def test_nothing_is_added_to_a_log_that_was_cut(log):
    log.path.write_bytes(b"".join(lines(log.path)[:3]))
    with pytest.raises(AuditBroken, match="cut"):
        log.append("tool")


def test_a_lost_or_changed_anchor_is_found(log):
    anchor = log.path.with_name("audit.jsonl.anchor")
    told = json.loads(anchor.read_text())
    anchor.write_text(json.dumps({**told, "n": 3}))
    with pytest.raises(AuditBroken, match="changed"):
        log.verify()
    anchor.unlink()
    with pytest.raises(AuditBroken, match="missing"):
        log.verify()


def test_a_whole_chain_that_was_made_again_without_the_key_is_found(tmp_path):
    AuditLog(tmp_path / "a", key=KEY).append("tool", name="real")
    forged = AuditLog(tmp_path / "b")
    forged.append("tool", name="forged")
    for suffix in ("", ".anchor"):
        (tmp_path / f"b{suffix}").replace(tmp_path / f"a{suffix}")
    with pytest.raises(AuditBroken):
        AuditLog(tmp_path / "a", key=KEY).verify()


def test_what_a_dying_process_half_wrote_is_not_an_entry(log):
    with log.path.open("ab") as file:
        file.write(b'{"n": 6, "at": "20')
    assert log.append("session.over").n == 6
    assert log.verify() == 6


def test_entries_added_soon_are_in_order(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_AUDIT_LOG", str(tmp_path / "audit.jsonl"))
    log = audit_log()
    assert log and log is audit_log()
    for n in range(20):
        log.soon("tool", n=n)
    log.flush()
    assert log.verify() == 20
    assert [json.loads(line)["detail"]["n"] for line in lines(log.path)] == list(range(20))
