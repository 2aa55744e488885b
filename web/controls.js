// What the caller can do in a call: mute, show a camera or a screen, type, press keys, send a document,
// ask for a person, withdraw the recording, hang up.
import { $, element } from "./dom.js";
import { notice } from "./notices.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const KEY_NAMES = { "*": "Star", "#": "Hash" };
const ASK_FOR_A_PERSON = "I want to talk to a person.";
const NOT_CONNECTED = "Not sent: the call is not connected yet.";
const SOURCES = { camera: "camera", screen: "screenVideo" };

export function useControls(caller, captions) {
  caller.addEventListener("status", () => {
    $("mute").hidden = !caller.hasMicrophone;
    $("attach").hidden = !caller.uploadUrl;
    for (const id of ["typing", "keys", "person"]) $(id).hidden = caller.guest;
  });
  useMute(caller);
  for (const [button, source] of Object.entries(SOURCES)) usePicture(caller, $(button), source);
  useKeypad(caller);

  const say = (text) => {
    const id = caller.say(text);
    if (!id) return notice(NOT_CONNECTED);
    captions.typing(id, text);
    return id;
  };
  $("typing").onsubmit = (event) => {
    event.preventDefault();
    const text = $("line").value.trim();
    if (text && say(text)) $("line").value = "";
  };
  $("person").onclick = () => say(ASK_FOR_A_PERSON);

  $("attach").onclick = () => $("file").click();
  $("file").onchange = async () => {
    const [file] = $("file").files;
    $("file").value = "";
    if (!file) return;
    notice(`Sending ${file.name}…`);
    try {
      await caller.sendDocument(file);
      notice(`${file.name} was sent.`);
    } catch (trouble) {
      notice(`${file.name} was not sent. ${trouble.cure ?? ""}`);
    }
  };

  $("withdraw").onclick = () => { if (!caller.withdraw()) notice(NOT_CONNECTED); };
  $("hang-up").onclick = () => caller.hangUp();
}

function press(button, on, text) {
  button.setAttribute("aria-pressed", String(on));
  if (text) button.querySelector("span").textContent = text;
}

function useMute(caller) {
  let muted = false;
  press($("mute"), false, "Mute");
  $("mute").onclick = () => {
    muted = !muted;
    caller.mute(muted);
    press($("mute"), muted, muted ? "Unmute" : "Mute");
  };
}

function usePicture(caller, button, source) {
  button.hidden = !(source in caller.card.sees);
  press(button, false);
  button.onclick = async () => {
    const on = button.getAttribute("aria-pressed") === "true";
    try {
      await caller.show(source, !on);
    } catch (trouble) {
      notice(`${trouble.title}. ${trouble.cure}`);
    }
  };
  caller.addEventListener("picture", ({ detail }) => { if (detail.source === source) press(button, detail.on); });
}

function useKeypad(caller) {
  const pad = $("keypad");
  const open = (on) => {
    pad.hidden = !on;
    $("keys").setAttribute("aria-expanded", String(on));
  };
  open(false);
  pad.replaceChildren(...KEYS.map((key) => element("button", {
    type: "button",
    textContent: key,
    ariaLabel: KEY_NAMES[key] ?? key,
    onclick: () => { if (!caller.press(key)) notice(NOT_CONNECTED); },
  })));
  $("keys").onclick = () => {
    open(pad.hidden);
    if (!pad.hidden) pad.firstChild.focus();
  };
  pad.onkeydown = (event) => {
    if (KEYS.includes(event.key)) caller.press(event.key);
    if (event.key === "Escape") {
      open(false);
      $("keys").focus();
    }
  };
}
