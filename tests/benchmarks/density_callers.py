"""The WebRTC callers of the density benchmark, in a process on the cores that the server leaves."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from loguru import logger

from qa.call.caller import Caller
from qa.call.script import Line
from qa.call.wire import use_loopback_only
from tests.benchmarks.density_call import RATE_IN, utterance

INTERRUPTS_SECS = 8.0


async def main() -> None:
    """Call as the order says; the last line printed is what was heard."""
    order = json.loads(sys.argv[1])
    logger.remove()
    others = set(range(os.cpu_count() or 1)) - {order["core"]}
    os.sched_setaffinity(0, others or {order["core"]})
    use_loopback_only()
    sound = Path(tempfile.mkdtemp(prefix="vivace-density-")) / "utterance.wav"
    soundfile.write(str(sound), np.frombuffer(b"".join(utterance()), np.int16), RATE_IN)
    said = Line(audio=str(sound), barge_in=INTERRUPTS_SECS)
    lines = [Line(audio=str(sound)), *[said] * 100]
    told: list[list[dict]] = []

    def caller(number: int) -> Caller:
        told.append([])
        return Caller(order["url"], body={"bot": "density"}, tell=told[-1].append, seed=number)

    if order["arm"] == "dial":
        for number in range(order["n"]):
            one = caller(number)
            call = asyncio.create_task(one.call(lines[:1]))
            async with asyncio.timeout(20):
                while not any(e["type"] == "speech" or e["type"] == "failed" for e in told[-1]):
                    await asyncio.sleep(0.01)
            one.hang_up()
            await call
        since = [0.0] * len(told)
    else:
        callers = [caller(number) for number in range(order["n"])]
        calls = []
        for one in callers:
            calls.append(asyncio.create_task(one.call(lines)))
            await asyncio.sleep(0.3)
        await asyncio.sleep(order["warm"] + 4)
        since = [one.now() for one in callers]
        print(flush=True)
        await asyncio.sleep(order["secs"])
        for one in callers:
            one.hang_up()
        await asyncio.gather(*calls)
    answers, dials, failed = [], [], []
    for events, start in zip(told, since):
        answered = (e for e in events if e["type"] == "answered" and e["at"] > start)
        answers += [e["voice_to_voice_ms"] / 1000 for e in answered]
        dials += [e["at"] for e in events if e["type"] == "speech" and e["who"] == "bot"][:1]
        failed += [e["error"] for e in events if e["type"] == "failed"]
    print(json.dumps({"answers": answers, "dials": dials, "failed": failed}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
