"""What a server and its calls survive: restarts, kills, and faults of the world around them.

    python -m tests.benchmarks.chaos [--quick] [--write]

Real processes throughout. Rolling restarts (``--take-over``) under calls over WebSockets and
WebRTC; workers and session processes ended by ``kill -9`` at random moments, with every side
effect counted by the HTTP service it is done to; Redis stopped and its network cut, the disk full,
the clock set, connections that dribble, tokens forged and used again. Interleaved with the kills:
the same workers calling their tool as plain Pipecat does. ``--write`` makes ``docs/faults.md`` of
the run. The last line is one JSON object:

- ``restarts``, ``dropped``: rolling restarts, and of the ``calls`` held meanwhile, those that
  failed, ended or fell silent before their caller hung up.
- ``kills``: processes killed, of both kinds; ``stillborn`` died before their first word.
- ``lost_writes``: writes that were acknowledged and gone; ``lost_effects``: that were acknowledged
  and never done; ``double_effects``: done twice; ``plain_double_effects``: of ``plain_kills`` plain
  workers.
- ``resume_p95_s``: from the ``kill -9`` of a call's process until a new one had the session, its
  pipeline was ready and the caller, who dials anew at once, was told so. ``first_word_p95_s``:
  until the bot's first word: the caller is back in the conversation. Both with nothing of this
  benchmark running beside them. ``forgotten``: conversations not known.
- ``faults``, ``survived``, ``untried``: of the other faults. ``load``: the machine's load average.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path

from loguru import logger

from tests.chaos.faults import Fault, all_faults
from tests.chaos.kills import kills
from tests.chaos.network import network_faults
from tests.chaos.restarts import restarts
from tests.chaos.resumes import resumes
from tests.support.redis_process import REDIS, RedisProcess

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
ROUND = 100
FULL = {"restarts": 200, "kills": 1000, "resumes": 40}
QUICK = {"restarts": 4, "kills": 40, "resumes": 2}


async def killed(folder: Path, count: int) -> dict:
    """Workers killed on both stores in turn, and plain ones between them."""
    urls = [f"sqlite:{folder}/kills.db"]
    redis = RedisProcess(folder) if REDIS else None
    if redis:
        redis.start()
        urls.append(redis.url)
    ours, plain, seed = Counter(), Counter(), 0
    each = max(10, min(ROUND, count // 4))
    try:
        while ours["kills"] < count:
            url, seed = urls[seed % len(urls)], seed + 1
            size = min(each, count - ours["kills"])
            ours.update(await kills(url, count=size, seed=seed))
            plain.update(await kills(url, count=max(5, size // 4), seed=seed, plain=True))
    finally:
        if redis:
            redis.stop()
    beside = {f"plain_{name}": plain[name] for name in ("kills", "double_effects")}
    return dict(ours) | beside


async def bench(sizes: dict[str, int]) -> tuple[dict, list[Fault]]:
    """All figures, and the table."""
    with tempfile.TemporaryDirectory(prefix="vivace-chaos-") as name:
        folder = Path(name)
        for part in ("kills", "faults", "resumes"):
            (folder / part).mkdir()
        rolling = asyncio.create_task(restarts(sizes["restarts"]))
        work = await killed(folder / "kills", sizes["kills"])
        table = await all_faults(folder / "faults") + await network_faults(folder)
        rolling = await rolling
        back = await resumes(folder / "resumes", kills=sizes["resumes"])  # nothing runs beside it
    for fault in rolling.pop("faults"):
        print(fault, file=sys.stderr)
    figures = {**rolling, **work, **back, "kills": work["kills"] + back["resumes"]}
    figures["faults"] = len(table)
    figures["survived"] = sum(one.survived is True for one in table)
    figures["untried"] = sum(one.survived is None for one in table)
    figures["load"] = round(os.getloadavg()[0], 1)
    return figures, rows(figures) + table


def rows(figures: dict) -> list[Fault]:
    """The figures as lines of the table."""
    f = figures
    return [
        Fault(
            f"{f['restarts']} rolling restarts under {f['calls']} calls",
            f["dropped"] == 0 and f["left_behind"] == 0,
            f"{f['dropped']} calls dropped; longest gap in the sound {f['longest_silence_s']} s",
        ),
        Fault(
            f"`kill -9` of a worker at {f['kills'] - f['resumes']} random points, both stores",
            f["lost_writes"] == f["lost_effects"] == f["double_effects"] == 0,
            f"of {f['told']} acknowledged requests {f['lost_writes']} writes lost,"
            f" {f['double_effects']} effects done twice (tools as plain Pipecat calls them:"
            f" {f['plain_double_effects']} in {f['plain_kills']} kills)",
        ),
        Fault(
            f"`kill -9` of a call's process, {f['resumes']} times",
            f["forgotten"] == 0,
            f"the bot is ready again within {f['resume_p95_s']} s, and speaks within"
            f" {f['first_word_p95_s']} s (p95)",
        ),
    ]


def page(table: list[Fault], *, load: float) -> str:
    """The table, for people."""
    words = {True: "yes", False: "**no**", None: "not tried"}
    lines = "\n".join(f"| {f.fault} | {words[f.survived]} | {f.noticed} |" for f in table)
    return (
        "# Faults\n\n"
        "What was tried, whether it was survived, and what the caller noticed. Made by\n"
        "`python -m tests.benchmarks.chaos --write`"
        f" on {date.today()} ({os.cpu_count()} cores, load {load}); times are those of that machine.\n\n"
        f"| Fault | Survived | The caller noticed |\n|---|---|---|\n{lines}\n"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    for name, most in FULL.items():
        parser.add_argument(f"--{name}", type=int, help=f"how many ({most})")
    args = parser.parse_args()
    logger.remove()
    asked = {name: getattr(args, name) for name in FULL if getattr(args, name) is not None}
    figures, table = asyncio.run(bench({**(QUICK if args.quick else FULL), **asked}))
    if args.write:
        PAGE.write_text(page(table, load=figures["load"]))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
