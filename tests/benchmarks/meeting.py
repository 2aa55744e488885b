"""Whose words they are, and whether the minutes hold: the meeting bot in a room of generated voices.

    python -m tests.benchmarks.meeting [--quick]

Meetings of 4 (5, 6) espeak voices, drawn by seed, that overlap: every second sentence begins while
another is being said. The bot file itself runs in a room on the virtual clock, its ears hear the
sound (pocketsphinx behind Deepgram's wire), and its scripted mind proposes minutes some of which
are wrong on purpose: a line with an id that does not exist, one without evidence, an owner who was
only mentioned. In the same run the same sound goes to ears that hear the room as one mixed track
(``mixed_attribution``: what is attributed by name to whoever said it).

The last line is one JSON object:

- ``attribution``: share of the heard segments whose track's owner said a sentence at that time,
  most of whose words they are. ``segments``, ``sentences``: how many were heard and said.
- ``evidence_resolved``: share of the minutes' lines all of whose evidence lies on the tape, by id,
  speaker and time within that participant's sound. ``lines``, ``dropped``: written and refused.
- ``invented_attendees``: people listed as present who never entered the room.
- ``repeatable``: the minutes made twice from a tape, and those of a second run of the same meeting,
  are equal byte by byte to the ones that were shown.
- ``interpreter_p50_ms``, ``interpreter_p95_ms``: from the end of a sentence to the first sound of
  its translation, of a call in two languages with the doubles' ``typical`` latencies (they are
  drawn from published figures of vendors, and no vendor was measured). ``interpreted``: how many.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from loguru import logger

from processors.meeting.export import written
from processors.meeting.minutes import from_tape
from services.rehearsal.mouth import speak
from sessions.tape import Tape, read_tape
from sessions.tape.audio import lay_out
from sessions.tape.schemas import CALLER_AUDIO
from sessions.transcript import Segment, Transcript
from tests.meeting.room import held, quiet
from tests.support.virtual_call import virtually

VOICES = ("en-us+m3", "en-us+f3", "en-gb+m1", "en-gb+f2", "en-us+m7", "en-us+f5")
NAMES = ("Ana", "Ben", "Cleo", "Dora", "", "Finn")
MENTIONED = ("bob", "maria")
SENTENCES = (
    "we agreed to move the release to june",
    "i will send the figures to bob on friday",
    "the budget is tight this year",
    "maria told me that the customer is happy",
    "i think that we need two more people",
    "we agreed to hire two more people",
    "i will call the customer tomorrow morning",
    "bob and maria could not come today",
    "the tests are green since monday",
    "let us talk about the next release",
    "i will write the report with maria",
    "we have seen three errors in the last week",
)

RULE = r"""
  - system: "take the minutes of a meeting"
    hear: "\\[(?P<d>s\\d+)\\][^:\\n]*: (?P<what>(we|the|let) [^\\n]+)(.|\\n)*\\[(?P<a>s\\d+)\\] (?P<o>[^:\\n]*): (?P<todo>i will [^\\n]+)"
    say: "DECISION [{d}] {what}\nACTION [{a}] {todo} (owner: {o}; due: 2026-06-01)\nACTION [{a}] {todo} (owner: Bob)\nACTION [{d}] Maria buys 900 chairs (owner: Maria)\nNOTE [s991] Zoe was there.\nDECISION [] We all agreed."
