"""The command line, as a person runs it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEYS = ("DEEPGRAM", "ANTHROPIC", "CARTESIA", "OPENAI", "GOOGLE", "ELEVENLABS")


def environment(tapes: Path, **more: str) -> dict[str, str]:
    """An environment without keys and settings of ours, whose tapes lie elsewhere."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name.removesuffix("_API_KEY") not in KEYS and not name.startswith("VIVACE_")
    }
    return {**clean, "VIVACE_TAPES": str(tapes), "NO_COLOR": "1", **more}


def run(*arguments: str, tapes: Path, within: float = 60, prefix: tuple[str, ...] = (), **more):
    """Run ``runner.py``; returns the finished process with its text."""
    return subprocess.run(
        [*prefix, sys.executable, "runner.py", *arguments],
        cwd=ROOT,
        env=environment(tapes, **more),
        capture_output=True,
        text=True,
        timeout=within,
    )
