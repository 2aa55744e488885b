// The caller's camera and screen: turned on and off by hand, shown as they are sent.
import { chosen } from "./chosen.js";
import { $ } from "./dom.js";
import { CAMERA, SCREEN } from "./peer.js";
import { Trouble } from "./trouble.js";

const CAMERA_SIZE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15 } };
const SCREEN_RATE = { frameRate: { ideal: 5 } };

class Picture {
  constructor(index, view, open) {
    Object.assign(this, { index, open, figure: $(view), video: $(view).querySelector("video"), track: null });
  }

  async turnOn(onEnd) {
    const stream = await this.open();
    this.track = stream.getVideoTracks()[0];
    this.track.contentHint = "detail"; // full resolution from the first frame, at fewer of them
    this.track.onended = onEnd;
    this.video.classList.toggle("mirror", faces(this.track));
    this.video.srcObject = stream;
    this.figure.hidden = false;
    await this.video.play().catch(() => {});
    return this.track;
  }

  turnOff() {
    this.track?.stop();
    this.track = this.video.srcObject = null;
    this.figure.hidden = true;
  }
}

// Only a camera that faces the caller is shown as a mirror: what is held up must stay legible.
export const faces = (track) => track.getSettings().facingMode === "user";

export const openCamera = async () => {
  if (!navigator.mediaDevices) throw new Trouble("camera-not-secure");
  const device = chosen.camera && { deviceId: { exact: chosen.camera } };
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...CAMERA_SIZE, ...device } });
  } catch (error) {
    throw Trouble.ofCamera(error);
  }
};

const openScreen = async () => {
  if (!navigator.mediaDevices?.getDisplayMedia) throw new Trouble("no-screen");
  try {
    return await navigator.mediaDevices.getDisplayMedia({ video: SCREEN_RATE, selfBrowserSurface: "include" });
  } catch (error) {
    throw Trouble.ofScreen(error);
  }
};

export const pictures = () => ({
  camera: new Picture(CAMERA, "view-camera", openCamera),
  screenVideo: new Picture(SCREEN, "view-screen", openScreen),
});
