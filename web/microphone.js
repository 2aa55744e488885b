// The caller's microphone, with its echo cancelled; behind a gate when the bot allows it.
import { chosen } from "./chosen.js";
import { Trouble } from "./trouble.js";

export class Microphone {
  // The gate lets through what sounds like a voice: noise then costs nothing upstream.
  static async open({ gated = false } = {}) {
    if (!navigator.mediaDevices) throw new Trouble("not-secure");
    const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    if (chosen.microphone) wanted.deviceId = { exact: chosen.microphone };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
      const microphone = new Microphone(stream);
      if (gated) await microphone.gate();
      return microphone;
    } catch (error) {
      throw Trouble.ofMicrophone(error);
    }
  }

  constructor(stream) {
    this.stream = stream;
    this.track = stream.getAudioTracks()[0];
  }

  async gate() {
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("/web/gate.js");
    const gate = new AudioWorkletNode(this.context, "gate", { channelCount: 1, channelCountMode: "explicit" });
    const out = this.context.createMediaStreamDestination();
    this.context.createMediaStreamSource(this.stream).connect(gate).connect(out);
    this.track = out.stream.getAudioTracks()[0];
  }

  mute(on) {
    for (const track of [this.track, ...this.stream.getTracks()]) track.enabled = !on;
  }

  close() {
    for (const track of [this.track, ...this.stream.getTracks()]) track.stop();
    this.context?.close();
  }
}
