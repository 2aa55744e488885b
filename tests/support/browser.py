"""A caller in a real browser: a microphone to speak into, a camera, and an ear on one clock.

The page itself is the shipped one. What it asks the browser for as a microphone is a Web Audio
stream, and its camera a canvas, so that a line is spoken when the test wants it; what it plays is recorded after the page's own
muting, with the microphone beside it, sample by sample.
"""

import base64
import io
import json
import wave
from dataclasses import dataclass

import numpy as np
from PIL import Image

RATE = 48_000
LOUD = 0.01

WORKLET = """
registerProcessor("ear", class extends AudioWorkletProcessor {
  constructor() { super(); this.tracks = [[], [], []]; this.port.onmessage = () => this.give(); }
  process(inputs) {
    inputs.forEach(([sound], n) => this.tracks[n].push(sound ? sound.slice() : new Float32Array(128)));
    return true;
  }
  give() { this.port.postMessage(this.tracks); this.tracks = [[], [], []]; }
});
"""

SCRIPT = """
(() => {
  const context = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
  const microphone = context.createMediaStreamDestination(), bot = context.createGain(), mouth = context.createGain();
  mouth.connect(microphone);
  const devices = navigator.mediaDevices;
  let ear, heard, ready;
  const open = () => ready ??= context.audioWorklet.addModule(URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }))).then(() => {
    ear = new AudioWorkletNode(context, "ear", { numberOfInputs: 3, numberOfOutputs: 1 });
    ear.connect(context.destination);
    mouth.connect(ear, 0, 0);
    bot.connect(ear, 0, 1);
  });
  const scene = new Image(), canvas = document.createElement("canvas");
  devices.getUserMedia = async (wanted) => {
    if (wanted.video) {
      const paint = () => canvas.getContext("2d").drawImage(scene, 0, 0);
      setInterval(paint, 1000 / 15);
      return canvas.captureStream(15);
    }
    await context.resume();
    await open();
    return microphone.stream.clone();
  };
  addEventListener("DOMContentLoaded", () => {
    const voice = document.getElementById("voice");
    voice.addEventListener("volumechange", () => bot.gain.setValueAtTime(voice.muted ? 0 : 1, context.currentTime));
    voice.addEventListener("playing", () => {
      heard?.disconnect();
      heard = context.createMediaStreamSource(voice.srcObject);
      heard.connect(bot);
      heard.connect(ear, 0, 2);
    });
  });
  window.test = {
    peers: [],
    clock: () => context.currentTime,
    async show(source) {
      scene.src = source;
      await scene.decode();
      if (canvas.width !== scene.width) Object.assign(canvas, { width: scene.width, height: scene.height });
      return context.currentTime;
    },
    async speak(base64, volume = 1) {
      const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
      const buffer = await context.decodeAudioData(bytes.buffer);
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(new GainNode(context, { gain: volume })).connect(mouth);
      source.start();
      return buffer.duration;
    },
    async take() {
      const parts = await new Promise((resolve) => { ear.port.onmessage = ({ data }) => resolve(data); ear.port.postMessage(0); });
      return parts.map((blocks) => {
        const bytes = new Uint8Array(blocks.length * 256), view = new DataView(bytes.buffer);
        blocks.forEach((block, b) => block.forEach((x, i) => view.setInt16((b * 128 + i) * 2, Math.max(-1, Math.min(1, x)) * 32767, true)));
        let text = "";
        for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode.apply(null, bytes.subarray(i, i + 32768));
        return btoa(text);
      });
    },
  };
  const Real = RTCPeerConnection;
  window.RTCPeerConnection = class extends Real { constructor(...options) { super(...options); window.test.peers.push(this); } };
})();
"""


@dataclass
class Heard:
    """What was recorded since the last time, on one clock: 48 kHz, -1 to 1.

    Parameters:
        microphone: What the caller said.
        bot: What the page let the caller hear.
        unmuted: What arrived from the bot.
    """

    microphone: np.ndarray
    bot: np.ndarray
    unmuted: np.ndarray


async def equip(page) -> None:
    """Give a page the microphone and the ear, before it is opened.

    Its context must have been made with ``bypass_csp=True``: the page's policy lets no test in.
    """
    await page.add_init_script(SCRIPT.replace("WORKLET", json.dumps(WORKLET)))


async def speak(page, pcm: bytes, rate: int, *, volume: float = 1.0) -> float:
    """Say 16-bit mono into the page's microphone; returns its seconds at once."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(pcm)
    encoded = base64.b64encode(file.getvalue()).decode()
    return await page.evaluate("([sound, volume]) => test.speak(sound, volume)", [encoded, volume])


async def show(page, picture: np.ndarray) -> float:
    """Hold a picture (RGB) into the page's camera; returns when, on the ear's clock, in seconds."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return await page.evaluate("source => test.show(source)", source)


async def listen(page) -> Heard:
    """What the ear has recorded since the last call."""
    tracks = await page.evaluate("test.take()")
    return Heard(*(np.frombuffer(base64.b64decode(t), np.int16) / 32768 for t in tracks))


def runs(track: np.ndarray, *, quiet: float = 0.3) -> list[tuple[float, float]]:
    """The loud stretches of a track as seconds, parted by at least so much quiet."""
    loud = np.flatnonzero(np.abs(track) > LOUD)
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > quiet * RATE)
    starts, ends = np.r_[loud[0], loud[cuts + 1]], np.r_[loud[cuts], loud[-1]]
    return [(a / RATE, b / RATE) for a, b in zip(starts, ends)]


def noise(secs: float, *, level: float, rate: int = 16_000, seed: int = 7) -> bytes:
    """White noise, 16-bit mono; ``level`` is its RMS, of 1."""
    samples = np.random.default_rng(seed).normal(0, level, int(secs * rate))
    return (samples.clip(-1, 1) * 32767).astype("<i2").tobytes()
