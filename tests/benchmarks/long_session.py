"""An eight-hour session on the virtual clock: context tokens, images and memory over time.

A caller says something every 25 s and shows a picture every fifth time; the model is Claude's
double behind its real client. No sound is played: the context and the process are what is measured.
Compared with the same session whose context is only appended to.

Run: ``python -m tests.benchmarks.long_session [--quick] [--plot FILE.svg]``. ``--quick`` is one
hour. The last line is JSON: ``tokens_max``, ``tokens_last_hour`` (the most in it), ``images_max``,
``appended_tokens`` (what the context would be without a budget), ``rss_growth_mb`` from the first
tenth to the end, ``pinned_kept``.
"""

import argparse
import asyncio
import base64
import gc
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from loguru import logger
from pipecat.frames.frames import LLMFullResponseEndFrame, LLMMessagesAppendFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.workers.runner import WorkerRunner

from qa.virtual import run
from services import llm
from services.rehearsal.latency import profile_named
from services.rehearsal.server import serve
from services.rehearsal.state import Rehearsal
from sessions.context_budget import ContextBudget
from sessions.context_tokens import anthropic_image, image_tokens, images_of, text_tokens
from tests.rehearsal.stage import Sink
from tests.services.support import LittleSession
from tests.support.virtual_call import WALL

EVERY_SECS, PICTURE_EVERY = 25.0, 5
SCRIPT = """
rules:
  - hear: Summarise|CONVERSATION|conversation
    say: They have spoken about many visits, and the caller keeps asking about the next one.
otherwise: I have noted that. The next visit is on Friday at noon, and a letter will follow.
"""
SAYS = "this is what i want to ask about the visit number {0} and the letter that came with it " * 3


def rss_mb() -> float:
    """Resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def picture(n: int) -> dict:
    """A message with a picture of 640 by 480."""
    from PIL import Image

    data = io.BytesIO()
    noise = np.random.default_rng(n).integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(noise).resize((640, 480)).save(data, "JPEG")
    url = f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
    text = {"type": "text", "text": SAYS.format(n)}
    return {"role": "user", "content": [text, {"type": "image_url", "image_url": {"url": url}}]}


async def live(hours: float) -> tuple[list[tuple[float, int, int, float]], int, bool]:
    """Live through it.

    Returns:
        Samples of (hour, tokens, images, MB); what would have been appended; whether the pinned
        fact was there at the end.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "little.rehearsal.yaml").write_text(SCRIPT)
        house = Rehearsal(scripts=Path(folder), profile=profile_named("typical"), engines=False)
        server = await serve(house)
        host, port = server.addresses[0][:2]
        os.environ["VIVACE_REHEARSAL"] = f"{host}:{port}"
        loop = asyncio.get_running_loop()
        mind, context, sink = (
            llm(LittleSession(), "anthropic/claude-sonnet-4-6"),
            LLMContext(),
            Sink(),
        )
        began = loop.time()
        budget = ContextBudget(now=lambda: loop.time() - began)
        budget.guard(mind)
        budget.pin("allergies", "penicillin")
        user, assistant = LLMContextAggregatorPair(context)
        worker = PipelineWorker(
            Pipeline([user, mind, sink, assistant]), enable_rtvi=False, cancel_on_idle_timeout=False
        )
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        running = asyncio.create_task(runner.run())
        samples, appended, n = [], 0.0, 0
        while loop.time() - began < hours * 3600:
            n += 1
            said = {"role": "user", "content": SAYS.format(n)}
            if n % PICTURE_EVERY == 0:
                said = picture(n)
            await worker.queue_frame(LLMMessagesAppendFrame([said], run_llm=True))
            await sink.until(lambda s: s.of(LLMFullResponseEndFrame))
            sink.frames.clear()
            appended += text_tokens(said) + 25
            appended += sum(image_tokens(part, anthropic_image) for part in images_of(said))
            if n % 20 == 0:
                gc.collect()  # the virtual loop does so rarely
            images = sum(len(images_of(message)) for message in context.messages)
            at = (loop.time() - began) / 3600
            samples.append((at, budget.cost(context, mind), images, rss_mb()))
            await asyncio.sleep(EVERY_SECS)
        kept = "penicillin" in str(context.messages)
        await worker.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.cleanup()
        return samples, round(appended), kept


def plot(samples: list[tuple[float, int, int, float]]) -> str:
    """Draw tokens, images and memory over time, as SVG."""
    width, height, left, gap = 760, 110, 70, 34
    hours = samples[-1][0]
    drawn = []
    for row, (name, index, colour) in enumerate(
        [("tokens", 1, "#2563eb"), ("images", 2, "#d97706"), ("memory, MB", 3, "#059669")]
    ):
        top = 24 + row * (height + gap)
        most = max(sample[index] for sample in samples) * 1.1 or 1
        points = " ".join(
            f"{left + s[0] / hours * (width - left - 10):.1f},{top + height * (1 - s[index] / most):.1f}"
            for s in samples
        )
        drawn.append(
            f'<text x="{left}" y="{top - 6}">{name}</text>'
            f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{most / 1.1:,.0f}</text>'
            f'<line x1="{left}" y1="{top + height}" x2="{width - 10}" y2="{top + height}" '
            'stroke="#999"/>'
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
    end = 24 + 3 * (height + gap)
    drawn.append(f'<text x="{width - 10}" y="{end}" text-anchor="end">{hours:.1f} hours</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{end + 12}" '
        f'font-family="sans-serif" font-size="12">{"".join(drawn)}</svg>\n'
    )


def main() -> None:
    """Live through a session and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one hour instead of eight")
    parser.add_argument("--plot", type=Path, help="where the plot goes, as SVG")
    options = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    hours = 1.0 if options.quick else 8.0
    samples, appended, kept = run(lambda _loop: live(hours), wall_start_ns=WALL)
    if options.plot:
        options.plot.write_text(plot(samples))
    tokens = [sample[1] for sample in samples]
    last = [sample[1] for sample in samples if sample[0] > hours - 1]
    told = {
        "hours": hours,
        "turns": len(samples),
        "tokens_max": max(tokens),
        "tokens_last_hour": max(last),
        "images_max": max(sample[2] for sample in samples),
        "appended_tokens": appended,
        "rss_growth_mb": round(samples[-1][3] - samples[len(samples) // 10][3], 1),
        "pinned_kept": kept,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
