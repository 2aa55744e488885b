// The devices the caller chose at the check; empty means the browser's standard one.
export const chosen = { microphone: "", camera: "" };
