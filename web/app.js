// The page: choose a bot, call it, and see what became of the call.
import { followEnd, showEnd } from "./afterwards.js";
import { Caller } from "./caller.js";
import { Captions } from "./captions.js";
import { useControls } from "./controls.js";
import { followCues } from "./cues.js";
import { $, element, spoken } from "./dom.js";
import { watchLink } from "./link.js";
import { Lobby } from "./lobby.js";
import { measureHosts } from "./near.js";
import { followNotices } from "./notices.js";
import { followPeople } from "./people.js";
import { followSight } from "./seen.js";
import { followState } from "./state.js";
import { followFigures } from "./team.js";
import { Trouble, ask } from "./trouble.js";
import { playVoice } from "./voice.js";

const VIEWS = ["lobby", "call", "over"];
const LABELS = { retry: "Try again", again: "Call again", type: "Type instead" };
let lobby, order, ticking;

function view(name) {
  for (const id of VIEWS) $(id).hidden = id !== name;
  document.body.dataset.view = name;
  $(`${name}-title`).focus();
}

function show(trouble) {
  const { title, cure, actions } = trouble instanceof Trouble ? trouble : new Trouble("fault", String(trouble));
  $("trouble").hidden = false;
  $("trouble-title").textContent = title;
  $("trouble-cure").textContent = cure;
  $("trouble-actions").replaceChildren(...actions.map((action) => element("button", {
    type: "button",
    textContent: LABELS[action],
    onclick: () => retry(action),
  })));
}

function retry(action) {
  $("trouble").hidden = true;
  if (!order) return open();
  call(action === "type" ? { ...order, speak: false } : order);
}

async function call(wanted) {
  order = wanted;
  $("trouble").hidden = true;
  const caller = new Caller();
  caller.card = wanted.card;
  const speaker = wanted.card.rehearsed.length ? "Script" : "AI";
  const captions = new Captions(caller, { speaker });
  for (const follow of [followState, followPeople, followNotices, followFigures, followSight, followCues, playVoice, watchLink]) follow(caller);
  const told = followEnd(caller);
  useControls(caller, captions);
  const name = spoken(wanted.bot);
  caller.addEventListener("trouble", ({ detail }) => show(detail));
  caller.addEventListener("end", ({ detail }) => over({ caller, told, captions, reason: detail, name }));
  caller.addEventListener("status", ({ detail }) => { if (detail === "live") startClock(); });
  $("call-title").textContent = name;
  $("clock").textContent = "";
  view("call");
  try {
    await caller.call(wanted);
  } catch (trouble) {
    caller.become("over");
    view("lobby");
    show(trouble);
  }
}

function startClock() {
  if (ticking) return;
  const began = Date.now();
  ticking = setInterval(() => {
    const seconds = Math.floor((Date.now() - began) / 1000);
    $("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }, 1000);
}

function over(call) {
  clearInterval(ticking);
  ticking = undefined;
  showEnd({ ...call, lasted: $("clock").textContent });
  view("over");
}

async function open() {
  try {
    const link = new URLSearchParams(location.search);
    lobby = new Lobby(await ask("/bots"), { onCall: call, bot: link.get("bot"), joins: link.get("joins") });
  } catch (trouble) {
    show(trouble);
  }
}

$("again").onclick = () => {
  $("trouble").hidden = true;
  lobby.show();
  view("lobby");
};
open();
measureHosts().catch(() => {}); // not knowing, any host may answer
