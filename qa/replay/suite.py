"""Replays many tapes on all cores, with a progress bar."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from pathlib import Path

from qa.replay.report import How, Report, replay_file


def replay_all(
    tapes: list[Path],
    how: How,
    *,
    jobs: int | None = None,
    executor: Callable[..., Executor] | None = None,
) -> Iterator[Report]:
    """Replay tapes in processes of their own; yields reports as they are done.

    Args:
        tapes: The files.
        how: How to replay them.
        jobs: Processes; one a core when None.
        executor: Makes what runs them, given the number of processes and what each does first;
            processes of this machine when None.
    """
    with (executor or on_this_machine)(jobs and min(jobs, len(tapes)), initializer=quiet) as pool:
        largest_first = sorted(tapes, key=lambda tape: -tape.stat().st_size)
        for done in as_completed([pool.submit(replay_file, tape, how) for tape in largest_first]):
            yield done.result()


def on_this_machine(workers: int | None, *, initializer: Callable[[], None]) -> Executor:
    """Processes of this machine; one a core when ``workers`` is None."""
    # Spawned, not forked: a replay owns the interpreter's clocks.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=initializer)


def quiet() -> None:
    """Log nothing, here and now: it may be a caller's."""
    from loguru import logger

    logger.remove()
    os.environ.setdefault("PIPECAT_LOG_LLM_CONTEXT", "off")
