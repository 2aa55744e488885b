"""A machine that is lost under its calls, and replays spread over several.

    python -m tests.benchmarks.cluster [--quick]

Two hosts of the product itself (``runner.py serve --engine hosts``), one Redis, and callers on
Pipecat's WebSocket wire. All processes of a host are ended at once in mid-call; its callers dial the
other at once, with the address they were given. In the same run, what Ray does alone: an actor a
session that it starts anew when its node is lost, with health checks 20 times as often as Ray's
own. Then cassettes are replayed on the nodes of a local Ray cluster, and by a pool of processes,
one at a time and two at a time by turns. The last line is one JSON object:

- ``resume_s``: p95 of the seconds from the loss until a caller's bot was ready again on the other
  host; ``resume_p50_s``; ``first_word_p95_s``: until its first word; of ``sessions``.
  ``resume_with_server_s``: the same of a bot that starts a tool server of its own with each call.
- ``lost_turns``: turns and effects that the store had acknowledged and were gone; ``forgotten``:
  conversations that the bot did not know; ``strays``: sessions that another process than the
  one that the caller speaks with holds.
- ``ray_alone_resume_s``: until the last of Ray's own actors answered again.
- ``replay_scaling``: replays a second on two nodes of a core each, by those on one;
  ``replays``: how many ran on two, ``replays_a_node`` by node; ``differing``: those that were not
  the same call; ``pool_scaling``: of the pool.
- ``load``: the machine's load average. On two cores that others use too, 2.0 is out of reach.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from loguru import logger

from qa.replay.report import How, replay_file
from qa.replay.suite import on_this_machine, quiet
from sessions import tokens
from sessions.resume import CUT_OFF
from tests.chaos.resumes import SAYS, Caller, environment
from tests.support.machines import below, free_port, lose
from tests.support.ray_cluster import Nodes, ray_cluster
from tests.support.redis_process import RedisProcess

ROOT = Path(__file__).parents[2]
CASSETTES = ROOT / "tests" / "cassettes"
SHORTEST = CASSETTES / "barge-in.mcap.sealed"
BOT, WITH_SERVER = "vision_copilot", "consultation"
FULL = {"bots": [BOT] * 5 + [WITH_SERVER], "callers": 4, "replays": 200, "alone": 28}
QUICK = {"bots": [BOT], "callers": 2, "replays": 4, "alone": 2}
NEVER_BUSY = """
import sys
from serving.engine.load import Limits
import runner

Limits.exceeded = lambda *_, **__: ""
sys.exit(runner.main(sys.argv[1:]))
"""
"""A host whose admission does not look at the machine's load: that is its neighbours' too."""

OFTEN = {
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 250,
    "health_check_timeout_ms": 500,
    "health_check_failure_threshold": 5,
}


class Machine:
    """A host."""

    def __init__(self, url: str, process: asyncio.subprocess.Process):
        """Know it."""
        self.url, self.process = url, process

    @classmethod
    async def start(cls, folder: Path, store: str) -> "Machine":
        """Start one; returns when it takes callers."""
        port = free_port()
        words = ["serve", "--engine", "hosts", "--port", str(port), "--loopback"]
        with (folder / f"{port}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", NEVER_BUSY, *words),
                cwd=ROOT,
                env=environment(folder) | {"VIVACE_STORE": store},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert process.stdout
        async with asyncio.timeout(90):
            while b"Open http" not in (line := await process.stdout.readline()):
                assert line, (folder / f"{port}.log").read_text()[-2000:]
        return cls(f"http://127.0.0.1:{port}", process)


class Cut(Caller):
    """A caller whose machine is lost."""

    def __init__(self, url: str, redis, *, bot: str):
        """Know where and whom to call, and the store's server."""
        super().__init__(url, Path(), bot=bot, roundTrips={url: 0})
        self._redis = redis

    def _row(self) -> tuple:
        owner, state = self._redis.hmget(f"vivace:session:{self.session}", "owner", "state")
        return owner and owner.decode(), state

    def on(self, host: Machine) -> bool:
        """Whether the caller is there."""
        return urlsplit(host.url).netloc in self._where

    def noted(self) -> list[bytes]:
        """What the store has acknowledged."""
        return self._redis.lrange(f"vivace:events:{self.session}", 0, -1)

    async def come_back(self, url: str, lost_at: float) -> tuple[float, float, bool]:
        """Seconds from the loss until the bot is ready and says a word, and whether it knew."""
        assert self._socket
        await self._socket.wait_closed()
        self._where = urlsplit(self._where)._replace(netloc=urlsplit(url).netloc).geturl()
        await self.connect()
        ready = time.monotonic() - lost_at
        await self.until(lambda: self.said)
        return ready, time.monotonic() - lost_at, self.said[0] in CUT_OFF


