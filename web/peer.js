// The connection to Pipecat's SmallWebRTC: sound, pictures, a data channel, and coming back after a drop.
import { Trouble, asJson, ask } from "./trouble.js";

const PING_MS = 1000; // the server counts three seconds without one as not connected
const GRACE_MS = 2000; // a "disconnected" connection often recovers by itself
const GIVE_UP_MS = 30000; // the server ends a session that has been unreachable this long
export const MICROPHONE = 0, CAMERA = 1, SCREEN = 2; // the order of the transceivers is the protocol

// Events: open, message (detail: parsed JSON), voice (detail: MediaStream), lost, gone (detail: Trouble), left.
export class Peer extends EventTarget {
  constructor({ offerUrl, headers, iceServers = [], tracks = [null, null, null], thrifty = false }) {
    super();
    Object.assign(this, { offerUrl, headers, iceServers, tracks, thrifty, id: null, closed: false, restarting: false });
  }

  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  async open(restart = false) {
    clearInterval(this.pinging);
    const before = this.connection;
    const connection = this.connection = new RTCPeerConnection({ iceServers: this.iceServers });
    this.candidates = [];
    this.answered = false;
    connection.onicecandidate = ({ candidate }) => {
      if (candidate) this.candidates.push(candidate);
      if (this.answered) this.sendCandidates();
    };
    connection.onconnectionstatechange = () => this.watch(connection);
    connection.ontrack = ({ track }) => {
      if (track.kind === "audio") this.tell("voice", new MediaStream([track]));
    };
    this.senders = ["audio", "video", "video"].map((kind, index) => (
      connection.addTransceiver(kind, { direction: index === SCREEN ? "sendonly" : "sendrecv" }).sender
    ));
    await Promise.all(this.senders.map((sender, index) => sender.replaceTrack(this.tracks[index])));
    const channel = this.channel = connection.createDataChannel("chat", { ordered: true });
    channel.onopen = () => this.opened(channel);
    channel.onmessage = ({ data }) => this.hear(data);
    try {
      await this.negotiate(restart);
    } catch (trouble) {
      connection.close();
      this.connection = before;
      throw trouble;
    }
    before?.close(); // not sooner: the server takes a closing connection for a caller hanging up
  }

  async negotiate(restart = false) {
    const connection = this.connection;
    await connection.setLocalDescription(await connection.createOffer());
    const { sdp, type } = connection.localDescription;
    const offer = { sdp, type, pc_id: this.id, restart_pc: restart };
    const answer = await ask(this.offerUrl, asJson(offer, { headers: this.headers }));
    this.id = answer.pc_id;
    await connection.setRemoteDescription({ sdp: this.thrifty ? silenceIsFree(answer.sdp) : answer.sdp, type: answer.type });
    this.answered = true;
    await this.sendCandidates();
  }

  async sendCandidates() {
    const found = this.candidates.splice(0).map((candidate) => ({
      candidate: candidate.candidate,
      sdp_mid: candidate.sdpMid,
      sdp_mline_index: candidate.sdpMLineIndex,
    }));
    if (found.length) {
      await ask(this.offerUrl, asJson({ pc_id: this.id, candidates: found }, { method: "PATCH", headers: this.headers })).catch(() => {});
    }
  }

  opened(channel) {
    const ping = () => {
      if (channel.readyState === "open") channel.send(`ping: ${Date.now()}`);
    };
    ping();
    this.pinging = setInterval(ping, PING_MS);
    this.showTracks();
    this.tell("open");
  }

  hear(data) {
    let message;
    try { message = JSON.parse(data); } catch { return; }
    if (message.type !== "signalling") return this.tell("message", message);
    const { type } = message.message;
    if (type === "renegotiate") this.negotiate().catch(() => {});
    if (type === "peerLeft") this.tell("left");
  }

  watch(connection) {
    if (connection !== this.connection || this.closed) return;
    if (connection.connectionState === "failed") this.restart();
    if (connection.connectionState === "disconnected") {
      setTimeout(() => {
        const still = connection === this.connection && connection.connectionState === "disconnected";
        if (still) this.restart();
      }, GRACE_MS);
    }
  }

  async restart() {
    if (this.closed || this.restarting) return;
    this.restarting = true;
    this.tell("lost");
    const giveUp = Date.now() + GIVE_UP_MS;
    while (!this.closed) {
      try {
        await this.open(true);
        break;
      } catch (trouble) {
        if (trouble.code === "refused" || Date.now() > giveUp) {
          this.close();
          this.tell("gone", new Trouble("lost"));
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, PING_MS));
      }
    }
    this.restarting = false;
  }

  send(message) {
    if (this.channel?.readyState !== "open") return false;
    this.channel.send(JSON.stringify(message));
    return true;
  }

  // Sends a track in one of the three places, or none.
  async show(index, track) {
    this.tracks[index] = track;
    await this.senders?.[index].replaceTrack(track);
    this.showTracks();
  }

  showTracks() {
    for (const [index, track] of this.tracks.entries()) {
      this.send({ type: "signalling", message: { type: "trackStatus", receiver_index: index, enabled: Boolean(track?.enabled) } });
    }
  }

  close() {
    this.closed = true;
    clearInterval(this.pinging);
    this.connection?.close();
  }
}

// Asks Opus to send next to nothing while the microphone's gate is shut.
const silenceIsFree = (sdp) => sdp.replace(/a=rtpmap:(\d+) opus\/48000\/2\r\n(?:a=fmtp:\1 ([^\r]*)\r\n)?/i,
  (_, id, options) => `a=rtpmap:${id} opus/48000/2\r\na=fmtp:${id} ${[options, "usedtx=1"].filter(Boolean).join(";")}\r\n`);
