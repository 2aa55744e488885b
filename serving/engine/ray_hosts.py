"""Hosts on every node of a Ray cluster, and replays on all of its cores.

Ray knows the nodes, starts a host on each that comes, and asks its autoscaler for more when they
fill up. The host itself is the server of the ``hosts`` engine, a clean process beside Ray's: no
call, no sound and no signalling passes through Ray, and a lost node's sessions go on elsewhere by
their leases, long before Ray knows of the loss.

Every node has this folder at the same path, and its own ``.env``: secrets and keys are not sent.
"""

import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from dotenv import load_dotenv
from loguru import logger

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
try:
    import ray  # pyright: ignore[reportMissingImports]
    from ray.autoscaler.sdk import request_resources  # pyright: ignore[reportMissingImports]
    from ray.exceptions import RayError  # pyright: ignore[reportMissingImports]
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(
        "Ray is not installed. Install it with pip install -e '.[scale]', or use several hosts "
        "without it: --engine hosts."
    ) from error

ROOT = Path(__file__).parents[2]
NAMESPACE = "vivace"
REGION_LABEL = "ray.io/availability-region"

SHARE = 0.75
"""Of a node's cores, what its host takes; above it answers come later and later."""

FULL = 0.7
"""How full hosts may be on average before the cluster is asked for another node."""

LOOK_SECS = 2.0
START_SECS = 60.0
LEAVE_SECS = 60.0


class ClusterError(ConnectionError):
    """The cluster cannot be used; the message says why."""


def join() -> None:
    """Join the cluster of ``RAY_ADDRESS``, or the one that runs on this machine.

    Raises:
        ClusterError: There is none.
    """
    if ray.is_initialized():
        return
    # Of what runs here nothing is logged to Ray's files: it may be a caller's.
    beside = {"env_vars": {"PYTHONPATH": str(ROOT), "PIPECAT_LOG_LLM_CONTEXT": "off"}}
    try:
        ray.init(
            address=os.environ.get("RAY_ADDRESS") or "auto",
            namespace=NAMESPACE,
            runtime_env=beside,
            log_to_driver=False,
            configure_logging=False,
        )
    except (ConnectionError, ValueError) as error:
        raise ClusterError(
            f"There is no Ray cluster here ({error}). Start one with `ray start --head` and join "
            "it from other machines, or name it in RAY_ADDRESS."
        ) from error


class RayExecutor(ThreadPoolExecutor):
    """Runs functions on the cores of the cluster; the threads here only wait for them.

    What runs on a node that is lost runs again on another.

    Args:
        max_workers: Most functions at a time; four for each core that is there now, so that an
            autoscaler sees what is waiting, when None.
        initializer: Called there before each function.
    """

    def __init__(self, max_workers: int | None = None, *, initializer: Callable[[], Any] = int):
        """Join the cluster."""
        join()
        cores = ray.cluster_resources().get("CPU", 1)
        super().__init__(max_workers or math.ceil(4 * cores))
        self._prepare = initializer

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Run a function; it, its arguments and what it returns are pickled."""
        return super().submit(lambda: ray.get(_run.remote(self._prepare, fn, *args, **kwargs)))


@ray.remote(num_cpus=1, scheduling_strategy="SPREAD")
def _run(prepare: Callable[[], Any], fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    load_dotenv(ROOT / ".env")
    prepare()
    return fn(*args, **kwargs)


class SessionHost:
    """A node's host: an actor around its server's process.

    Args:
        words: Of ``runner.py serve``.
        port: Where it listens; 0 for any free port.
        region: Where the node is.
    """

    def __init__(self, words: Sequence[str], *, port: int, region: str):
        """Start the server, and wait until it takes callers.

        Raises:
            ClusterError: It does not start.
        """
        node = ray.util.get_node_ip_address()
        port = port or _free_port(node)
        self.url = f"http://{node}:{port}"
        where = ["--host", node, "--port", str(port), "--host-url", self.url, "--region", region]
        command = [sys.executable, "runner.py", *words, "--engine", "hosts", *where]
        # One whose actor was lost goes when its calls have ended, and hands over its port.
        for more in ([], ["--take-over"]):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "serving.engine.tether", *command, *more],
                cwd=ROOT,
                env={k: v for k, v in os.environ.items() if not k.startswith("RAY_")},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            assert self._process.stdout
            if any(b"Open http" in line for line in iter(self._process.stdout.readline, b"")):
                return
        raise ClusterError(f"The host on {node} did not start. Its log is in Ray's of this actor.")

    def status(self) -> dict[str, Any]:
        """Its ``url``, and its ``load`` from 0 to 1."""
        try:
            offers = httpx.get(f"{self.url}/hosts", timeout=5).json()
        except httpx.HTTPError:
            os._exit(1)  # Ray starts this actor anew, and the actor the host
        return next(offer for offer in offers if offer["url"] == self.url)

    def leave(self) -> None:
        """Take nobody more in; returns when its calls have ended, or their time is up."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.read()