async def losses(folder: Path, *, bots: list[str], callers: int) -> dict:
    """Lose hosts under their callers, one after the other: one for each of the bots."""
    import redis as client

    draws, found, lost, strays = random.Random(7), {}, 0, 0
    server = RedisProcess(folder)
    server.start()
    redis = client.Redis.from_url(server.url)
    hosts = list(await asyncio.gather(*(Machine.start(folder, server.url) for _ in range(2))))
    try:
        for number, bot in enumerate(bots):
            one, other = hosts
            line = [Cut(one.url, redis, bot=bot) for _ in range(callers)]
            await asyncio.gather(*(caller.dial() for caller in line))
            # A host that finds the machine busy sends callers on to the other.
            if sum(caller.on(one) for caller in line) < callers / 2:
                one, other = other, one
            line = [caller for caller in line if caller.on(one)]
            for caller in line:
                await caller.say(draws.choice(SAYS))
            await asyncio.sleep(draws.uniform(0.5, 2))
            noted = [caller.noted() for caller in line]
            lost_at = time.monotonic()
            lose(one.process.pid)
            back = await asyncio.gather(*(c.come_back(other.url, lost_at) for c in line))
            found.setdefault(bot, []).extend(back)
            for before, caller in zip(noted, line):
                lost += sum(event not in caller.noted() for event in before)
            there = below(other.process.pid)
            strays += sum(caller.pid not in there for caller in line)
            for caller in line:
                await caller.hang_up()
            await one.process.wait()
            if number + 1 < len(bots):
                hosts = [other, await Machine.start(folder, server.url)]
    finally:
        for host in hosts:
            with contextlib.suppress(ProcessLookupError):
                lose(host.process.pid)
            await host.process.wait()
        redis.close()
        server.stop()
    ready, words, knew = zip(*found[BOT])
    with_server = [ready for ready, *_ in found.get(WITH_SERVER, ())]
    return {
        "resume_s": _p(ready, 95),
        "resume_p50_s": _p(ready, 50),
        "first_word_p95_s": _p(words, 95),
        "resume_with_server_s": _p(with_server, 95) if with_server else None,
        "sessions": len(ready),
        "lost_turns": lost,
        "forgotten": knew.count(False),
        "strays": strays,
    }


def _p(secs, percentile: int) -> float:
    return round(float(np.percentile(secs, percentile)), 2)


def ray_alone(nodes: Nodes, *, sessions: int = 4) -> float:
    """Lose a node under actors; seconds until Ray has the last of them elsewhere."""
    import ray

    @ray.remote(num_cpus=0.01, max_restarts=-1, max_task_retries=-1)
    class Session:
        def turn(self) -> str:
            return ray.get_runtime_context().get_node_id()

    doomed = nodes.add(resources={"doomed": 1})
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(doomed.node_id, soft=True)
    actors = [Session.options(scheduling_strategy=there).remote() for _ in range(sessions)]
    assert set(ray.get([a.turn.remote() for a in actors])) == {doomed.node_id}
    began = time.monotonic()
    nodes.lose(doomed)
    ray.get([actor.turn.remote() for actor in actors], timeout=60)
    return round(time.monotonic() - began, 1)


def replayed(tape: Path, how: How) -> tuple[str, bool]:
    """Replay; the node, or process, that did it, and whether it was the same call."""
    same = replay_file(tape, how).same
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        return sys.modules["ray"].get_runtime_context().get_node_id(), same
    return str(os.getpid()), same


def rate(pool: Executor, tapes: list[Path]) -> tuple[float, Counter, int]:
    """Replays a second, by whom, and how many were not the same call."""
    began = time.monotonic()
    done = [one.result() for one in [pool.submit(replayed, tape, How()) for tape in tapes]]
    secs = time.monotonic() - began
    return len(tapes) / secs, Counter(who for who, _ in done), sum(not same for _, same in done)


def replays(*, count: int, alone: int) -> dict:
    """Replays on one node and on two, and in one process and in two.

    Args:
        count: How many on two nodes.
        alone: How many on one, or in one process.
    """
    from serving.engine.ray_hosts import RayExecutor

    tapes = [SHORTEST] if count < 50 else sorted(CASSETTES.glob("*.mcap*"))
    suite = list(itertools.islice(itertools.cycle(tapes), count))
    rates: dict[tuple[str, int], list[float]] = {}
    by_node, differing = Counter(), 0
    with contextlib.ExitStack() as stack:
        pools = {}
        for workers in (1, 2):
            pools["ray", workers] = RayExecutor(workers, initializer=quiet)
            pools["pool", workers] = on_this_machine(workers, initializer=quiet)
        for pool in pools.values():
            stack.enter_context(pool)
            rate(pool, [SHORTEST] * 2)  # they have imported everything
        halves = 1 if count < 50 else 2
        for _ in range(halves):
            for (kind, workers), pool in pools.items():
                many = count if kind == "ray" else 2 * alone
                size = (alone if workers == 1 else many) // halves
                speed, by, wrong = rate(pool, suite[:size])
                rates.setdefault((kind, workers), []).append(speed)
                if (kind, workers) == ("ray", 2):
                    by_node, differing = by_node + by, differing + wrong
    medians = {which: statistics.median(speeds) for which, speeds in rates.items()}
    return {
        "replay_scaling": round(medians["ray", 2] / medians["ray", 1], 2),
        "pool_scaling": round(medians["pool", 2] / medians["pool", 1], 2),
        "replays": by_node.total(),
        "replays_a_node": sorted(by_node.values()),
        "replays_a_s": round(medians["ray", 2], 2),
        "differing": differing,
    }


def bench(sizes: dict) -> dict:
    """All figures."""
    os.environ.setdefault(tokens.VARIABLE, "of a benchmark")
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="vivace-cluster-"))
        work = losses(Path(name), bots=sizes["bots"], callers=sizes["callers"])
        losing = stack.enter_context(ThreadPoolExecutor(1)).submit(asyncio.run, work)
        nodes = stack.enter_context(ray_cluster(**OFTEN))  # meanwhile: it takes its time
        for _ in range(2):
            nodes.add()
        back = losing.result()
        print(back, file=sys.stderr)
        spread = replays(count=sizes["replays"], alone=sizes["alone"])
        back["ray_alone_resume_s"] = ray_alone(nodes)
    return {**back, **spread, "load": round(os.getloadavg()[0], 1)}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    logger.remove()
    print(json.dumps(bench(QUICK if args.quick else FULL)))


if __name__ == "__main__":
    main()
