// A voice detector on the audio thread: loudness over the room's own, judged every 10 ms.
// What it lets through is 30 ms late, so that the first sound of a word is not lost; what it holds
// back is silence. It stays open for 800 ms after a voice: longer than the server needs to hear
// that the caller has finished.
const BLOCK_SECS = 0.01, DELAY_SECS = 0.03, HANG_SECS = 0.8;
const OVER_NOISE = 3.2; // 10 dB above the floor
const QUIETEST = 0.003; // -50 dBFS; below it nothing is a voice
const CROSSINGS = 0.35; // of all samples: hiss crosses zero more often than speech does
const FLOOR_RISE = 1.01, FLOOR_FALL = 0.7; // a floor rises by 9 dB a second, and falls at once

class Gate extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(BLOCK_SECS * sampleRate);
    this.late = new Float32Array(Math.round(DELAY_SECS * sampleRate));
    this.at = this.count = this.power = this.crossings = this.open = this.gain = 0;
    this.floor = QUIETEST;
    this.last = 0;
  }

  process([[input]], [[output]]) {
    for (let i = 0; i < output.length; i++) {
      const sample = input ? input[i] : 0;
      this.hear(sample);
      this.gain += ((this.open > 0 ? 1 : 0) - this.gain) * 0.01; // about 2 ms: no clicks
      output[i] = this.late[this.at] * this.gain;
      this.late[this.at] = sample;
      this.at = (this.at + 1) % this.late.length;
    }
    return true;
  }

  hear(sample) {
    this.power += sample * sample;
    this.crossings += sample * this.last < 0 ? 1 : 0;
    this.last = sample;
    if (++this.count < this.size) return;
    const loudness = Math.sqrt(this.power / this.size);
    const voice = loudness > QUIETEST && loudness > this.floor * OVER_NOISE && this.crossings < CROSSINGS * this.size;
    this.open = voice ? HANG_SECS : this.open - BLOCK_SECS;
    this.floor = Math.max(QUIETEST / OVER_NOISE, loudness < this.floor ? this.floor * FLOOR_FALL + loudness * (1 - FLOOR_FALL) : this.floor * FLOOR_RISE);
    this.count = this.power = this.crossings = 0;
  }
}

registerProcessor("gate", Gate);
