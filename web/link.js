// Watches the line once a second. Says when nothing comes any more, and on a poor line gives the voice
// what there is: the camera steps down by itself, and up again when the line is good.
import { $ } from "./dom.js";
import { CAMERA, MICROPHONE, SCREEN } from "./peer.js";

const EVERY_MS = 1000;
const SILENT_MS = 3000;
const POOR = { loss: 0.05, roundTrip: 0.4 }; // share of packets lost; seconds
const GOOD = { loss: 0.01, roundTrip: 0.25 };
const UP_AFTER = 8; // seconds of a good line
const STEPS = [
  { maxFramerate: 15, scaleResolutionDownBy: 1, maxBitrate: 2_000_000 },
  { maxFramerate: 8, scaleResolutionDownBy: 1.5, maxBitrate: 600_000 },
  { maxFramerate: 4, scaleResolutionDownBy: 2, maxBitrate: 250_000 },
  { maxFramerate: 2, scaleResolutionDownBy: 3, maxBitrate: 100_000 },
];

export function watchLink(caller) {
  let step = 0, goodFor = 0, received = -1, heardAt = Date.now(), isDown = false, peer, told, busy = false;

  async function prefer(sender, encoding) {
    const parameters = sender.getParameters();
    if (!parameters.encodings?.length) return;
    Object.assign(parameters.encodings[0], encoding);
    await sender.setParameters(parameters).catch(() => {});
  }

  async function take(to) {
    step = Math.max(0, Math.min(STEPS.length - 1, to));
    goodFor = 0;
    told = peer.senders;
    await prefer(told[CAMERA], STEPS[step]);
    await prefer(told[SCREEN], { ...STEPS[step], scaleResolutionDownBy: 1 }); // text must stay legible
    $("view-camera").dataset.step = step;
  }

  function judge(stats) {
    const all = [...stats.values()];
    const transport = all.find((one) => one.type === "transport") ?? {};
    const pair = stats.get(transport.selectedCandidatePairId) ?? {};
    const reports = all.filter((one) => one.type === "remote-inbound-rtp");
    const loss = Math.max(0, ...reports.map((one) => one.fractionLost ?? 0));
    return { loss, roundTrip: pair.currentRoundTripTime ?? 0, bytes: transport.bytesReceived };
  }

  function down(on) {
    if (on === isDown) return;
    isDown = on;
    if (caller.status === "live") caller.tell("line", { down: on });
  }

  async function look() {
    if (busy || !caller.peer?.answered || caller.peer.closed || caller.peer.restarting) return;
    busy = true;
    try {
      if (peer !== caller.peer) received = -1;
      peer = caller.peer;
      const { loss, roundTrip, bytes } = judge(await peer.connection.getStats());
      if (bytes !== received) heardAt = Date.now();
      received = bytes;
      down(Date.now() - heardAt > SILENT_MS);
      if (!peer.senders[CAMERA].track && !peer.senders[SCREEN].track) return;
      if (told !== peer.senders) await take(step); // a new connection knows nothing of the step
      if (loss > POOR.loss || roundTrip > POOR.roundTrip) await take(step + 1);
      else if (loss < GOOD.loss && roundTrip < GOOD.roundTrip) goodFor += 1;
      if (goodFor >= UP_AFTER && step > 0) await take(step - 1);
    } finally {
      busy = false;
    }
  }

  const timer = setInterval(() => look().catch(() => {}), EVERY_MS);
  caller.addEventListener("status", ({ detail }) => {
    if (detail === "over") clearInterval(timer);
    if (detail === "live") {
      heardAt = Date.now();
      isDown = false;
      prefer(caller.peer.senders[MICROPHONE], { priority: "high", networkPriority: "high" });
    }
  });
}
