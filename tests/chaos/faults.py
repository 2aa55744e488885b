"""Faults of the world around a call: what was tried, whether it was survived, what was noticed."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import time_machine

from sessions import tokens
from sessions.resume import ticket
from sessions.store import open_store
from tests.store.calls import calling
from tests.support.redis_process import MISSING, REDIS, RedisProcess

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Fault:
    """One line of the table.

    Parameters:
        fault: What was done.
        survived: Whether the call, or the server, went on as it should; None when this machine
            cannot try it.
        noticed: What the caller noticed.
    """

    fault: str
    survived: bool | None
    noticed: str


@contextlib.contextmanager
def stored_at(url: str):
    """Keep sessions there."""
    before = os.environ.get("VIVACE_STORE")
    os.environ["VIVACE_STORE"] = url
    os.environ.setdefault(tokens.VARIABLE, "chaos of a test")
    try:
        yield
    finally:
        if before is None:
            del os.environ["VIVACE_STORE"]
        else:
            os.environ["VIVACE_STORE"] = before


async def answered(call, text: str, times: int) -> float:
    """Take a turn; seconds until its answer is in the context."""
    began = time.monotonic()
    await call.say(text)
    await call.line.until(lambda: str(call.context.messages).count("Yes of course") >= times)
    return time.monotonic() - began


async def noted(url: str, sid: str) -> list[str]:
    """The caller's turns that a store holds of a session."""
    store = open_store(url)
    events = [json.loads(event[2:]) for _, event in await store.events(sid)]
    await store.close()
    return [event["text"] for event in events if event.get("turn") == "user"]


async def redis_gone(folder: Path) -> Fault:
    """Redis is stopped in the middle of a call, and comes back."""
    what = "Redis stopped in mid-call, back after the next turn"
    if not REDIS:
        return Fault(what, None, MISSING)
    server = RedisProcess(folder)
    server.start()
    try:
        with stored_at(server.url):
            async with calling(body={}) as call:
                before = await answered(call, "one", 1)
                server.stop()
                during = await answered(call, "two", 2)
                await call.line.until(lambda: call.session.keeper.down)
                server.start()
                await call.line.until(lambda: not call.session.keeper.down)
                await answered(call, "three", 3)
            kept = await noted(server.url, call.session.id)
            async with calling(body={"resume": ticket(call.session.id, "clerk")}) as again:
                knows = again.contains("three")
    finally:
        server.stop()
    late = round(during - before, 2)
    return Fault(
        what,
        kept == ["one", "two", "three"] and knows and late < 1,
        f"nothing: the turn without a store took {late:+.2f} s; all three turns were kept",
    )


async def clock_jump(folder: Path) -> Fault:
    """The wall clock is set an hour on, and back, during a call and around a token."""
    given, now = tokens.start_token(), time.time()
    with stored_at(f"sqlite:{folder}/clock.db"):
        async with calling(body={}) as call:
            before = await answered(call, "one", 1)
            with time_machine.travel(now + 3600, tick=True):
                ahead = await answered(call, "two", 2)
                with contextlib.suppress(tokens.TokenError):
                    tokens.verify(given, purpose=tokens.START)
                    return Fault("Wall clock set on an hour", False, "an old token was taken")
            with time_machine.travel(now - 3600, tick=True):
                behind = await answered(call, "three", 3)
            owned = call.session.keeper._epoch and not call.task.done()
        kept = await noted(f"sqlite:{folder}/clock.db", call.session.id)
    slow = round(max(ahead, behind) - before, 2)
    return Fault(
        "Wall clock set on an hour, and back two, in mid-call",
        bool(owned) and kept == ["one", "two", "three"] and slow < 1,
        f"nothing ({slow:+.2f} s); an unused start token is too old by then, as it should be",
    )


ALONE = ["unshare", "--net", "--mount", "--map-root-user"]


def may_be_alone() -> bool:
    """Whether this machine lets a process have a network and mounts of its own."""
    try:
        return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def shell(*words: str) -> None:
    """Run a command of the system's."""
    subprocess.run(words, check=True)


async def apart(what: str, fault: str) -> Fault:
    """Try a fault in namespaces of its own, where a network can be cut and a disk be full."""
    words = [*ALONE, sys.executable, "-m", "tests.chaos.faults", fault]
    if not may_be_alone():
        return Fault(what, None, "this machine lets no process have a network of its own")
    process = await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await asyncio.wait_for(process.communicate(), 120)
    if process.returncode:
        return Fault(what, False, errors.decode().strip().splitlines()[-1])
    return Fault(what, **json.loads(out.splitlines()[-1]))


def network(state: str) -> None:
    """Take the only network there is up or down."""
    shell("ip", "link", "set", "lo", state)


async def network_cut(folder: Path) -> dict:
    """The way to the store is cut in mid-call and comes back; connections stay half open."""
    network("up")
    server = RedisProcess(folder)
    server.start()
    with stored_at(server.url):
        async with calling(body={}) as call:
            before = await answered(call, "one", 1)
            network("down")
            during = await answered(call, "two", 2)
            await call.line.until(lambda: call.session.keeper.down)
            network("up")
            await call.line.until(lambda: not call.session.keeper.down)
            await answered(call, "three", 3)
        kept = await noted(server.url, call.session.id)
    server.stop()
    late, twice = round(during - before, 2), len(kept) - len(set(kept))
    return {
        "survived": list(dict.fromkeys(kept)) == ["one", "two", "three"] and late < 1,
        "noticed": f"nothing: the turn without a network to the store took {late:+.2f} s; all is "
        f"kept, {twice} of the events twice (a write without an answer is repeated)",
    }


async def disk_full(folder: Path) -> dict:
    """The disk of the embedded store is full in mid-call, and then is not."""
    disk = folder / "disk"
    disk.mkdir()
    shell("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk))
    url, filler = f"sqlite:{disk}/s.db", disk / "filler"
    with stored_at(url):
        async with calling(body={}) as call:
            before = await answered(call, "one", 1)
            with filler.open("wb", buffering=0) as full, contextlib.suppress(OSError):
                while True:
                    full.write(bytes(4096))
            during = await answered(call, "two", 2)
            await call.line.until(lambda: call.session.keeper.down)
            filler.unlink()
            await call.line.until(lambda: not call.session.keeper.down)
            await answered(call, "three", 3)
        kept = await noted(url, call.session.id)
    shell("umount", "--lazy", str(disk))
    late = round(during - before, 2)
    return {
        "survived": kept == ["one", "two", "three"] and late < 1,
        "noticed": f"nothing: the turn on a full disk took {late:+.2f} s; all was written after",
    }


async def all_faults(folder: Path) -> list[Fault]:
    """Every fault, one after the other."""
    found = []
    for name, trial in (("redis", redis_gone), ("clock", clock_jump)):
        (folder / name).mkdir()
        try:
            found.append(await trial(folder / name))
        except Exception as error:
            found.append(Fault(trial.__doc__ or name, False, f"{type(error).__name__}: {error}"))
    cut = "Network to Redis cut in mid-call (a namespace of its own), and back"
    found.append(await apart(cut, "network") if REDIS else Fault(cut, None, MISSING))
    found.append(await apart("Disk of the embedded store full in mid-call, then freed", "disk"))
    return found


async def main() -> None:
    """Try the fault that is named, in this process; the last line is JSON."""
    import tempfile

    from loguru import logger

    logger.remove()
    with tempfile.TemporaryDirectory() as name:
        trial = {"network": network_cut, "disk": disk_full}[sys.argv[1]]
        print(json.dumps(await trial(Path(name))))


if __name__ == "__main__":
    asyncio.run(main())