"""


def script() -> str:
    phrases = "".join(f"  - {s}\n" for s in SENTENCES)
    return (
        "lines:\n  - say: vivace please take the minutes\nphrases:\n"
        f"{phrases}rules:\n  - greet: true\n    say: This is a rehearsal.\n{RULE}"
        "  - after: take_minutes\n    say: They are on your screens.\n"
        "  - hear: minutes\n    tools: take_minutes\n    call: {name: take_minutes}\n"
        "otherwise: I hear you.\n"
    )


@dataclass
class Meeting:
    """A generated meeting, and what was really said in it."""

    seed: int
    people: int
    said: list[tuple[str, str, float, float]] = field(default_factory=list)
    tracks: dict[str, bytearray] = field(default_factory=dict)

    def __post_init__(self):
        draw = random.Random(self.seed)
        self.tracks = {f"p{n}": bytearray() for n in range(self.people)}
        sentences, at, before = draw.sample(SENTENCES, 10), 0.5, ""
        sentences = [SENTENCES[1], *sentences] if SENTENCES[1] not in sentences else sentences
        for number, text in enumerate(sentences):
            who = draw.choice([p for p in self.tracks if p != before])
            before = who
            pcm = speak(text, voice=VOICES[int(who[1:])])
            track = self.tracks[who]
            begin = max(at, len(track) / 32000 + 0.8)
            track += bytes(max(0, int(begin * 16000) * 2 - len(track))) + pcm
            end = begin + len(pcm) / 32000
            self.said.append((who, text, begin, end))
            # Every second one is talked over: the next begins 0.6 to 1.4 s before its end.
            at = end - draw.uniform(0.6, 1.4) if number % 2 == 0 else end + 0.7

    @property
    def names(self) -> dict[str, str]:
        return {who: NAMES[int(who[1:])] for who in self.tracks}

    def mixed(self) -> bytes:
        mix = np.zeros(max(len(t) for t in self.tracks.values()) // 2, np.int32)
        for track in self.tracks.values():
            samples = np.frombuffer(bytes(track), np.int16)
            mix[: len(samples)] += samples
        return np.clip(mix, -32768, 32767).astype(np.int16).tobytes()

    def owns(self, segment: Segment, participant: str, origin_ms: int) -> bool:
        """Whether this participant said these words then, by the draw and not by the ears."""
        words = segment.text.split()
        for who, text, begin, end in self.said:
            overlaps = (
                segment.start_ms < origin_ms + end * 1000 + 300
                and segment.end_ms > origin_ms + begin * 1000 - 300
            )
            if who == participant and overlaps:
                if sum(word in text.split() for word in words) * 2 > len(words):
                    return True
        return False


@dataclass
class Held:
    """What a meeting left: its tape, the minutes that were shown, and when its sound began."""

    tape: Tape
    shown: list[dict]
    origin_ms: int


def hold(meeting: Meeting, *, mixed: bool = False) -> Held:
    """Hold a meeting on the virtual clock.

    Args:
        meeting: Who says what when.
        mixed: Whether they all sit at one microphone.
    """
    os.environ["VIVACE_TAPES"] = folder = tempfile.mkdtemp(prefix="meeting-")
    shown: list[dict] = []
    times: list[float] = []
    tracks = {"room": bytearray(meeting.mixed())} if mixed else meeting.tracks

    async def scenario():
        now = asyncio.get_running_loop().time
        async with held("meeting", script=script(), consent={"recording": True}) as room:
            times.append(now())
            for who in tracks:
                await room.enter(who, meeting.names.get(who, "Meeting room"))
            await quiet(room, 3.0)  # the newcomers are told what this is
            times.append(now())
            for who, track in tracks.items():
                room.speak(who, bytes(track))
            await room.drain()
            room.speak(next(iter(tracks)), speak("vivace please take the minutes"))
            await room.drain(3.0)
            await quiet(room)
            shown.extend(room.server("minutes"))

    virtually(scenario)
    tape = read_tape(next(Path(folder).glob("*.mcap")))
    joined = next(iter(Transcript.from_tape(tape).attendees.values())).joined_ms
    return Held(tape, shown, joined + round((times[1] - times[0]) * 1000))


def sounds(tape: Tape) -> dict[str, tuple[np.ndarray, int]]:
    """Each participant's sound on the session's clock, and its rate."""
    messages = list(tape.messages(CALLER_AUDIO))
    return {
        who: lay_out([m for m in messages if m.data["participant"] == who], tape.header.started_at)
        for who in {m.data["participant"] for m in messages}
    }


def resolved(line: dict, transcript: Transcript, sound: dict[str, tuple[np.ndarray, int]]) -> bool:
    """Whether all the evidence of a line is there: its id, its speaker, and a voice at that time."""
    for proof in line["evidence"]:
        segment = transcript.get(proof["segment"])
        if not segment or segment.participant != proof["participant"]:
            return False
        track, rate = sound[segment.participant.partition("/")[0]]
        stretch = track[proof["start_ms"] * rate // 1000 : proof["end_ms"] * rate // 1000]
        if len(stretch) < rate // 5 or np.abs(stretch.astype(int)).max() < 1000:
            return False
    return bool(line["evidence"])


LATENCY_SENTENCES = {
    "p1": ("good morning i have a question about the invoice", "thank you that is all i need"),
    "p2": ("guten morgen die rechnung ist bezahlt", "auf wiedersehen"),
}


def interpret(times: int) -> list[int]:
    """Latencies of segments in a call in two languages, milliseconds."""
    latencies: list[int] = []

    async def scenario():
        async with held("interpreter", profile="typical") as room:
            for who in LATENCY_SENTENCES:
                await room.enter(who)
            await quiet(room, 3.0)
            for _ in range(times):
                for turn in range(2):
                    for who, texts in LATENCY_SENTENCES.items():
                        room.speak(who, speak(texts[turn], voice="en-us+f3"))
                        await room.drain(3.0)
                        await quiet(room)
            latencies.extend(m["latency_ms"] for m in room.server("latency"))

    virtually(scenario)
    return latencies


def main() -> None:
    """Hold the meetings and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one meeting of four, within 60 s")
    quick = parser.parse_args().quick
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    right = heard = said = mixed_right = mixed_heard = 0
    good = lines = dropped = invented = 0
    repeatable = True
    for seed, people in [(1, 4)] if quick else [(1, 4), (2, 4), (3, 5), (4, 6), (5, 6)]:
        meeting = Meeting(seed, people)
        first, again = hold(meeting), hold(meeting)
        transcript = Transcript.from_tape(first.tape)
        segments = [s for s in transcript.segments if "vivace" not in s.text]
        owned = [meeting.owns(s, s.participant, first.origin_ms) for s in segments]
        right, heard, said = right + sum(owned), heard + len(owned), said + len(meeting.said)
        minutes, sound = first.shown[-1]["data"], sounds(first.tape)
        good += sum(resolved(line, transcript, sound) for line in minutes["lines"])
        lines, dropped = lines + len(minutes["lines"]), dropped + minutes["dropped"]
        invented += sum(a["participant"] not in meeting.tracks for a in minutes["attendees"])
        names = {name or None for name in meeting.names.values()}
        invented += sum(a["name"] not in names for a in minutes["attendees"])
        texts = [written(m) for m in (from_tape(t) for t in [first.tape] * 2 + [again.tape]) if m]
        shown = json.dumps(minutes, sort_keys=True, ensure_ascii=False)
        repeatable &= texts == [shown] * 3

        one = hold(meeting, mixed=True)
        for s in Transcript.from_tape(one.tape).segments:
            if "vivace" not in s.text:
                mixed_heard += 1
                who = next((w for w, name in meeting.names.items() if name == s.speaker), "")
                mixed_right += meeting.owns(s, who, one.origin_ms)
        print(f"{people} people: {sum(owned)}/{len(owned)} right of {len(meeting.said)} said")
    latencies = sorted(interpret(2 if quick else 10))
    print(
        json.dumps(
            {
                "attribution": right / heard,
                "segments": heard,
                "sentences": said,
                "mixed_attribution": mixed_right / max(mixed_heard, 1),
                "evidence_resolved": good / lines,
                "lines": lines,
                "dropped": dropped,
                "invented_attendees": invented,
                "repeatable": repeatable,
                "interpreter_p50_ms": statistics.median(latencies),
                "interpreter_p95_ms": latencies[int(0.95 * (len(latencies) - 1) + 0.5)],
                "interpreted": len(latencies),
            }
        )
    )


if __name__ == "__main__":
    main()
