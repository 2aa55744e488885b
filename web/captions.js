// What was said, as it is said: the caller's words as heard, the bot's as far as it has spoken.
import { $, element } from "./dom.js";

export class Captions {
  constructor(caller, { speaker }) {
    Object.assign(this, { caller, speaker });
    this.box = $("captions");
    this.box.querySelectorAll(".said, .gap").forEach((row) => row.remove());
    $("captions-empty").hidden = false;
    this.theirs = null;
    this.hearing = new Map(); // the rows that are still being heard, by whose they are
    this.typed = new Map();
    this.segments = new Map();
    const on = (type, handle) => caller.addEventListener(type, ({ detail }) => handle(detail));
    on("user-input", (input) => this.heard(input));
    on("bot-output", (output) => this.spoken(output));
    on("bot-interrupted", () => this.cut());
    on("line", ({ down, unheard }) => { if (!down && unheard) this.unheard(unheard); });
    on("status", (status) => { if (status === "resuming") this.gap("The line was down. The bot picks up where you were."); });
  }

  row(who, className) {
    $("captions-empty").hidden = true;
    const row = element("p", { className: `said ${className}` });
    row.append(element("b", { textContent: who }), element("span"));
    this.box.append(row);
    return row;
  }

  // Stays at the newest line unless the caller has scrolled up to read.
  follow(change) {
    const atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 80;
    change();
    if (atEnd) this.box.scrollTop = this.box.scrollHeight;
  }

  write(row, text) {
    this.follow(() => { row.lastChild.textContent = text; });
  }

  gap(text) {
    this.cut();
    this.hearing.clear();
    this.segments.clear(); // a resumed session counts its segments anew
    this.follow(() => this.box.append(element("p", { className: "gap", textContent: text })));
  }

  typing(id, text) {
    const row = this.row("You", "yours");
    this.typed.set(id, row);
    this.theirs = null;
    this.write(row, text);
    this.box.scrollTop = this.box.scrollHeight;
  }

  heard({ text, final, msg_id: id, user_id: participant }) {
    if (this.typed.has(id)) return this.write(this.typed.get(id), text);
    const who = this.caller.nameOf(participant);
    const row = this.hearing.get(participant) ?? this.row(who, "yours interim");
    this.hearing.set(participant, row);
    this.theirs = null;
    this.write(row, text);
    if (!final) return;
    row.classList.remove("interim");
    this.hearing.delete(participant);
    announce(`${who}: ${text}`);
  }

  spoken({ text, segment_id: id, spoken_status: status, spoken_progress: progress, will_be_spoken: aloud }) {
    let segment = this.segments.get(id);
    if (!segment) {
      this.theirs ??= this.row(this.speaker, "theirs");
      segment = element("span", { className: "segment" });
      segment.append(element("span"), element("span", { className: "ahead" }));
      this.theirs.lastChild.append(segment, " ");
      if (id !== undefined) this.segments.set(id, segment);
    }
    if (segment.classList.contains("cut")) return;
    const done = status === "completed" || aloud === false;
    this.follow(() => {
      said(segment, done ? text : progress?.accumulated_text ?? "");
      segment.lastChild.textContent = done ? "" : progress?.remaining_text ?? text;
    });
    if (done) announce(`${this.speaker}: ${text}`);
  }

  // What was not heard stays readable, struck out: without word times the server cannot say more.
  cut() {
    for (const ahead of this.box.querySelectorAll(".ahead")) {
      if (ahead.textContent) ahead.parentElement.classList.add("cut");
    }
    this.theirs = null;
  }

  // The server says how many of the bot's words went out while the line was down.
  unheard(words) {
    for (const segment of [...this.box.querySelectorAll(".segment:not(.cut)")].reverse()) {
      const text = segment.firstChild.textContent, count = wordsOf(text).length;
      if (words <= 0) break;
      segment.lost = [Math.max(0, count - words), count];
      words -= count;
      said(segment, text);
    }
  }

  text() {
    return [...this.box.querySelectorAll(".said, .gap")].map((row) => (
      row.className === "gap" ? `(${row.textContent})` : `${row.firstChild.textContent}: ${row.lastChild.textContent.trim()}`
    )).join("\n");
  }
}

const wordsOf = (text) => text.split(" ").filter(Boolean);

// What a segment has said so far. Words that went unheard stay struck out while it goes on.
function said(segment, text) {
  const [from, to] = segment.lost ?? [0, 0], words = wordsOf(text);
  if (from === to) {
    segment.firstChild.textContent = text;
    return;
  }
  const mark = element("s", { className: "unheard", textContent: words.slice(from, to).join(" "), title: "Not heard: the line was down" });
  segment.firstChild.replaceChildren(words.slice(0, from).join(" "), from ? " " : "", mark, to < words.length ? " " : "", words.slice(to).join(" "));
}

function announce(text) {
  $("announcer").textContent = text;
}
