// What the bot is doing: listening, hearing you, looking, thinking, speaking.
import { $ } from "./dom.js";

const WORDS = {
  connecting: "Connecting…",
  reconnecting: "Connection lost. Reconnecting…",
  resuming: "Picking up the conversation…",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
  looking: "Looking",
  speaking: "Speaking",
};
const NEXT = {
  "bot-ready": "listening",
  "user-started-speaking": "hearing",
  "user-stopped-speaking": "thinking",
  "bot-llm-started": "thinking",
  "bot-started-speaking": "speaking",
  "bot-stopped-speaking": "listening",
};
const SILENT_MS = 3000; // an answer without a voice leaves no event when it is done

export function followState(caller) {
  let silent;
  const show = (state) => {
    clearTimeout(silent);
    $("orb").dataset.state = state;
    $("state").textContent = WORDS[state];
  };
  const thinks = () => ["thinking", "looking"].includes($("orb").dataset.state);
  for (const [event, state] of Object.entries(NEXT)) caller.addEventListener(event, () => show(state));
  caller.addEventListener("server-message", ({ detail }) => {
    if (detail?.type === "saw" && detail.frames?.length && $("orb").dataset.state === "thinking") show("looking");
  });
  caller.addEventListener("bot-llm-stopped", () => {
    if (thinks()) silent = setTimeout(() => show("listening"), SILENT_MS);
  });
  caller.addEventListener("status", ({ detail }) => { if (WORDS[detail]) show(detail); });
}
