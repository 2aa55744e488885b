// What the session tells the caller besides its answers: notices, transfers, answer times.
import { $, element } from "./dom.js";

const LAYERS = {
  endpointing_ms: "hearing you out",
  asr_ms: "transcript",
  model_ms: "model",
  tool_ms: "tools",
  tts_ms: "voice",
  other_ms: "other",
};
const TRANSFER = { requested: "A colleague has been called and will take over." };

export function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

export function rehearsing(vendors) {
  $("rehearsal").hidden = !vendors?.length;
  $("ai").hidden = Boolean(vendors?.length);
  if (vendors?.length) {
    $("rehearsal").textContent = `Scripted rehearsal, not an AI. Played here: ${vendors.join(", ")}.`;
  }
}

export function followNotices(caller) {
  notice("");
  $("times").replaceChildren();
  $("times-empty").hidden = false;
  const tell = {
    notice: ({ text }) => notice(text),
    document: ({ name, status }) => notice(`${name}: ${status}.`),
    transfer: ({ text, status }) => notice(text ?? TRANSFER[status] ?? `Transfer: ${status}.`),
    error: ({ text }) => notice(text),
    session: ({ rehearsal }) => rehearsing(rehearsal),
    rehearsal: ({ vendors }) => rehearsing(vendors),
    turn: answered,
  };
  caller.addEventListener("server-message", ({ detail }) => tell[detail?.type]?.(detail));
  caller.addEventListener("error", ({ detail }) => { if (!detail.fatal) notice(detail.error); });
}

function answered({ n, total_ms: total, ...layers }) {
  $("times-empty").hidden = true;
  const parts = Object.entries(LAYERS).filter(([key]) => layers[key]).map(([key, word]) => `${word} ${layers[key]}`);
  const item = element("li", { value: n });
  item.append(element("strong", { textContent: `${total} ms` }), parts.length ? ` (${parts.join(", ")})` : "");
  $("times").append(item);
}