class RayHosts:
    """A host on every node that has cores.

    Args:
        words: Of ``runner.py serve``, for all of them.
        port: Where they listen; 0 for any free port.
    """

    def __init__(self, words: Sequence[str], *, port: int):
        """Join the cluster.

        Raises:
            ClusterError: There is none.
        """
        join()
        self._words, self._port = words, port
        self._actors: dict[str, Any] = {}
        self._urls: dict[str, str] = {}
        self._cores = 1.0

    def look(self) -> list[str]:
        """Start hosts on nodes that have none; returns the URLs of those that are new."""
        nodes = {n["NodeID"]: n for n in ray.nodes() if n["Alive"] and n["Resources"].get("CPU")}
        for gone in self._actors.keys() - nodes.keys():
            del self._actors[gone]
            logger.warning(f"The node of {self._urls.pop(gone, gone)} is lost")
        for node in nodes.keys() - self._actors.keys():
            self._actors[node] = self._start(nodes[node])
        asked = {actor.status.remote(): node for node, actor in self._actors.items()}
        done, _ = ray.wait(list(asked), num_returns=len(asked), timeout=START_SECS)
        loads, new = [], []
        for one in done:
            try:
                status = ray.get(one)
            except RayError as error:
                logger.warning(f"A host does not answer: {type(error).__name__}")
                continue
            loads.append(status["load"])
            if self._urls.get(asked[one]) != status["url"]:
                self._urls[asked[one]] = status["url"]
                new.append(status["url"])
        request_resources(bundles=[{"CPU": self._cores}] * max(1, math.ceil(sum(loads) / FULL)))
        return new

    def leave(self) -> None:
        """Let all hosts' calls end, then the hosts."""
        leaving = [actor.leave.remote() for actor in self._actors.values()]
        ray.wait(leaving, num_returns=len(leaving), timeout=LEAVE_SECS)
        for actor in self._actors.values():
            ray.kill(actor)

    def _start(self, node: dict[str, Any]) -> Any:
        share = SHARE * node["Resources"]["CPU"]
        self._cores = math.floor(share) or share
        region = node.get("Labels", {}).get(REGION_LABEL, "")
        actor = ray.remote(SessionHost).options(
            name=f"host-{node['NodeID']}",
            get_if_exists=True,
            lifetime="detached",  # calls go on when whoever started the hosts is gone
            max_restarts=-1,
            num_cpus=self._cores,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )
        return actor.remote(self._words, port=self._port, region=region)


def serve(words: Sequence[str], *, port: int, announce: Callable[[str], None]) -> None:
    """Keep a host on every node until Ctrl-C or SIGTERM; then let their calls end.

    Args:
        words: Of ``runner.py serve``.
        port: Where each listens; 0 for any free port.
        announce: Told the URL of each.

    Raises:
        ClusterError: There is no cluster.
    """
    hosts = RayHosts(words, port=port)
    try:
        while True:
            for url in hosts.look():
                announce(url)
            time.sleep(LOOK_SECS)
    finally:
        hosts.leave()


def _free_port(node: str) -> int:
    with socket.socket() as free:
        free.bind((node, 0))
        return free.getsockname()[1]
