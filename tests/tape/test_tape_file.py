"""The tape as a file: what it holds, how it ends, what it refuses."""

import base64
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from mcap.reader import make_reader

from sessions.tape import (
    NotATape,
    TapeCorrupted,
    TapeError,
    TapeKeyError,
    TapeWriter,
    delete,
    expire,
    key_from_env,
    local_key,
    read_tape,
    tape_path,
)
from sessions.tape.schemas import BOT_AUDIO, CALLER_AUDIO, EVENTS, TRANSCRIPT

ROOT = Path(__file__).parents[2]
STARTED = 1_790_000_000_123_456_000
KEY = bytes(range(32))
MS = 10**6


def writer(path: Path, **options) -> TapeWriter:
    facts = {
        "session_id": "s1",
        "bot": "consultation",
        "policy": "OPEN",
        "seed": 7,
        "code_version": "abc",
        "started_at": STARTED,
        "key": None,
    }
    return TapeWriter(path, **facts | options)


def audio(n: int) -> dict:
    data = random.Random(n).randbytes(640)
    return {"data": data, "format": "pcm-s16", "sample_rate": 16_000, "number_of_channels": 1}


def fill(path: Path, count: int = 200, **options) -> Path:
    tape = writer(path, **options)
    for n in range(count):
        tape.write(CALLER_AUDIO, n * 20 * MS, audio(n), size=640)
        if n % 10 == 0:
            tape.write(EVENTS, n * 20 * MS, {"name": "tick", "detail": {"n": n}})
            time.sleep(0.0005)
            tape._wake.set()  # as a longer call would: many chunks
    tape.close()
    return path


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "sealed"])
def test_a_tape_gives_back_what_was_put_on_it(tmp_path, key):
    path = fill(tmp_path / "s1.mcap", key=key)
    tape = read_tape(path, key)
    header = tape.header
    assert (header.session_id, header.bot, header.policy) == ("s1", "consultation", "OPEN")
    assert (header.seed, header.code_version, header.started_at) == (7, "abc", STARTED)
    frames = list(tape.messages(CALLER_AUDIO))
    assert [f.clock_ns for f in frames] == [n * 20 * MS for n in range(200)]
    assert frames[3].bytes == audio(3)["data"]
    assert [m.data["detail"]["n"] for m in tape.messages(EVENTS)] == list(range(0, 200, 10))
    assert tape.complete and tape.dropped == {}


def test_existing_mcap_readers_open_it_with_foxglove_schemas(tmp_path):
    path = fill(tmp_path / "s1.mcap", 20)
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        schemas = {channel.topic: schema.name for schema, channel, _ in reader.iter_messages()}
    assert schemas == {CALLER_AUDIO: "foxglove.RawAudio", EVENTS: "vivace.Event"}


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "sealed"])
def test_a_tape_cut_anywhere_opens_up_to_the_cut(tmp_path, key):
    whole = fill(tmp_path / "whole.mcap", key=key).read_bytes()
    everything = [m.json for m in read_tape(tmp_path / "whole.mcap", key).messages()]
    cut = tmp_path / "cut.mcap"
    draws = random.Random(1)
    opened = 0
    for position in sorted(draws.randrange(len(whole)) for _ in range(50)):
        cut.write_bytes(whole[:position])
        try:
            tape = read_tape(cut, key)
        except NotATape:
            assert position < 1000
            continue
        messages = [m.json for m in tape.messages()]
        assert messages == everything[: len(messages)]
        assert not tape.complete
        assert len(messages) >= opened
        opened = len(messages)
    assert opened > 100


