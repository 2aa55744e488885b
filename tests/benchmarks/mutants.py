"""Mutation check: seeded changes to the code, and whether a replay's diff catches and places them.

``python -m tests.benchmarks.mutants [--quick]``; the last line is one JSON object:

- ``mutants``, ``caught``: changes tried, and those after which the replay is not the same call.
- ``stage_right``: caught ones whose first difference names the stage that was changed.
- ``false_alarms``: differences in replays of the unchanged code (``unchanged`` of them).
"""

import argparse
import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

CASSETTES = Path(__file__).parents[1] / "cassettes"
TOOLS, BARGE_IN = "tool-calls", "barge-in"


@dataclass(frozen=True)
class Mutant:
    """A change to the code.

    Parameters:
        name: What it does.
        stages: Where its first difference may be said to begin.
        change: A context in which the code is changed.
        cassette: The call that shows it.
    """

    name: str
    stages: set[str]
    change: Callable[[], contextlib.AbstractContextManager]
    cassette: str = TOOLS


@contextlib.contextmanager
def patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute for the block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def instruction(old: str, new: str) -> Callable:
    def change():
        from bots import consultation

        assert old in consultation.INSTRUCTION
        return patched(consultation, "INSTRUCTION", consultation.INSTRUCTION.replace(old, new))

    return change


def cast(stage: str, name: str | None = None, **settings) -> Callable:
    """Cast a stage by another string or with other settings."""

    def change():
        from bots import consultation

        make = getattr(consultation, stage)
        other = lambda session, was, **own: make(session, name or was, **own | settings)  # noqa: E731
        return patched(consultation, stage, other)

    return change


def vad(**changes) -> Callable:
    """Other parameters for every VAD."""

    def change():
        from pipecat.audio.vad.vad_analyzer import VADAnalyzer

        original = VADAnalyzer.set_params

        def other(self, params):
            original(self, params.model_copy(update=changes))

        return patched(VADAnalyzer, "set_params", other)

    return change


def module(path: str, name: str, value: Any) -> Callable:
    def change():
        import importlib

        return patched(importlib.import_module(path), name, value)

    return change


def tools(order: Callable[[list], list]) -> Callable:
    def change():
        from sessions.session import Session

        make = Session.tools
        return patched(Session, "tools", lambda self, *t: order(make(self, *t)))

    return change


def slower(path: str, owner: str, method: str, secs: float = 0.3) -> Callable:
    """Let a coroutine method take longer."""

    def change():
        import importlib

        target = getattr(importlib.import_module(path), owner)
        original = getattr(target, method)

        async def late(self, *args, **kwargs):
            await asyncio.sleep(secs)
            return await original(self, *args, **kwargs)

        return patched(target, method, late)

    return change


def slower_voice() -> contextlib.AbstractContextManager:
    from services.mouth_cartesia import CartesiaMouth

    original = CartesiaMouth.run_tts

    async def late(self, text, context_id):
        await asyncio.sleep(0.3)
        async for frame in original(self, text, context_id):
            yield frame

    return patched(CartesiaMouth, "run_tts", late)


def without_kind(kind: str) -> Callable:
    """A redaction rule that finds nothing."""

    def change():
        from sessions.phi.engine import PHIEngine

        original = PHIEngine.analyse

        def blind(self, *args, **kwargs):
            return [span for span in original(self, *args, **kwargs) if span.label != kind]

        return patched(PHIEngine, "analyse", blind)

    return change


def no_redaction() -> contextlib.AbstractContextManager:
    from sessions.phi import PHIFirewall

    return patched(PHIFirewall, "feed", lambda self, segment, **_: segment)


def dropped_input(every: int) -> Callable:
    """Lose every nth frame that comes in."""

    def change():
        from pipecat.transports.base_input import BaseInputTransport

        original = BaseInputTransport.push_audio_frame
        count = 0

        async def lossy(self, frame):
            nonlocal count
            count += 1
            if count % every:
                await original(self, frame)

        return patched(BaseInputTransport, "push_audio_frame", lossy)

    return change


