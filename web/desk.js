// The desk: who waits for a person, and the line to the caller that was taken.
import { $ } from "./dom.js";

const LOOK_MS = 1000;
const GATHER_MS = 2000;
const STATES = {
  none: "You hear the caller and the assistant. They do not hear you.",
  ringing: "The caller waits for a person.",
  briefing: "You hear what it is about. The caller waits.",
  talking: "You and the caller hear each other. The assistant hears neither of you.",
};

let line = null; // { pc, channel, microphone, listen }

const seconds = (secs) => (secs < 60 ? `${Math.round(secs)} s` : `${Math.round(secs / 60)} min`);

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

function button(text, act, { primary = false } = {}) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.className = primary ? "main" : "";
  made.addEventListener("click", act);
  return made;
}

function told(list, brief, caller = "") {
  const rows = [["Reason", brief.reason], ["Calls from", caller], ["Distress", brief.sign]];
  for (const [name, fact] of Object.entries(brief.facts ?? {})) rows.push([name, fact]);
  for (const [who, words] of brief.said) rows.push([who === "caller" ? "Caller" : "Assistant", words]);
  list.replaceChildren(...rows.filter(([, text]) => text).flatMap(([name, text]) => {
    const [term, detail] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, detail.textContent] = [name, text];
    return [term, detail];
  }));
}

function entry(call) {
  const item = document.createElement("li");
  const rings = call.state === "ringing";
  item.className = rings ? "ringing" : "";
  const title = document.createElement("h3");
  title.textContent = `${call.bot}: ${rings ? `waits for a person, ${seconds(call.secs)}` : call.state === "none" ? "with the assistant" : "with a person"}`;
  item.append(title);
  if (call.brief) {
    const brief = document.createElement("dl");
    told(brief, call.brief);
    item.append(brief);
  }
  const actions = document.createElement("div");
  actions.className = "actions";
  if (rings) {
    actions.append(button("Take the call", () => come(call, false), { primary: true }));
    actions.append(button("Decline", () => decline(call)));
  }
  actions.append(button("Listen in", () => come(call, true)));
  if (!line) item.append(actions);
  return item;
}

let shown = "";
async function look() {
  try {
    const answer = await fetch("/desk/calls");
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const calls = await answer.json();
    const now = JSON.stringify([calls.map(({ secs, ...call }) => [call, call.state === "ringing" && Math.round(secs)]), Boolean(line)]);
    if (now !== shown) $("calls").replaceChildren(...calls.map(entry)); // else a click is not lost
    shown = now;
    $("nobody").hidden = calls.length > 0;
    const waiting = calls.filter((call) => call.state === "ringing").length;
    document.title = waiting ? `(${waiting}) Desk · Vivace` : "Desk · Vivace";
  } catch (error) {
    notice(`The desk cannot be reached. ${error.message}`);
  }
  setTimeout(look, LOOK_MS);
}

async function decline(call) {
  const answer = await fetch(`/desk/calls/${call.id}/refuse`, { method: "POST" });
  notice(answer.ok ? "" : (await answer.json()).detail);
}

async function come(call, listen) {
  leave();
  notice("");
  let microphone;
  try {
    microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
  } catch {
    if (!listen) return notice("The microphone cannot be used. Allow it in the browser, then take the call again.");
  }
  const pc = new RTCPeerConnection();
  line = { pc, microphone, listen, channel: pc.createDataChannel("desk") };
  const mine = line;
  line.channel.onmessage = ({ data }) => line === mine && hear(JSON.parse(data));
  pc.ontrack = ({ track }) => { $("sound").srcObject = new MediaStream([track]); };
  pc.onconnectionstatechange = () => {
    if (line === mine && ["failed", "closed"].includes(pc.connectionState)) leave("The connection was lost.");
  };
  if (microphone) pc.addTrack(microphone.getAudioTracks()[0], microphone);
  else pc.addTransceiver("audio", { direction: "recvonly" });
  $("line").hidden = false;
  $("line-title").textContent = call.bot;
  $("brief").replaceChildren();
  state("ringing");
  try {
    await pc.setLocalDescription();
    await gathered(pc);
    const body = JSON.stringify({ sdp: pc.localDescription.sdp, type: "offer", listen, who: $("who").value });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`/desk/calls/${call.id}/offer`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    await pc.setRemoteDescription(await answer.json());
  } catch (error) {
    if (line === mine) leave(error.message);
  }
}

function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  const done = new Promise((resolve) => {
    pc.addEventListener("icegatheringstatechange", () => pc.iceGatheringState === "complete" && resolve());
  });
  return Promise.race([done, new Promise((resolve) => setTimeout(resolve, GATHER_MS))]);
}

function hear(message) {
  if (message.type === "state") state(message.state);
  if (message.type === "brief") { line.listen = false; told($("brief"), message.brief, message.caller); }
  if (message.type === "taken") notice("A colleague has this call already.");
  if (message.type === "over") leave("The call is over.");
}

function state(name) {
  $("line-state").textContent = STATES[name] ?? "";
  $("talk").hidden = name !== "briefing";
  $("take").hidden = !line.listen;
  $("whisper").hidden = !line.listen;
}

function order(message) {
  if (line?.channel.readyState === "open") line.channel.send(JSON.stringify(message));
}

function leave(why = "") {
  const left = line;
  line = null;
  left?.pc.close();
  left?.microphone?.getTracks().forEach((track) => track.stop());
  $("line").hidden = true;
  if (why) notice(why);
}

$("talk").addEventListener("click", () => order({ type: "talk" }));
$("take").addEventListener("click", () => order({ type: "take" }));
$("leave").addEventListener("click", () => leave());
$("whisper").addEventListener("submit", (event) => {
  event.preventDefault();
  order({ type: "whisper", text: $("words").value });
  $("words").value = "";
});
addEventListener("pagehide", () => leave());
look();
