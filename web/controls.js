// What the caller can do in a call: mute, type, send a document, hang up.
import { $ } from "./dom.js";
import { notice } from "./notices.js";

export function useControls(caller, captions) {
  caller.addEventListener("status", () => {
    $("mute").hidden = !caller.hasMicrophone;
    $("attach").hidden = !caller.uploadUrl;
  });

  let muted = false;
  const mute = $("mute");
  mute.setAttribute("aria-pressed", "false");
  mute.textContent = "Mute";
  mute.onclick = () => {
    muted = !muted;
    caller.mute(muted);
    mute.setAttribute("aria-pressed", String(muted));
    mute.textContent = muted ? "Unmute" : "Mute";
  };

  $("typing").onsubmit = (event) => {
    event.preventDefault();
    const text = $("line").value.trim();
    if (!text) return;
    const id = caller.say(text);
    if (!id) return notice("Not sent: the call is not connected yet.");
    captions.typing(id, text);
    $("line").value = "";
  };

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

  $("hang-up").onclick = () => caller.hangUp();
}
