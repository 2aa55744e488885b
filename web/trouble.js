// What can go wrong, in words a caller can act on.

const CASES = {
  "no-microphone": ["No microphone was found", "Connect one and try again, or type instead.", ["retry", "type"]],
  "microphone-refused": ["This page may not use your microphone", "Allow it with the icon beside the address, then try again. Or type instead.", ["retry", "type"]],
  "microphone-busy": ["Your microphone is in use", "Another program holds it. Close that program and try again, or type instead.", ["retry", "type"]],
  "not-secure": ["Microphones work on secure pages only", "Open this page with https:// or on localhost. Or type instead.", ["type"]],
  "no-webrtc": ["This browser cannot place calls", "Open this page in a current Firefox, Chrome, Edge or Safari.", []],
  "server-gone": ["The server does not answer", "Check your connection, and that the server is running. Then try again.", ["retry"]],
  "busy": ["All lines are busy", "Try again in a moment.", ["retry"]],
  "refused": ["The server refused the call", "", ["retry"]],
  "lost": ["The connection was lost", "It could not be picked up again. Call again to start over.", ["retry"]],
  "fault": ["The bot could not go on", "Call again. If it happens again, tell whoever runs this server.", ["retry"]],
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

  static ofMicrophone(error) {
    const codes = {
      NotAllowedError: "microphone-refused",
      SecurityError: "microphone-refused",
      NotReadableError: "microphone-busy",
    };
    return new Trouble(codes[error.name] ?? "no-microphone");
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

export const asJson = (body, method = "POST") => ({
  method,
  signal: AbortSignal.timeout(15000),
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});
