"""The closed world at the pace of the real clock, for comparison with virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from qa.virtual.hermetic import HermeticLoop, no_way_out

T = TypeVar("T")


def run_in_real_time(main: Callable[[HermeticLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in real time on the memory network, cut off from the outside.

    Args:
        main: Called with the loop; its coroutine is run to the end.
    """
    with no_way_out(), asyncio.Runner(loop_factory=HermeticLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, HermeticLoop)
        return runner.run(main(loop))
