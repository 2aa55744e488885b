// Who is in a meeting and who is speaking, and the link that lets others in.
import { $, element } from "./dom.js";

export function followPeople(caller) {
  let speaking = "";
  $("people").hidden = true;
  $("captions").classList.remove("several");
  $("people-recorded").hidden = true;

  function show(people) {
    $("here").replaceChildren(...people.map(({ participant, name }) => {
      const own = participant === caller.me;
      const row = element("li");
      row.dataset.participant = participant;
      row.append(element("span", { className: "wave", ariaHidden: "true" }), name ?? (own ? "You" : "Somebody unnamed"));
      if (own && name) row.append(element("span", { className: "quiet", textContent: " you" }));
      return row;
    }));
    mark(speaking);
  }

  function mark(participant) {
    speaking = participant;
    for (const row of $("here").children) {
      const on = row.dataset.participant === participant;
      row.classList.toggle("speaking", on);
      row.ariaLabel = on ? `${row.textContent}, speaking` : null;
    }
  }

  async function copy(url) {
    $("people-link").value = url;
    $("people-link").select();
    try {
      await navigator.clipboard.writeText(url);
      $("copied").textContent = "Copied. Send it to whom you want here.";
    } catch {
      $("copied").textContent = "Copy the marked link, and send it to whom you want here.";
    }
  }

  caller.addEventListener("meeting", ({ detail }) => {
    const url = new URL(detail.url, location.href).href;
    $("people").hidden = false;
    $("captions").classList.add("several");
    $("people-link").value = url;
    $("copied").textContent = "Whoever has this link can come in. Each name is as its bearer gave it.";
    $("copy-link").onclick = () => copy(url);
  });
  caller.addEventListener("server-message", ({ detail }) => {
    if (detail?.type === "attendance") show(detail.people);
    if (detail?.type === "speaking") mark(detail.participant);
    if (detail?.type === "session") $("people-recorded").hidden = !(caller.guest && detail.recorded);
  });
}
