"""A Ray cluster of one's own: nodes that are processes of this machine."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from tests.support.machines import lose

# Read when Ray is imported: the cluster is on loopback, tells nobody of itself, and its workers
# have the priority of the processes that they are compared with.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_worker_niceness": "0",
}

OBJECTS = 80 * 2**20
"""Bytes of a node's object store: the least that Ray takes."""


class Nodes:
    """The nodes beside a head that runs nothing."""

    def __init__(self, cluster: Any):
        self._cluster = cluster
        self._nodes: list[Any] = []

    def add(self, *, cpus: int = 1, **options: Any) -> Any:
        """Add a node, and wait until the others know it."""
        node = self._cluster.add_node(
            node_ip_address="127.0.0.1", num_cpus=cpus, object_store_memory=OBJECTS, **options
        )
        self._nodes.append(node)
        self._cluster.wait_for_nodes()
        return node

    def lose(self, node: Any, *others: int) -> None:
        """Lose a node with all that runs on it.

        Args:
            node: What :meth:`add` gave.
            others: Processes that are on it, and that Ray does not know.
        """
        pids = [info.process.pid for kind in node.all_processes.values() for info in kind]
        lose(*pids, *others)


@contextlib.contextmanager
def ray_cluster(**system: Any) -> Iterator[Nodes]:
    """A cluster, named in ``RAY_ADDRESS`` while the block runs.

    Args:
        system: Of Ray's own settings.
    """
    import ray
    from ray.cluster_utils import Cluster

    head = {
        "node_ip_address": "127.0.0.1",
        "num_cpus": 0,
        "include_dashboard": False,
        "object_store_memory": OBJECTS,
        "_system_config": system,
    }
    cluster = Cluster(initialize_head=True, head_node_args=head)
    os.environ["RAY_ADDRESS"] = cluster.address
    try:
        yield Nodes(cluster)
    finally:
        ray.shutdown()
        cluster.shutdown()
        del os.environ["RAY_ADDRESS"]