def test_all_but_the_last_second_survives_kill_9(tmp_path):
    program = textwrap.dedent(
        f"""
        import time
        from sessions.tape import TapeWriter
        tape = TapeWriter({str(tmp_path / "k.mcap")!r}, session_id="k", bot="b", policy="OPEN",
                          seed=1, code_version="x", started_at=0, key=None)
        zero = time.monotonic_ns()
        while True:
            now = time.monotonic_ns() - zero
            tape.write("/events", now, {{"name": "tick", "detail": {{}}}})
            print(now, flush=True)
            time.sleep(0.02)
        """
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE)
    last = 0
    while last < 1.6e9:
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    tape = read_tape(tmp_path / "k.mcap")
    assert last - max(m.clock_ns for m in tape.messages()) < 1e9


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "sealed"])
def test_a_damaged_tape_says_so(tmp_path, key):
    path = fill(tmp_path / "s1.mcap", key=key)
    whole = bytearray(path.read_bytes())
    draws = random.Random(2)
    for _ in range(20):
        damaged = bytearray(whole)
        position = draws.randrange(1000, len(whole) // 2)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        tape = read_tape(path, key)
        with pytest.raises(TapeCorrupted, match="damaged"):
            list(tape.messages())
            # A sealed file whose frame length is hit looks cut: it must not look whole.
            if key and not tape.complete:
                raise TapeCorrupted("damaged")


def test_a_foreign_file_is_refused_by_name(tmp_path):
    for content in (b"RIFF....WAVEfmt ", b"", b"{}", os.urandom(5000)):
        path = tmp_path / "song.mcap"
        path.write_bytes(content)
        with pytest.raises(NotATape, match="song.mcap"):
            read_tape(path)


def test_a_sealed_tape_needs_its_key_and_no_other(tmp_path):
    path = fill(tmp_path / "s1.mcap.sealed", 20, key=KEY)
    assert b"consultation" not in path.read_bytes()
    with pytest.raises(TapeKeyError, match="VIVACE_TAPE_KEY"):
        read_tape(path)
    with pytest.raises(TapeKeyError, match="another key"):
        read_tape(path, bytes(32))


def test_the_key_comes_from_the_environment_or_a_local_file(tmp_path):
    assert key_from_env({}) is None
    assert key_from_env({"VIVACE_TAPE_KEY": base64.b64encode(KEY).decode()}) == KEY
    with pytest.raises(TapeError, match="base64 of 32 bytes"):
        key_from_env({"VIVACE_TAPE_KEY": "secret"})
    key = local_key(tmp_path / "local.key")
    assert local_key(tmp_path / "local.key") == key and len(key) == 32
    assert (tmp_path / "local.key").stat().st_mode & 0o077 == 0


def test_a_full_queue_drops_loudly_and_never_blocks(tmp_path):
    tape = writer(tmp_path / "s1.mcap", hold=True, queue_bytes=50_000)
    for n in range(200):
        tape.write(BOT_AUDIO, n, audio(n), size=640)
    assert tape._put_bytes <= 50_000
    tape.release()
    tape.close()
    kept = list(read_tape(tape.path).messages(BOT_AUDIO))
    assert len(kept) + tape.dropped[BOT_AUDIO] == 200
    assert read_tape(tape.path).dropped == {BOT_AUDIO: tape.dropped[BOT_AUDIO]}
    assert [m.data["name"] for m in read_tape(tape.path).messages(EVENTS)] == ["tape.dropped"]


def test_nothing_reaches_the_disk_before_consent(tmp_path):
    tape = writer(tmp_path / "s1.mcap", hold=True)
    tape.write(TRANSCRIPT, 0, {"who": "caller", "text": "yes", "kind": "final", "source": "x"})
    assert not tape.path.exists()
    tape.release()
    tape.close()
    assert [m.data["text"] for m in read_tape(tape.path).messages()] == ["yes"]
    refused = writer(tmp_path / "s2.mcap", hold=True)
    refused.write(TRANSCRIPT, 0, {"who": "caller", "text": "no"})
    refused.discard()
    assert not refused.path.exists()


def test_withdrawn_consent_deletes_the_tape(tmp_path):
    tape = writer(tmp_path / "s1.mcap")
    tape.write(EVENTS, 0, {"name": "tick", "detail": {}})
    tape.discard()
    tape.write(EVENTS, 1, {"name": "tock", "detail": {}})
    assert list(tmp_path.iterdir()) == []


def test_a_tape_is_never_overwritten(tmp_path):
    fill(tmp_path / "s1.mcap", 2)
    with pytest.raises(FileExistsError):
        writer(tmp_path / "s1.mcap")


def test_retention_expires_old_tapes_and_deletes_a_session(tmp_path):
    for name in ("old.mcap", "new.mcap", "old.mcap.sealed", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    now = time.time()
    for name in ("old.mcap", "old.mcap.sealed", "notes.txt"):
        os.utime(tmp_path / name, (now - 31 * 86_400,) * 2)
    assert {p.name for p in expire(tmp_path, 30)} == {"old.mcap", "old.mcap.sealed"}
    assert [p.name for p in delete(tmp_path, "new")] == ["new.mcap"]
    assert delete(tmp_path, "new") == []
    with pytest.raises(TapeError, match="plain file name"):
        tape_path(tmp_path, "../etc/passwd", sealed=False)
