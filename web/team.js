// For the team: where the time of each answer went, how many frames were looked at, what it cost so far.
import { $, element } from "./dom.js";

const LAYERS = {
  endpointing_ms: "hearing you out",
  asr_ms: "transcript",
  vision_ms: "vision",
  model_ms: "model",
  tool_ms: "tools",
  store_ms: "memory",
  tts_ms: "voice",
  transport_ms: "sending",
  other_ms: "other",
};
const SCALE_MS = 2500; // the bar's whole width: past that a conversation breaks

export function followFigures(caller) {
  const known = {};
  $("times").replaceChildren();
  $("legend").replaceChildren(...Object.entries(LAYERS).map(([key, word]) => element("li", { className: key, textContent: word })));

  function show(figures) {
    Object.assign(known, figures);
    const { frames, usd, layers, median } = known;
    const costs = Object.entries(layers ?? {}).map(([layer, dollars]) => `${layer} ${dollars.toFixed(3)}`).join(", ");
    $("figures").textContent = [
      median && `Half of the answers began within ${median} ms.`,
      frames && `${frames} ${frames === 1 ? "frame" : "frames"} looked at.`,
      usd !== undefined && `${usd.toFixed(3)} $ so far${costs ? ` (${costs})` : ""}.`,
    ].filter(Boolean).join(" ");
  }

  const totals = [];
  function answered({ n, total_ms: total, ...layers }) {
    const parts = Object.entries(LAYERS).filter(([key]) => layers[key] > 0);
    const item = element("li", { value: n });
    const bar = element("span", { className: "bar", ariaHidden: "true" });
    for (const [key] of parts) {
      const part = element("span", { className: key });
      part.style.width = `${Math.min(100, (layers[key] / SCALE_MS) * 100)}%`;
      bar.append(part);
    }
    const words = parts.map(([key, word]) => `${word} ${layers[key]}`).join(", ");
    item.append(bar, element("strong", { textContent: `${total} ms` }), words ? ` (${words})` : "");
    $("times").append(item);
    totals.push(total);
    show({ median: [...totals].sort((a, b) => a - b)[Math.floor(totals.length / 2)] });
  }

  caller.addEventListener("frames", ({ detail }) => show({ frames: detail }));
  caller.addEventListener("server-message", ({ detail }) => {
    if (detail?.type === "turn") answered(detail);
    if (detail?.type === "cost") show({ usd: detail.usd, layers: detail.layers });
  });
}
