// Choosing a bot, hearing what it is and keeps, and saying yes or no to a recording.
import { $, element, spoken } from "./dom.js";
import { rehearsing } from "./notices.js";

const SOURCES = { camera: "your camera", screenVideo: "your screen" };

const years = (days) => (days >= 365 ? `${Math.round(days / 365)} years` : `${days} days`);

function promises(card) {
  const seen = Object.entries(card.sees).map(([source, rate]) => `${SOURCES[source] ?? source} (${rate} ${rate === 1 ? "picture" : "pictures"} a second)`);
  return [
    ["Hears and sees", ["your voice", ...seen].join(", ") + (seen.length ? ", each only while you turn it on" : "")],
    ["Keeps", card.records ? `a recording if you allow it, for ${years(card.retention_days)}` : "nothing after the call"],
    card.redacts && ["Protects", "identifying details are replaced before the model reads them"],
    ["Policy", card.policy],
  ].filter(Boolean);
}

export class Lobby {
  constructor(cards, { onCall }) {
    this.cards = cards;
    $("bots").replaceChildren(...cards.map((card) => this.option(card)));
    $("bots").onchange = () => this.show();
    $("consent").onchange = () => this.check();
    const start = (speak) => {
      if (this.ready) onCall(this.order(speak));
      else $("consent").querySelector("input").focus();
    };
    $("choice").onsubmit = (event) => {
      event.preventDefault();
      start(true);
    };
    $("start-typing").onclick = () => start(false);
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

  get card() {
    const name = $("bots").querySelector("input:checked")?.value;
    return this.cards.find((card) => card.name === name);
  }

  get asksToRecord() { return this.card.records && this.card.consent.includes("recording"); }
  get answer() { return $("consent").querySelector("input:checked")?.value; }
  get ready() { return Boolean(this.card) && (!this.asksToRecord || Boolean(this.answer)); }

  show() {
    const card = this.card;
    $("before").hidden = !card;
    rehearsing(card?.rehearsed);
    if (!card) return;
    const scripted = card.rehearsed.length ? " In this rehearsal a script answers in its place." : "";
    $("disclosure").textContent = card.disclosure + scripted;
    $("promise").replaceChildren(...promises(card).map(([term, text]) => {
      const pair = element("div");
      pair.append(element("dt", { textContent: term }), element("dd", { textContent: text }));
      return pair;
    }));
    $("consent").hidden = !this.asksToRecord;
    $("consent-detail").textContent = "Either answer starts the call. Without your yes, nothing is recorded.";
    for (const answer of $("consent").querySelectorAll("input")) answer.checked = false;
    this.check();
  }

  check() {
    for (const id of ["start", "start-typing"]) $(id).setAttribute("aria-disabled", String(!this.ready));
    $("start-hint").textContent = this.ready ? "" : "Answer the question about the recording first.";
  }

  order(speak) {
    const consent = this.asksToRecord ? { recording: this.answer === "yes" } : {};
    return { card: this.card, bot: this.card.name, consent, speak };
  }
}
