// The tapes there are; one played back with its captions and pictures, replayed, and compared.
const $ = (id) => document.getElementById(id);
const element = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);
const clock = (secs) => `${Math.floor(secs / 60)}:${String(Math.floor(secs % 60)).padStart(2, "0")}`;
const PEAKS_PER_SEC = 20;
let tape;

async function ask(url, options) {
  const answer = await fetch(url, options);
  if (answer.ok) return answer.json();
  const { detail } = await answer.json().catch(() => ({}));
  throw new Error(detail || `The server answers ${answer.status}.`);
}

function show(error) {
  $("trouble").textContent = error.message;
  $("trouble").hidden = false;
}

async function list() {
  const tapes = await ask("/qa/tapes");
  $("empty").hidden = tapes.length > 0;
  $("tapes").replaceChildren(...tapes.map((entry) => {
    const item = element("li"), button = element("button", { type: "button", onclick: () => { location.hash = entry.name; } });
    button.append(
      element("strong", { textContent: entry.bot ?? entry.name }),
      element("span", { className: "quiet", textContent: entry.started ? new Date(entry.started).toLocaleString() : entry.name }),
      element("span", { className: "quiet", textContent: [entry.policy, entry.sealed && "sealed", `${(entry.bytes / 2 ** 20).toFixed(1)} MB`].filter(Boolean).join(", ") }),
    );
    if (entry.error) button.append(element("span", { className: "error", textContent: entry.error }));
    item.append(button);
    return item;
  }));
}

function said(turn) {
  const item = element("li");
  item.dataset.at = turn.at;
  const jump = element("button", { type: "button", textContent: clock(turn.at), ariaLabel: `Play from ${clock(turn.at)}`, onclick: () => play(turn.at) });
  const facts = [turn.voice && `${Math.round(turn.voice * 1000)} ms to the first word`, turn.interrupted && "interrupted",
    ...Object.entries(turn.spans).map(([stage, secs]) => `${stage} ${Math.round(secs * 1000)}`)].filter(Boolean);
  const head = element("p");
  head.append(jump, element("span", { className: "quiet", textContent: ` ${facts.join(", ")}` }));
  item.append(head);
  if (turn.heard) item.append(element("p", { textContent: `Caller: ${turn.heard}` }));
  for (const tool of turn.tools) item.append(element("p", { className: "tool", textContent: `${tool.name}(${JSON.stringify(tool.arguments)}) → ${JSON.stringify(tool.result)} in ${Math.round(tool.ms)} ms` }));
  if (turn.said.length) item.append(element("p", { textContent: `Bot: ${turn.said.join(" ")}` }));
  return item;
}

function play(at) {
  $("sound").currentTime = at;
  $("sound").play();
}

function draw() {
  const canvas = $("peaks"), pen = canvas.getContext("2d"), half = canvas.height / 2;
  const style = getComputedStyle(document.documentElement);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  tape.peaks.forEach((track, index) => {
    pen.fillStyle = style.getPropertyValue(index ? "--accent" : "--quiet");
    const width = canvas.width / (tape.secs * PEAKS_PER_SEC);
    track.forEach((peak, n) => pen.fillRect(n * width, half * (index + 0.5) - (peak / 99) * half / 2, Math.max(1, width - 0.5), Math.max(1, (peak / 99) * half)));
  });
  pen.fillStyle = style.getPropertyValue("--danger");
  pen.fillRect(($("sound").currentTime / tape.secs) * canvas.width, 0, 3, canvas.height);
}

function follow() {
  const now = $("sound").currentTime;
  let current;
  for (const item of $("turns").children) {
    item.classList.remove("now");
    if (Number(item.dataset.at) <= now) current = item;
  }
  current?.classList.add("now");
  const picture = tape.images.findLast((image) => image.at <= now);
  $("picture").hidden = !picture;
  if (picture) $("picture").src = picture.source;
  draw();
}

async function open(name) {
  tape = await ask(`/qa/tapes/${encodeURIComponent(name)}`);
  tape.name = name;
  $("tape-title").textContent = tape.bot;
  $("tape-detail").textContent = `${new Date(tape.started).toLocaleString()}, ${clock(tape.secs)}, policy ${tape.policy}, code ${tape.code.slice(0, 12)}, session ${tape.session}`;
  $("turns").replaceChildren(...tape.turns.map(said));
  draw();
  const sound = await fetch(`/qa/tapes/${encodeURIComponent(name)}/sound`);
  URL.revokeObjectURL($("sound").src);
  $("sound").src = URL.createObjectURL(await sound.blob()); // whole, so that any moment can be played
  const state = await ask(`/qa/tapes/${encodeURIComponent(name)}/replay`);
  state.running ? watch(name) : outcome(name, state);
}

function outcome(name, { running, share, report, error }) {
  $("progress").hidden = !running;
  $("progress").value = share;
  $("replay").disabled = running;
  $("outcome").textContent = running ? `${Math.round(share * 100)} %` : error || (report
    ? report.same ? `The same call, ${report.speed_x} times faster.` : report.error || `${report.differences.length} differences, the first in turn ${report.first_difference.turn}: ${report.first_difference.what}`
    : "");
  const differing = new Set((report?.differences ?? []).map(({ turn }) => turn));
  [...$("turns").children].forEach((item, number) => item.classList.toggle("differs", differing.has(number)));
  $("diff").hidden = !report;
  $("diff").href = `/qa/tapes/${encodeURIComponent(name)}/diff`;
}

async function watch(name) {
  for (;;) {
    const state = await ask(`/qa/tapes/${encodeURIComponent(name)}/replay`);
    if (tape.name !== name) return;
    outcome(name, state);
    if (!state.running) return;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

async function route() {
  $("trouble").hidden = true;
  const name = decodeURIComponent(location.hash.slice(1));
  $("list").hidden = Boolean(name);
  $("tape").hidden = !name;
  $("sound").pause();
  await (name ? open(name) : list());
  if (name) $("tape-title").focus();
}

$("back").onclick = () => { location.hash = ""; };
$("sound").ontimeupdate = follow;
$("peaks").onclick = ({ offsetX, target }) => play((offsetX / target.clientWidth) * tape.secs);
$("replay").onclick = async () => {
  try {
    await ask(`/qa/tapes/${encodeURIComponent(tape.name)}/replay`, { method: "POST" });
    await watch(tape.name);
  } catch (error) {
    show(error);
  }
};
addEventListener("hashchange", () => route().catch(show));
route().catch(show);
