"""What a person sees of a call, in a terminal or as plain lines."""

from math import ceil
from statistics import median
from typing import Any, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from qa.call.pictures import OFF, clip
from qa.call.script import Line
from qa.call.summary import Summary, spoken_text, words
from qa.call.waterfall import waterfall

STEPS = {
    "server": "Asking the server for a session",
    "media": "Connecting sound and data over WebRTC",
    "bot": "Waiting for the bot",
}
QUIET = "grey58"
CALLER, BOT = "bold cyan", "bold green"


class View:
    """Prints a call as it goes. A terminal also gets a line that says what happens just now.

    Args:
        out: Where to print.
        title: What is called, for the first line.
    """

    def __init__(self, out: TextIO, *, title: str):
        self._console = Console(file=out, highlight=False)
        self._status = self._console.status("") if self._console.is_terminal else None
        self._title = title
        self._step_began = 0.0
        self._step = ""
        self._captions: dict[Any, dict[str, Any]] = {}
        self._captioned: set[Any] = set()
        self._sentence: tuple[float, str] | None = None
        self._line: dict[str, Any] = {}
        self._answer: dict[str, Any] | None = None
        self._turn: dict[str, Any] | None = None
        self._connected = False
        self._about: dict[str, Any] = {}
        self._told_of_tools = False
        self._modern = False
        self._barge_in: float | None = None
        self._cut = ""

    def __enter__(self):
        self._console.print(Text(self._title, style="bold"))
        if self._status:
            self._status.start()
        self._now("Starting the caller")
        return self

    def __exit__(self, *_):
        if self._status:
            self._status.stop()

    def show(self, event: dict[str, Any]) -> None:
        """Show one event of `qa.call.caller.Caller`."""
        at = event.get("at", 0.0)
        match event["type"]:
            case "dialling":
                self._close_step(at)
                self._step, self._step_began = STEPS[event["step"]], at
                self._now(f"{self._step} …")
            case "connected":
                self._close_step(at)
                self._connected = True
                self._introduce()
            case "line":
                self._line = event["line"]
                self._say_line(event, at)
            case "speech" if event["who"] == "bot":
                self._now("Bot is speaking …")
            case "speech" | "typed":
                self._flush_turn()
            case "barge_in":
                self._barge_in = at
            case "interrupted":
                self._interrupted(at)
            case "silence" if event["who"] == "bot":
                self._bot_silent(at)
                self._now("…")
            case "answered":
                self._answer = event
                self._match_turn()
            case "failed":
                self._print(Text(f"✗ {event['error']}", style="bold red"))
            case "ended":
                self._flush_turn()
                self._print()
                self._row(at, "", Text(f"Call over: {event['reason']}.", style="bold"))
            case "rtvi":
                self._show_message(event["message"], at)

    def summarise(self, summary: Summary) -> None:
        """Print what came of the call."""
        times = sorted(summary.voice_to_voice_ms)
        rows = [
            ("Turns heard", f"{summary.turns} of {summary.lines}"),
            ("Tool calls", str(summary.tool_calls)),
        ]
        if times:
            p95 = times[ceil(0.95 * len(times)) - 1]
            rows.append(("Voice to voice", f"median {median(times):.0f} ms   p95 {p95} ms"))
        rows += [
            ("Disclosed first", "yes" if summary.disclosed_first else "NO"),
            ("Interruptions", str(summary.interruptions)),
        ]
        if summary.phi_in_model_requests is not None:
            leaked = f"{summary.phi_in_model_requests} of {summary.identifiers} identifiers"
            rows.append(("PHI to the model", leaked))
        if summary.oldest_shown_ms is not None:
            shown = f"{summary.shown} pieces, the oldest of {summary.oldest_shown_ms / 1000:.1f} s"
            rows.append(("Shown to the model", shown))
        if summary.recording:
            rows.append(("Recording", f"{summary.recording}  (left caller, right bot)"))
        rows += [("Error", error) for error in summary.errors]
        self._print()
        for name, value in rows:
            style = "red" if name == "Error" or value == "NO" else ""
            self._print(Text.assemble((f"  {name:<20}", QUIET), (value, style)))

    # One event after the other

    def _show_message(self, message: dict[str, Any], at: float) -> None:
        kind, data = message["type"], message.get("data") or {}
        match kind:
            case "user-input":
                self._modern = True
                self._heard(data, at)
            case "user-transcription" if not self._modern:
                self._heard(data, at)
            case "bot-output":
                self._caption(data, at)
            case "bot-stopped-speaking":
                self._captions.clear()
                self._end_sentence()
            case "llm-function-call-stopped" if not self._told_of_tools:
                self._note(at, f"⚙ {data.get('function_name') or 'a tool'}")
            case "error":
                self._print(Text(f"✗ The bot reports: {data.get('error')}", style="red"))
            case "server-message":
                self._show_ours(data, at)

    def _show_ours(self, data: dict[str, Any], at: float) -> None:
        match data.get("type"):
            case "session":
                self._about = data
                self._introduce()
            case "turn":
                self._turn = data
                self._match_turn()
            case "tool":
                self._told_of_tools = True
                if data.get("status") == "called":
                    self._now(f"Bot is using {data.get('name')} …")
                else:
                    failed = "" if data.get("status") == "done" else f"  {data.get('status')}"
                    took = f"  {data['ms']} ms" if "ms" in data else ""
                    self._note(at, f"⚙ {data.get('name')}{took}{failed}", style="yellow")
            case "alert":
                way = next((w for w in ("sent", "rehearsed") if data.get(w)), "not sent")
                self._note(at, f"⚑ alert, {data.get('severity')}: {way}", style="yellow")
            case "notice":
                self._note(at, f"! {data.get('text')}", style="yellow")
            case "transfer":
                details = [str(v) for k, v in data.items() if k != "type" and v]
                self._note(at, f"→ transfer: {', '.join(details)}", style="magenta")

    def _introduce(self) -> None:
        """Say who answers, as soon as the line is up and the bot has told."""
        if not (self._connected and self._about):
            return
        about, self._about = self._about, {}
        where = f"  policy {about.get('policy')}, session {about.get('id')}"
        self._print(Text(where, style=QUIET))
        if names := ", ".join(about.get("rehearsal") or ()):
            banner = Text.assemble(
                ("A scripted rehearsal, not an AI. ", "bold yellow"),
                f"Local doubles play {names}; each goes live with its key in .env.",
            )
            self._print()
            self._print(Padding(banner, (0, 2)) if self._console.is_terminal else banner)
        self._print()

    def _say_line(self, event: dict[str, Any], at: float) -> None:
        line = Line.of(event["line"])
        if line.upload:
            self._note(at, f"⇧ {line.upload}")
        for where, name in (("camera", line.camera), ("screen", line.screen)):
            if name:
                shows = "off" if name == OFF else clip(name).shows
                self._note(at, f"◉ {where}: {shows}")
        if line.answerable:
            does = "typing" if line.type else "speaking"
            self._now(f"Caller is {does} ({event['number']} of {event['of']}) …")
        elif line.hang_up is None:
            self._now(f"Caller waits {line.wait:.0f} s …")

    def _heard(self, data: dict[str, Any], at: float) -> None:
        if not data.get("final"):
            self._now(f"Caller: {data.get('text')}")
            return
        text = Text(str(data.get("text")))
        said = self._line.get("say") or ""
        if said and words(said) != words(text.plain):
            text.append(f"   (said: {said})", style=QUIET)
        self._row(at, "Caller", text, style=CALLER)

    def _caption(self, data: dict[str, Any], at: float) -> None:
        """Show each segment once, when it is the one being spoken."""
        if data.get("spoken") and not data.get("will_be_spoken"):
            return self._word(str(data.get("text")), at)
        segment = data.get("segment_id")
        self._captions[segment] = data
        if data.get("spoken_status") == "completed":
            self._show_caption(segment, at)
            del self._captions[segment]
        if self._captions:
            self._show_caption(next(iter(self._captions)), at)

    def _word(self, word: str, at: float) -> None:
        """Gather the words of a realtime core, which come one by one, to sentences."""
        self._sentence = self._sentence or (at, "")
        self._sentence = (self._sentence[0], self._sentence[1] + word)
        if word.rstrip().endswith((".", "?", "!")):
            self._end_sentence()

    def _end_sentence(self) -> None:
        if self._sentence:
            began, text = self._sentence
            self._sentence = None
            self._row(began, "Bot", Text(text.strip()), style=BOT)

    def _show_caption(self, segment: Any, at: float) -> None:
        text = str(self._captions[segment].get("text"))
        if segment not in self._captioned:
            self._captioned.add(segment)
            self._row(at, "Bot", Text(text), style=BOT)

    def _interrupted(self, at: float) -> None:
        self._end_sentence()
        spoken = " ".join(spoken_text(data) for data in self._captions.values()).strip()
        self._captions.clear()
        self._cut = f"✂ the bot is cut off{f' after “{spoken}”' if spoken else ''}"
        if self._barge_in is None:
            self._bot_silent(at)

    def _bot_silent(self, at: float) -> None:
        """Report a cut-off, once it is known when the bot was last audible."""
        note, began = self._cut, self._barge_in
        self._cut, self._barge_in = "", None
        if note:
            if began is not None:
                took = max(0, round((at - began) * 1000))
                note += f", silent {took} ms after the caller's first sound"
            self._note(at, note, style="magenta")

    # The waterfall waits for both its halves: what the caller measured and what the bot says.

    def _match_turn(self) -> None:
        if self._turn and self._answer:
            self._flush_turn()

    def _flush_turn(self) -> None:
        answer, turn = self._answer, self._turn
        self._answer = self._turn = None
        if answer:
            room = (self._console.width if self._console.is_terminal else 120) - 11
            colours = self._console.is_terminal
            total = answer["voice_to_voice_ms"]
            self._row(None, "", waterfall(turn, total, width=room, colours=colours), indent=11)

    # Printing

    def _row(
        self, at: float | None, who: str, text: Text, *, style: str = "", indent: int = 18
    ) -> None:
        stamp = "" if at is None else f"{int(at // 60)}:{at % 60:04.1f}"
        if not self._console.is_terminal:
            head = f"{stamp:>7}   {who:<8}"[:indent].ljust(indent)
            self._console.print(f"{head}{text.plain}".rstrip(), soft_wrap=True, markup=False)
            return
        grid = Table.grid()
        grid.add_column(width=10)
        grid.add_column(width=indent - 10)
        grid.add_column()
        grid.add_row(Text(f"{stamp:>7}", style=QUIET), Text(who, style=style), text)
        self._console.print(grid)

    def _note(self, at: float, text: str, *, style: str = QUIET) -> None:
        self._row(at, "", Text(text, style=style))

    def _close_step(self, at: float) -> None:
        if self._step:
            took = (at - self._step_began) * 1000
            self._print(
                Text.assemble(("  ✓ ", "green"), f"{self._step:<40}", (f"{took:>6.0f} ms", QUIET))
            )
        self._step = ""

    def _now(self, text: str) -> None:
        if self._status:
            self._status.update(Text(text, style=QUIET, overflow="ellipsis", no_wrap=True))

    def _print(self, *what: Any) -> None:
        self._console.print(*what, soft_wrap=not self._console.is_terminal)
