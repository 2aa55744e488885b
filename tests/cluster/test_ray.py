"""A Ray cluster, a real one of this machine: hosts on its nodes, and replays on its cores."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from qa.replay.report import How
from qa.replay.suite import replay_all
from sessions import tokens
from tests.cluster.conftest import ROOT
from tests.support.machines import running
from tests.support.ray_cluster import ray_cluster
from tests.support.runner import environment

pytestmark = pytest.mark.slow
pytest.importorskip("ray", reason="Ray is not installed (pip install -e '.[scale]')")

TAPE = ROOT / "tests" / "cassettes" / "barge-in.mcap.sealed"


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    monkeypatch.setenv(tokens.VARIABLE, "only for tests")
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path}/s.db")
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path))
    with ray_cluster() as nodes:
        yield nodes


def test_a_suite_on_ray_gives_the_same_replays_and_logs_no_word(cluster):
    from serving.engine.ray_hosts import RayExecutor

    for _ in range(2):
        cluster.add()
    how = How(event_log=True)
    here = list(replay_all([TAPE], how))
    there = list(replay_all([TAPE] * 4, how, executor=RayExecutor))
    assert [report.digest for report in there] == [here[0].digest] * 4
    assert all(report.same for report in there)
    import ray

    logs = Path(ray._private.worker._global_node.get_logs_dir_path())
    written = b"".join(path.read_bytes() for path in logs.glob("worker-*"))
    assert b"rash" not in written


async def test_every_node_gets_a_host_and_one_that_is_lost_is_missed(cluster, tmp_path):
    first = cluster.add()
    words = [sys.executable, "runner.py", "serve", "consultation", "--engine", "ray"]
    service = await asyncio.create_subprocess_exec(
        *words, "--port", "0", "--loopback", "--drain", "1",
        cwd=ROOT, env=environment(tmp_path) | dict(os.environ), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def next_url():
        line = await asyncio.wait_for(service.stdout.readline(), 90)
        return line.decode().split()[1]

    async def urls(host):
        async with httpx.AsyncClient() as http:
            return {one["url"] for one in (await http.get(f"{host}/hosts")).json()}

    async def until(known, host):
        async with asyncio.timeout(10):
            while await urls(host) != known:
                await asyncio.sleep(0.2)

    try:
        one = await next_url()
        cluster.add()
        other = await next_url()
        await until({one, other}, other)
        port = one.rpartition(":")[2]
        cluster.lose(first, *running(f"--port {port}"))
        await until({other}, other)
        assert not running(f"--port {port}")
    finally:
        service.send_signal(signal.SIGINT)
        await asyncio.wait_for(service.wait(), 60)
    assert not running(f"--host-url {other}")
