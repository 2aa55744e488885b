// Cues of the bot, in time with its words: a region of the picture is framed, the phone vibrates. A cue
// that comes before the voice waits for it.
import { $ } from "./dom.js";

const LONGEST_WAIT_MS = 3000, SHOWN_MS = 4000;
const VIEWS = { camera: "view-camera", screen: "view-screen", screenVideo: "view-screen" };

export function followCues(caller) {
  let speaking = false, waiting = [], timer;
  const hide = () => document.querySelectorAll(".cue").forEach((frame) => { frame.hidden = true; });

  function show({ region, source = "camera", vibrate, ms = SHOWN_MS, text }) {
    if (vibrate) navigator.vibrate?.(vibrate);
    if (!region) return;
    const view = $(VIEWS[source] ?? VIEWS.camera), frame = view.querySelector(".cue");
    const { x, y, width, height } = region; // shares of the picture, 0 to 1
    const left = view.querySelector("video").classList.contains("mirror") ? 1 - x - width : x;
    Object.assign(frame.style, { left: `${left * 100}%`, top: `${y * 100}%`, width: `${width * 100}%`, height: `${height * 100}%` });
    frame.hidden = false;
    if (text) $("announcer").textContent = text;
    clearTimeout(timer);
    timer = setTimeout(hide, ms);
  }

  function release() {
    waiting.splice(0).forEach(show);
  }

  caller.addEventListener("bot-started-speaking", () => { speaking = true; release(); });
  caller.addEventListener("bot-stopped-speaking", () => { speaking = false; });
  caller.addEventListener("bot-interrupted", () => { waiting = []; hide(); });
  caller.addEventListener("end", hide);
  caller.addEventListener("server-message", ({ detail }) => {
    if (detail?.type !== "cue") return;
    if (speaking) return show(detail);
    waiting.push(detail);
    setTimeout(release, LONGEST_WAIT_MS);
  });
}