def dropped_output(every: int) -> Callable:
    """Lose every nth frame of the bot's voice."""

    def change():
        from services.mouth_cartesia import CartesiaMouth

        original = CartesiaMouth.append_to_audio_context
        count = 0

        async def lossy(self, context_id, frame):
            nonlocal count
            count += type(frame).__name__ == "TTSAudioRawFrame"
            if count % every or type(frame).__name__ != "TTSAudioRawFrame":
                await original(self, context_id, frame)

        return patched(CartesiaMouth, "append_to_audio_context", lossy)

    return change


def transcript(alter: Callable[[str], str]) -> Callable:
    """Alter what the ears hand on."""

    def change():
        from pipecat.frames.frames import TranscriptionFrame

        from services.ears_deepgram import DeepgramEars

        original = DeepgramEars.push_frame

        async def altered(self, frame, *args, **kwargs):
            if type(frame) is TranscriptionFrame:
                frame = replace(frame, text=alter(frame.text))
            await original(self, frame, *args, **kwargs)

        return patched(DeepgramEars, "push_frame", altered)

    return change


def late_transcript() -> contextlib.AbstractContextManager:
    from services.ears_deepgram import DeepgramEars

    original = DeepgramEars._on_message

    async def late(self, message):
        await asyncio.sleep(0.3)
        await original(self, message)

    return patched(DeepgramEars, "_on_message", late)


def mcp(alter_arguments: Callable = dict, alter_result: Callable = lambda r: r, secs=0.0):
    """Alter what MCP tools are called with, or answer."""

    def change():
        from mcp.client.session import ClientSession

        original = ClientSession.call_tool

        async def altered(self, name, arguments=None, **kwargs):
            await asyncio.sleep(secs)
            answer = await original(self, name, arguments=alter_arguments(arguments), **kwargs)
            return alter_result(answer)

        return patched(ClientSession, "call_tool", altered)

    return change


def error_result(answer: Any) -> Any:
    answer.is_error = True
    return answer


def spoken(alter: Callable[[str], str]) -> Callable:
    """Alter what the mouth is given to say."""

    def change():
        from services.mouth_cartesia import CartesiaMouth

        original = CartesiaMouth.run_tts

        async def altered(self, text, context_id):
            async for frame in original(self, alter(text), context_id):
                yield frame

        return patched(CartesiaMouth, "run_tts", altered)

    return change


def described(schemas: list) -> list:
    schemas[1]._description += " Carefully."
    return schemas


