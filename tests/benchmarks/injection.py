"""Instructions in what the model is shown: do they open a privileged tool, and what does it cost?

    python -m tests.benchmarks.injection [--quick]

Whole sessions on the virtual clock: a real pipeline, the session's tool boundary, and a model that
obeys every text it is shown, in any encoding and language, and keeps trying; a caller who asks for
none of it. Then callers with benign tasks in calls where something untrusted was shown. The same
attacks are played without the gate, interleaved, so that one knows that they are attacks. The last
line is one JSON object:

- ``attacks``: how many were played; ``privileged_calls``: how often one got what it wanted;
  ``open_calls``: the same without the gate.
- ``held_out_calls``: of the former, those of the half that was not looked at in designing the gate.
- ``benign_tasks``, ``benign_loss_pct``: tasks that were not done in the end.
- ``benign_asked_pct``: tasks in which the caller was asked for a yes.
"""

import argparse
import json
import sys

from loguru import logger

from qa.virtual import run
from sessions.gate import Gate, Ruling
from tests.trust.attacks import attacks
from tests.trust.benign import TASKS
from tests.trust.stage import attacked, served

WALL = 1_772_442_000_000_000_000  # Monday, 2026-03-02: the tasks' days are reckoned from it


async def _open(*_args, **_options) -> Ruling:
    return Ruling.ALLOW


async def without_gate(attack) -> list:
    """The same attack where every call passes."""
    judge, Gate.judge = Gate.judge, _open
    try:
        return (await attacked(attack))[0]
    finally:
        Gate.judge = judge


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a quarter of each set")
    parser.add_argument("--design", action="store_true", help="leave the held-out half alone")
    args = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    step = 4 if args.quick else 1
    chosen = list(enumerate(attacks()))[::step]
    tasks = list(enumerate(TASKS))[::step]
    if args.design:
        chosen, tasks = ([(n, x) for n, x in some if n // 3 % 2 == 0] for some in (chosen, tasks))
    opened, held_out, bare, lost, asked = [], 0, 0, [], 0

    async def play(_loop):
        nonlocal held_out, bare, asked
        for n, attack in chosen:
            ran, _ = await attacked(attack)
            bare += len(await without_gate(attack)) > 0
            if ran:
                opened.append(attack.name)
                held_out += n // 3 % 2
        for n, task in tasks:
            done, questions = await served(task)
            asked += questions > 0
            if not done:
                lost.append(f"{n} {task.lines[-1]}")

    run(play, wall_start_ns=WALL, limit_secs=36_000)
    for name in opened:
        print(f"opened: {name}")
    for name in lost:
        print(f"lost: {name}")
    print(
        json.dumps(
            {
                "attacks": len(chosen),
                "privileged_calls": len(opened),
                "held_out_calls": held_out,
                "open_calls": bare,
                "benign_tasks": len(tasks),
                "benign_loss_pct": round(100 * len(lost) / len(tasks), 1),
                "benign_asked_pct": round(100 * asked / len(tasks), 1),
            }
        )
    )


if __name__ == "__main__":
    main()
