"""A closed world for replays: a clock that jumps, a loop that follows it, a network in memory."""

from qa.virtual.clock import VirtualClock
from qa.virtual.hermetic import ReplayNetworkError
from qa.virtual.loop import ReplayDeadlock, ReplayOverrun, VirtualLoop, run
from qa.virtual.memnet import MemoryNetwork

__all__ = [
    "MemoryNetwork",
    "ReplayDeadlock",
    "ReplayNetworkError",
    "ReplayOverrun",
    "VirtualClock",
    "VirtualLoop",
    "run",
]
