// One call: asks for a session, carries the caller's voice and words, and speaks RTVI with the bot.
import { Peer } from "./peer.js";
import { Trouble, asJson, ask } from "./trouble.js";

const RTVI = "2.2.0";

// Events: status (connecting | live | reconnecting | over), voice, trouble, end (detail: reason),
// and every RTVI message under its own type (detail: its data).
export class Caller extends EventTarget {
  status = "idle";

  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  become(status) {
    if (this.status === status || this.status === "over") return;
    this.status = status;
    this.tell("status", status);
  }

  async call({ bot, consent, speak }) {
    if (!window.RTCPeerConnection) throw new Trouble("no-webrtc");
    this.become("connecting");
    try {
      if (speak) this.sound = await openMicrophone();
      if (this.status === "over") return this.release();
      const body = { bot, consent: { ...consent, at: new Date().toISOString() } };
      const session = await ask("/start", asJson({ transport: "webrtc", body }));
      this.uploadUrl = session.fileUploadUrl;
      this.peer = new Peer({
        offerUrl: `/sessions/${session.sessionId}/api/offer`,
        iceServers: session.iceConfig?.iceServers,
        microphone: this.sound?.getAudioTracks()[0],
      });
      if (this.status === "over") return this.release();
      this.listen(this.peer);
      await this.peer.open();
    } catch (trouble) {
      this.release();
      if (this.status !== "over") throw trouble;
    }
  }

  listen(peer) {
    const on = (type, handle) => peer.addEventListener(type, ({ detail }) => handle(detail));
    on("voice", (stream) => this.tell("voice", stream));
    on("open", () => this.rtvi("client-ready", { version: RTVI, about: { library: "vivace-page" } }));
    on("lost", () => this.become("reconnecting"));
    on("left", () => this.end(this.reason ?? "The other side hung up."));
    on("gone", (trouble) => this.fail(trouble));
    on("message", ({ label, type, data }) => {
      if (label !== "rtvi-ai") return;
      if (type === "bot-ready") this.become("live");
      if (type === "error" && data.fatal) this.fail(new Trouble("fault", data.error));
      if (type === "server-message" && data?.type === "ended") this.reason = data.reason;
      this.tell(type, data);
    });
  }

  rtvi(type, data) {
    const id = crypto.randomUUID?.().slice(0, 8) ?? String(Math.random()).slice(2, 10);
    return this.peer?.send({ label: "rtvi-ai", type, id, data }) ? id : null;
  }

  say(text) {
    return this.rtvi("send-text", { content: text, options: { run_immediately: true, audio_response: true } });
  }

  async sendDocument(file) {
    const form = new FormData();
    form.append("file", file);
    const kept = await ask(this.uploadUrl, { method: "POST", body: form });
    const data = { content: kept.name, file: kept, options: { run_immediately: false } };
    if (!this.rtvi("send-file", data)) throw new Trouble("server-gone");
  }

  get hasMicrophone() { return Boolean(this.sound); }

  mute(on) {
    for (const track of this.sound?.getAudioTracks() ?? []) track.enabled = !on;
    this.peer.showTracks();
  }

  fail(trouble) {
    this.tell("trouble", trouble);
    this.end();
  }

  hangUp() { this.end("You hung up."); }

  end(reason) {
    if (this.status === "over") return;
    this.release();
    this.become("over");
    this.tell("end", reason);
  }

  release() {
    this.peer?.close();
    for (const track of this.sound?.getTracks() ?? []) track.stop();
  }
}

async function openMicrophone() {
  if (!navigator.mediaDevices) throw new Trouble("not-secure");
  try {
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw Trouble.ofMicrophone(error);
  }
}
