// What the session tells the caller besides its answers: notices, transfers, the state of the line.
import { $ } from "./dom.js";

const TRANSFER = {
  ringing: "A colleague is being called. You can go on talking meanwhile.",
  briefing: "A colleague is here, and is being told what this is about.",
  talking: "You are speaking with a person. The assistant does not listen.",
  returned: "The colleague has left. You are with the assistant again.",
  supervised: "A colleague listens to how the assistant does.",
  refused: "No colleague can take the call now.",
  unanswered: "No colleague has answered.",
};
const LINE = {
  down: "Nothing comes through at the moment. Your turn is kept, and the bot waits.",
  reconnecting: "The connection was lost. Trying to get back to the same call…",
  resuming: "The call itself was lost. Picking up the conversation in a new one…",
};

export function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

export function rehearsing(vendors) {
  const rehearsed = Boolean(vendors?.length);
  $("rehearsal").hidden = !rehearsed;
  $("ai").textContent = rehearsed ? "AI rehearsal" : "AI, not a person";
  if (rehearsed) $("rehearsal").textContent = `Scripted rehearsal, not an AI. Played here: ${vendors.join(", ")}.`;
}

export function recording(on) {
  $("withdraw").hidden = !on;
}

function line(state) {
  $("line-state").textContent = LINE[state] ?? "";
  $("line-state").hidden = !LINE[state];
}

export function followNotices(caller) {
  notice("");
  line("");
  const tell = {
    notice: ({ text }) => notice(text),
    document: ({ name, status }) => notice(`${name}: ${status}.`),
    transfer: ({ text, status }) => notice(text ?? TRANSFER[status] ?? `Transfer: ${status}.`),
    error: ({ text }) => notice(text),
    session: ({ rehearsal, recorded }) => { rehearsing(rehearsal); recording(recorded && !caller.guest); },
    consent: ({ recorded }) => recording(recorded && !caller.guest),
    rehearsal: ({ vendors }) => rehearsing(vendors),
    line: ({ secs, unheard }) => {
      caller.tell("line", { down: false, unheard });
      notice(`The line was down for ${Math.round(secs)} s.${unheard ? " You may have missed some words: they are struck out, and the bot knows." : ""}`);
    },
  };
  caller.addEventListener("server-message", ({ detail }) => tell[detail?.type]?.(detail));
  caller.addEventListener("error", ({ detail }) => { if (!detail.fatal) notice(detail.error); });
  caller.addEventListener("line", ({ detail }) => line(detail.down ? "down" : ""));
  caller.addEventListener("status", ({ detail }) => line(detail));
  caller.addEventListener("end", () => { line(""); recording(false); });
}
