// The device check before a call: how loud the microphone is, what the camera sees, which ones to use.
import { chosen } from "./chosen.js";
import { $, element } from "./dom.js";
import { level } from "./level.js";
import { Microphone } from "./microphone.js";
import { faces, openCamera } from "./pictures.js";

let microphone, camera, stopLevel = () => {};

async function fill(select, kind, current) {
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === kind);
  select.replaceChildren(...devices.map(({ deviceId, label }, index) => element("option", {
    value: deviceId,
    textContent: label || `Number ${index + 1}`,
    selected: deviceId === current,
  })));
  select.disabled = devices.length < 2;
}

async function tryMicrophone() {
  stopMicrophone();
  microphone = await Microphone.open();
  stopLevel = level(microphone.stream, (loudness) => {
    const percent = Math.round(loudness * 100);
    $("level").firstElementChild.style.width = `${percent}%`;
    $("level").setAttribute("aria-valuenow", percent);
  }, { essential: true });
  await fill($("microphones"), "audioinput", microphone.track.getSettings().deviceId);
  $("check-hint").textContent = "Say something: the bar should move with your voice.";
}

async function tryCamera() {
  stopCamera();
  camera = await openCamera();
  $("preview").classList.toggle("mirror", faces(camera.getVideoTracks()[0]));
  $("preview").srcObject = camera;
  $("preview").hidden = false;
  $("preview").play().catch(() => {});
  await fill($("cameras"), "videoinput", camera.getVideoTracks()[0].getSettings().deviceId);
  $("check-hint").textContent = "This is what the bot would see, once you turn the camera on in the call.";
}

function stopMicrophone() {
  stopLevel();
  microphone?.close();
  microphone = null;
}

function stopCamera() {
  for (const track of camera?.getTracks() ?? []) track.stop();
  camera = $("preview").srcObject = null;
  $("preview").hidden = true;
}

export function stopCheck() {
  stopMicrophone();
  stopCamera();
  $("check-hint").textContent = "";
}

export function useDeviceCheck() {
  const attempt = (what) => async () => {
    $("check-hint").textContent = "";
    await what().catch((trouble) => { $("check-hint").textContent = `${trouble.title}. ${trouble.cure}`; });
  };
  $("try-microphone").onclick = attempt(tryMicrophone);
  $("try-camera").onclick = attempt(tryCamera);
  $("microphones").onchange = ({ target }) => { chosen.microphone = target.value; attempt(tryMicrophone)(); };
  $("cameras").onchange = ({ target }) => { chosen.camera = target.value; attempt(tryCamera)(); };
  $("check").ontoggle = () => { if (!$("check").open) stopCheck(); };
}

export function checkFor(card) {
  const camera = "camera" in card.sees;
  for (const id of ["check-camera", "check-camera-too", "try-camera"]) $(id).hidden = !camera;
}