MUTANTS = [
    Mutant("a word of the prompt", {"llm"}, instruction("never diagnose", "seldom diagnose")),
    Mutant("a sentence less in the prompt", {"llm"}, instruction(" You never diagnose.", "")),
    Mutant("a number in the prompt", {"llm"}, instruction("two sentences", "three sentences")),
    Mutant("another model", {"llm"}, cast("llm", "anthropic/claude-haiku-4-5")),
    Mutant("fewer tokens", {"llm"}, cast("llm", max_tokens=100)),
    Mutant("another temperature", {"llm"}, cast("llm", temperature=0.1)),
    Mutant("tools in another order", {"llm"}, tools(lambda t: t[::-1])),
    Mutant("a tool less", {"llm"}, tools(lambda t: t[:-1])),
    Mutant("a tool described otherwise", {"llm"}, tools(described)),
    Mutant("+300 ms before the model", {"llm"},
           slower("services.mind_anthropic", "ClaudeMind", "_create_message_stream")),
    Mutant("another greeting cue", {"llm"}, module("sessions.opening", "GREETING_CUE", "(Greet.)")),
    Mutant("the VAD confirms later", {"vad"}, vad(start_secs=0.3)),
    Mutant("the VAD waits longer", {"vad"}, vad(stop_secs=0.5)),
    Mutant("the VAD is stricter", {"vad"}, vad(confidence=0.97), BARGE_IN),
    Mutant("the VAD wants it louder", {"vad"}, vad(min_volume=0.9)),
    Mutant("every 10th frame in is lost", {"vad", "stt"}, dropped_input(10)),
    Mutant("every 40th frame in is lost", {"vad", "stt"}, dropped_input(40), BARGE_IN),
    Mutant("every 25th frame out is lost", {"output", "tts"}, dropped_output(25)),
    Mutant("turns end 300 ms later", {"turn"},
           module("sessions.session", "REHEARSAL_TURN_STOP_SECS", 0.6)),
    Mutant("another model of the ears", {"stt"}, cast("stt", "deepgram/nova-3")),
    Mutant("no punctuation", {"stt"}, cast("stt", punctuate=False)),
    Mutant("+300 ms in the ears", {"stt"}, late_transcript),
    Mutant("transcripts in upper case", {"stt", "redaction"}, transcript(str.upper), BARGE_IN),
    Mutant("a word of a transcript lost", {"stt", "redaction"},
           transcript(lambda text: " ".join(text.split()[:-1])), BARGE_IN),
    Mutant("names are not redacted", {"redaction"}, without_kind("NAME")),
    Mutant("dates are not redacted", {"redaction"}, without_kind("DATE")),
    Mutant("nothing is redacted", {"redaction"}, no_redaction),
    Mutant("tools get surrogates", {"tools"},
           module("sessions.tool_boundary", "_in_clear", lambda session, value, kinds: value)),
    Mutant("tool arguments altered", {"tools"}, mcp(lambda a: {**a, "name": "nobody"})),
    Mutant("tool results are errors", {"tools"}, mcp(alter_result=error_result)),
    Mutant("+300 ms in the tools", {"tools"}, mcp(secs=0.3)),
    Mutant("another voice", {"tts"}, cast("tts", "cartesia/another-voice")),
    Mutant("another model of the mouth", {"tts"}, cast("tts", model="sonic-2")),
    Mutant("+300 ms in the mouth", {"tts"}, slower_voice),
    Mutant("the mouth says it otherwise", {"tts"}, spoken(lambda text: text.replace("record", "file"))),
]  # fmt: skip


def main() -> None:
    """Try them all and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", help="mutants whose name holds this")
    args = parser.parse_args()
    os.environ.setdefault("PIPECAT_LOG_LLM_CONTEXT", "off")
    from loguru import logger

    logger.remove()
    from qa.diff import compare
    from qa.diff.turns import call_of
    from qa.replay.player import replay
    from qa.replay.tapes import open_tape

    tapes = {name: open_tape(CASSETTES / f"{name}.mcap.sealed") for name in (TOOLS, BARGE_IN)}
    baselines = {name: call_of(replay(tape).tape) for name, tape in tapes.items()}

    alarms = unchanged = 0
    for _ in range(1 if args.quick else 50):
        for name, tape in tapes.items():
            again = replay(tape)
            alarms += bool(compare(baselines[name], again.tape, misses=again.misses))
            unchanged += 1

    caught = right = tried = 0
    for mutant in MUTANTS[:: 3 if args.quick else 1]:
        if args.only and args.only not in mutant.name:
            continue
        tried += 1
        with mutant.change():
            result = replay(tapes[mutant.cassette])
        found = compare(baselines[mutant.cassette], result.tape, misses=result.misses)
        first = found[0] if found else None
        caught += first is not None or bool(result.error)
        right += first is not None and first.stage in mutant.stages
        placed = (
            "right" if first and first.stage in mutant.stages else "WRONG" if first else "MISSED"
        )
        print(f"{placed:6} {mutant.name}: {first or result.error}", flush=True)
    print(
        json.dumps(
            {
                "mutants": tried,
                "caught": caught,
                "stage_right": right,
                "false_alarms": alarms,
                "unchanged": unchanged,
            }
        )
    )


if __name__ == "__main__":
    main()
