// What can go wrong, in words a caller can act on.

const CASES = {
  "no-microphone": ["No microphone was found", "Connect one and try again, or type instead.", ["retry", "type"]],
  "microphone-refused": ["This page may not use your microphone", "Allow it with the icon beside the address, then try again. Or type instead.", ["retry", "type"]],
  "microphone-busy": ["Your microphone is in use", "Another program holds it. Close that program and try again, or type instead.", ["retry", "type"]],
  "not-secure": ["Microphones work on secure pages only", "Open this page with https:// or on localhost. Or type instead.", ["type"]],
  "no-camera": ["No camera was found", "Connect one and turn it on again. The call goes on without it.", []],
  "camera-refused": ["This page may not use your camera", "Allow it with the icon beside the address, then turn it on again. The call goes on without it.", []],
  "camera-busy": ["Your camera is in use", "Another program holds it. Close that program, then turn it on again.", []],
  "camera-not-secure": ["Cameras work on secure pages only", "Open this page with https:// or on localhost. The call goes on without it.", []],
  "screen-refused": ["Your screen is not shared", "Choose a screen, a window or a tab when the browser asks. If it does not ask, allow screen sharing for this browser.", []],
  "no-screen": ["This browser cannot share a screen", "Use a current desktop browser for that. The call goes on without it.", []],
  "no-webrtc": ["This browser cannot place calls", "Open this page in a current Firefox, Chrome, Edge or Safari.", []],
  "server-gone": ["The server does not answer", "Check your connection, and that the server is running. Then try again.", ["retry"]],
  "busy": ["All lines are busy", "Try again in a moment.", ["retry"]],
  "refused": ["The server refused the call", "", ["retry"]],
  "lost": ["The connection was lost", "It could not be picked up again. Call again to start over.", ["again"]],
  "not-kept": ["The connection was lost for too long", "What was said is no longer kept, so the bot will not remember it. Call again to start over.", ["again"]],
  "fault": ["The bot could not go on", "Call again. If it happens again, tell whoever runs this server.", ["again"]],
};

export class Trouble extends Error {
  constructor(code, detail = "") {
    super(detail || CASES[code][0]);
    this.code = code;
    this.detail = detail;
  }

  get title() { return CASES[this.code][0]; }
  get cure() { return this.detail || CASES[this.code][1]; }
  get actions() { return CASES[this.code][2]; }

  static of(error, codes, otherwise) {
    return error instanceof Trouble ? error : new Trouble(codes[error.name] ?? otherwise);
  }

  static ofMicrophone(error) {
    return Trouble.of(error, {
      NotAllowedError: "microphone-refused",
      SecurityError: "microphone-refused",
      NotReadableError: "microphone-busy",
    }, "no-microphone");
  }

  static ofCamera(error) {
    return Trouble.of(error, {
      NotAllowedError: "camera-refused",
      SecurityError: "camera-refused",
      NotReadableError: "camera-busy",
    }, "no-camera");
  }

  static ofScreen(error) {
    return Trouble.of(error, {}, "screen-refused");
  }
}

export async function ask(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Trouble("server-gone");
  }
  if (answer.ok) return answer.json();
  const { detail } = await answer.json().catch(() => ({}));
  const words = typeof detail === "string" ? detail : "";
  throw new Trouble(answer.status === 503 ? "busy" : "refused", words);
}

export const asJson = (body, { method = "POST", headers = {} } = {}) => ({
  method,
  signal: AbortSignal.timeout(15000),
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify(body),
});
