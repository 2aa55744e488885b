// What the bot is doing: listening, hearing you, thinking, speaking.
import { $ } from "./dom.js";

const WORDS = {
  connecting: "Connecting…",
  reconnecting: "Connection lost. Reconnecting…",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
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
  for (const [event, state] of Object.entries(NEXT)) caller.addEventListener(event, () => show(state));
  caller.addEventListener("bot-llm-stopped", () => {
    const thinking = $("orb").dataset.state === "thinking";
    if (thinking) silent = setTimeout(() => show("listening"), SILENT_MS);
  });
  caller.addEventListener("status", ({ detail }) => { if (WORDS[detail]) show(detail); });
}
