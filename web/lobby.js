// Choosing a bot, hearing what it is and keeps, and saying yes or no to what it asks for.
import { checkFor, stopCheck, useDeviceCheck } from "./devices.js";
import { $, element, spoken } from "./dom.js";
import { rehearsing } from "./notices.js";

const SOURCES = { camera: "your camera", screenVideo: "your screen" };
const QUESTIONS = {
  recording: {
    asks: "May this call be recorded?",
    detail: "Either answer starts the call. Without your yes, nothing is recorded.",
    yes: "Yes, you may record it",
    no: "No, do not record it",
    hint: "Answer the question about the recording first.",
  },
  memory: {
    asks: "May it remember you next time?",
    detail: "Either answer starts the call. Without your yes, it forgets you when you hang up.",
    yes: "Yes, it may remember me",
    no: "No, forget me",
    hint: "Answer the question about remembering you first.",
  },
};
const NAME = "The others see it, and the minutes name you by it. Nobody verifies it.";
const NAMELESS = "Leave it empty where several of you sit at one microphone: your voices are told apart, and nobody is named.";

const years = (days) => (days >= 365 ? `${Math.round(days / 365)} years` : `${days} days`);

function promises(card, joins) {
  const seen = Object.entries(card.sees).map(([source, rate]) => `${SOURCES[source] ?? source} (up to ${rate} ${rate === 1 ? "picture" : "pictures"} a second)`);
  return [
    ["Hears and sees", ["your voice", ...seen].join(", ") + (seen.length ? ", each only while you turn it on" : "")],
    ["Keeps", joins ? "what whoever opened the meeting has agreed to; you are told when you come in" : card.records ? `a recording if you allow it, for ${years(card.retention_days)}` : "nothing after the call"],
    card.redacts && ["Protects", "identifying details are replaced before the model reads them"],
    ["Policy", card.policy],
  ].filter(Boolean);
}

export class Lobby {
  constructor(cards, { onCall, bot, joins }) {
    const meant = cards.filter((card) => card.name === bot);
    if (meant.length) cards = meant;
    Object.assign(this, { cards, joins });
    if (joins) {
      $("lobby-title").textContent = "You are invited to a meeting";
      $("before-title").textContent = "Before you join";
      $("bots").hidden = true;
      $("start").textContent = "Join the meeting";
      $("start-typing").textContent = "Join without a microphone";
    }
    $("bots").replaceChildren(...cards.map((card) => this.option(card)));
    $("bots").onchange = () => this.show();
    $("consents").onchange = () => this.check();
    useDeviceCheck();
    const start = (speak) => {
      if (!this.ready) return (this.unanswered?.querySelector("input") ?? $("your-name")).focus();
      stopCheck();
      onCall(this.order(speak));
    };
    $("choice").onsubmit = (event) => {
      event.preventDefault();
      start(true);
    };
    $("start-typing").onclick = () => start(false);
    $("your-name").oninput = () => this.check();
    if (cards.length === 1) $("bots").querySelector("input").checked = true;
    this.show();
  }

  option(card) {
    const label = element("label", { className: "bot" });
    label.append(
      element("input", { type: "radio", name: "bot", value: card.name }),
      element("strong", { textContent: spoken(card.name) }),
      element("span", { textContent: card.about }),
    );
    return label;
  }

  question(name) {
    const { asks, detail, yes, no } = QUESTIONS[name];
    const group = element("fieldset", { className: "consent" });
    group.dataset.name = name;
    group.append(
      element("legend", { textContent: asks }),
      element("p", { className: "quiet", textContent: detail }),
      ...[["yes", yes], ["no", no]].map(([value, text]) => {
        const label = element("label");
        label.append(element("input", { type: "radio", name, value }), ` ${text}`);
        return label;
      }),
    );
    return group;
  }

  get card() {
    const name = $("bots").querySelector("input:checked")?.value;
    return this.cards.find((card) => card.name === name);
  }

  get questions() { return [...$("consents").children]; }
  get unanswered() { return this.questions.find((group) => !group.querySelector("input:checked")); }
  get name() { return this.card?.gathers ? $("your-name").value.trim() : ""; }
  get ready() { return Boolean(this.card) && !this.unanswered && Boolean(this.name || !this.joins); }

  show() {
    const card = this.card;
    $("before").hidden = !card;
    rehearsing(card?.rehearsed);
    if (!card) return;
    const scripted = card.rehearsed.length ? " In this rehearsal a script answers in its place." : "";
    $("disclosure").textContent = card.disclosure + scripted;
    $("naming").hidden = !card.gathers;
    $("name-hint").textContent = this.joins ? NAME : `${NAME} ${NAMELESS}`;
    $("promise").replaceChildren(...promises(card, this.joins).map(([term, text]) => {
      const pair = element("div");
      pair.append(element("dt", { textContent: term }), element("dd", { textContent: text }));
      return pair;
    }));
    const asked = this.joins ? [] : card.consent.filter((name) => name in QUESTIONS && (name !== "recording" || card.records));
    $("consents").replaceChildren(...asked.map((name) => this.question(name)));
    checkFor(card);
    this.check();
  }

  check() {
    for (const id of ["start", "start-typing"]) $(id).setAttribute("aria-disabled", String(!this.ready));
    const nameless = this.card && !this.ready ? "Say first who you are." : "";
    $("start-hint").textContent = this.unanswered ? QUESTIONS[this.unanswered.dataset.name].hint : nameless;
  }

  order(speak) {
    const answers = this.questions.map((group) => [group.dataset.name, group.querySelector("input:checked").value === "yes"]);
    const { card, name, joins } = this;
    return { card, bot: card.name, consent: Object.fromEntries(answers), speak, name, joins };
  }
}
