// The bot's voice. It falls silent the moment the server reports an interruption: what is still on
// its way, and in the browser's own buffer, would talk over the caller for another 180 ms.
import { $ } from "./dom.js";
import { level } from "./level.js";

export function playVoice(caller) {
  const voice = $("voice");
  let stop = () => {};
  caller.addEventListener("voice", ({ detail: stream }) => {
    stop();
    stop = level(stream, (loudness) => $("orb").style.setProperty("--level", loudness.toFixed(2)));
    voice.srcObject = stream;
    voice.play().catch(() => {}); // a browser that wants a gesture first has had the start button
  });
  caller.addEventListener("bot-interrupted", () => { voice.muted = true; });
  caller.addEventListener("bot-started-speaking", () => { voice.muted = false; });
  // The bot holds its breath while it judges a sound; the line's buffer must not speak on.
  caller.addEventListener("server-message", ({ detail }) => {
    if (detail?.type === "duck") voice.muted = detail.on === true;
  });
  caller.addEventListener("end", () => {
    stop();
    voice.srcObject = null;
    voice.muted = false;
  });
}
