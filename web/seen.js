// What the bot saw: small pictures of the moments it says it used, with their age. They are this page's
// own captures: the server sends the moment, and never the picture.
import { $, element } from "./dom.js";

const EVERY_MS = 500, KEEP_MS = 20_000, SHOWN = 6, WIDTH = 192;
const NAMES = { camera: "Camera", screenVideo: "Screen", screen: "Screen" };
const VIEWS = { camera: "view-camera", screenVideo: "view-screen", screen: "view-screen" };

export function followSight(caller) {
  let kept = [], count = 0;
  $("frames").replaceChildren();
  $("seen").hidden = true;

  function capture() {
    const now = Date.now();
    kept = kept.filter(({ at }) => now - at < KEEP_MS);
    for (const view of new Set(Object.values(VIEWS))) {
      const video = $(view).querySelector("video");
      if ($(view).hidden || !video.videoWidth) continue;
      const canvas = element("canvas", { width: WIDTH, height: Math.round((WIDTH * video.videoHeight) / video.videoWidth) });
      canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
      kept.push({ view, at: now, canvas });
    }
  }

  function saw(frame) {
    const at = Date.now() - frame.age_ms;
    const view = VIEWS[frame.source];
    const near = kept.filter((one) => one.view === view)
      .sort((one, other) => Math.abs(one.at - at) - Math.abs(other.at - at))[0];
    const item = element("li");
    const name = NAMES[frame.source] ?? frame.source;
    const picture = near ? element("img", { src: near.canvas.toDataURL("image/jpeg", 0.7), alt: `${name}, as the bot saw it` })
      : element("span", { className: "blank", textContent: name });
    item.append(picture, element("span", { className: "quiet", textContent: `${name}, ${(frame.age_ms / 1000).toFixed(1)} s old` }));
    $("frames").prepend(item);
    while ($("frames").children.length > SHOWN) $("frames").lastChild.remove();
  }

  const timer = setInterval(capture, EVERY_MS);
  caller.addEventListener("status", ({ detail }) => { if (detail === "over") clearInterval(timer); });
  caller.addEventListener("server-message", ({ detail }) => {
    if (detail?.type !== "saw" || !detail.frames?.length) return;
    detail.frames.forEach(saw);
    count += detail.frames.length;
    $("seen").hidden = false;
    caller.tell("frames", count);
  });
}
