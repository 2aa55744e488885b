// One call: asks for a session, carries the caller's voice, pictures and words, and speaks RTVI with
// the bot. Comes back after a drop: to the same session within 30 s, after that by its token.
import { Microphone } from "./microphone.js";
import { roundTrips } from "./near.js";
import { MICROPHONE, Peer } from "./peer.js";
import { pictures } from "./pictures.js";
import { Trouble, asJson, ask } from "./trouble.js";

const RTVI = "2.2.0";

// Events: status (connecting | live | reconnecting | resuming | over), voice, picture (detail: the
// source, or null), trouble, end (detail: reason), and every RTVI message under its own type
// (detail: its data).
export class Caller extends EventTarget {
  status = "idle";
  pictures = pictures();
  tracks = [null, null, null];
  names = new Map(); // of who was ever in a meeting, by their ids

  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  become(status) {
    if (this.status === status || this.status === "over") return;
    this.status = status;
    this.tell("status", status);
  }

  async call({ bot, card, consent, speak, name, joins }) {
    if (!window.RTCPeerConnection) throw new Trouble("no-webrtc");
    this.become("connecting");
    this.card = card;
    try {
      if (speak) {
        this.microphone = await Microphone.open({ gated: card.gates });
        this.tracks[MICROPHONE] = this.microphone.track;
      }
      if (this.status === "over") return this.release();
      const answers = joins ? { joins } : { bot, consent: { ...consent, at: new Date().toISOString() } };
      this.body = name ? { ...answers, name } : answers;
      this.guest = Boolean(joins); // hears and is heard, and does not drive the bot
      await this.connect({ body: this.body });
    } catch (trouble) {
      this.release();
      if (this.status !== "over") throw trouble;
    }
  }

  async connect(wanted) {
    const { token } = await ask("/start/token", asJson({})); // opens one session, and then belongs to it
    const headers = { Authorization: `Bearer ${token}` };
    const session = await ask("/start", asJson({ transport: "webrtc", ...wanted, roundTrips }, { headers }));
    this.session = session.sessionId;
    this.uploadUrl = session.fileUploadUrl ?? this.uploadUrl;
    this.tapeUrl = session.tapeUrl ?? this.tapeUrl;
    this.token = session.resume ?? this.token;
    if (session.meeting) {
      this.me = session.meeting.id;
      this.wayBack = session.meeting.joins;
      this.tell("meeting", session.meeting);
    }
    this.peer = new Peer({
      offerUrl: `/sessions/${session.sessionId}/api/offer`,
      headers,
      iceServers: session.iceConfig?.iceServers,
      tracks: this.tracks,
      thrifty: this.card.gates,
    });
    if (this.status === "over") return this.release();
    this.listen(this.peer);
    await this.peer.open();
  }

  listen(peer) {
    const on = (type, handle) => peer.addEventListener(type, ({ detail }) => {
      if (peer === this.peer) handle(detail);
    });
    on("voice", (stream) => this.tell("voice", stream));
    on("open", () => this.rtvi("client-ready", { version: RTVI, about: { library: "vivace-page" } }));
    on("lost", () => this.become("reconnecting"));
    on("left", () => this.end(this.reason ?? "The other side hung up."));
    on("gone", (trouble) => this.resume(trouble));
    on("message", ({ label, type, data }) => {
      if (label !== "rtvi-ai") return;
      if (type === "bot-ready") this.become("live");
      if (type === "error" && data.fatal) this.fail(new Trouble("fault", data.error));
      if (type === "server-message") this.remember(data ?? {});
      this.tell(type, data);
    });
  }

  remember({ type, reason, token, people }) {
    if (type === "ended") this.reason = reason;
    if (type === "resume") this.token = token;
    if (type === "attendance") for (const { participant, name } of people) this.names.set(participant, name);
  }

  nameOf(participant) {
    if (!this.me || !participant || participant === this.me) return "You";
    return this.names.get(participant) ?? "Unnamed";
  }

  // The line is gone: a meeting goes on meanwhile, and its people come back to their own place.
  // Where the session is gone too, a new one takes up its thread, if the server has kept it.
  async resume(trouble) {
    if (!this.token && !this.wayBack) return this.fail(trouble);
    this.become("resuming");
    try {
      if (this.wayBack) return await this.connect({ body: { ...this.body, joins: this.wayBack } });
    } catch (refusal) {
      if (!this.token) return this.fail(refusal);
    }
    try {
      await this.connect({ resume: this.token, body: this.body });
    } catch (refusal) {
      this.fail(["busy", "server-gone"].includes(refusal.code) ? refusal : new Trouble("not-kept"));
    }
  }

  rtvi(type, data) {
    const id = crypto.randomUUID?.().slice(0, 8) ?? String(Math.random()).slice(2, 10);
    return this.peer?.send({ label: "rtvi-ai", type, id, data }) ? id : null;
  }

  say(text) {
    return this.rtvi("send-text", { content: text, options: { run_immediately: true, audio_response: true } });
  }

  press(button) { return this.rtvi("dtmf", { buttons: [button] }); }

  withdraw() { return this.rtvi("client-message", { t: "consent", d: { recording: false } }); }

  async sendDocument(file) {
    const form = new FormData();
    form.append("file", file);
    const kept = await ask(this.uploadUrl, { method: "POST", body: form });
    const data = { content: kept.name, file: kept, options: { run_immediately: false } };
    if (!this.rtvi("send-file", data)) throw new Trouble("server-gone");
  }

  get hasMicrophone() { return Boolean(this.microphone); }

  mute(on) {
    this.microphone.mute(on);
    this.peer.showTracks();
  }

  // Turns the camera or the screen on or off. A source that ends by itself is turned off too.
  async show(source, on) {
    const picture = this.pictures[source];
    if (on) await picture.turnOn(() => this.show(source, false));
    else picture.turnOff();
    await this.peer?.show(picture.index, picture.track);
    this.tell("picture", { source, on });
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
    this.microphone?.close();
    for (const picture of Object.values(this.pictures)) picture.turnOff();
  }
}
