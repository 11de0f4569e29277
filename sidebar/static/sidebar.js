// The panel's behaviour: ask the helpdesk which ticket this is, then show the order as its sources answer.
// The bearer token lives in this module only: no cookie, no storage.
import { createParser } from "./vendor/eventsource_parser.js";

const QUIET_AFTER_EVENT = 400; // milliseconds: a save fires several events
const TALLEST = 4000;

const element = (id) => document.getElementById(id);
const session = JSON.parse(element("session").textContent);
element("session").remove();

// ZAF reads `origin` and `app_guid` from the address, so this page must never navigate.
const client = window.ZAFClient ? window.ZAFClient.init() : false;

let shown = null; // what is on the page: the parameters of the last stream
let running = null; // its AbortController

function say(text) {
  element("status").textContent = text;
}

function tell(text) {
  element("message").textContent = text;
  element("message").hidden = !text;
}

function clear() {
  for (const section of document.querySelectorAll(".section")) {
    section.replaceChildren();
    section.classList.remove("waiting");
  }
}

function end(text) {
  if (running) running.abort();
  running = null;
  clear();
  element("candidates").replaceChildren();
  tell(text);
  say("");
  element("panel").removeAttribute("aria-busy");
}

async function ask(path, parameters, signal) {
  const answer = await fetch(`${session.base}${path}?${new URLSearchParams(parameters)}`, {
    headers: { authorization: `Bearer ${session.token}` },
    credentials: "omit",
    cache: "no-store",
    signal,
  });
  if (answer.status === 401) {
    throw new Refused("Your session has ended. Reload the page to go on.");
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(problem.detail || "Beforehand cannot show this right now. Try again in a moment.");
  }
  return answer;
}

class Refused extends Error {}

// Sections that changed are replaced whole; what the agent opened stays open, and so does the focus.
function put(id, html) {
  const section = element(id);
  if (!section || section.dataset.html === html) return;
  const open = [...section.querySelectorAll("details[open]")].map((found) => found.dataset.keep);
  const focused = section.contains(document.activeElement) ? document.activeElement.closest("details") : null;
  section.innerHTML = html;
  section.dataset.html = html;
  section.classList.remove("waiting");
  for (const found of section.querySelectorAll("details")) {
    found.open = open.includes(found.dataset.keep);
    if (focused && focused.dataset.keep === found.dataset.keep) found.querySelector("summary").focus();
  }
}

function receive(name, data) {
  if (name === "panel") {
    tell(data.message);
    element("candidates").innerHTML = data.candidates;
    for (const [id, html] of Object.entries(data.sections)) put(id, html);
    if (data.message) element("search").hidden = false;
    say(data.waiting.length ? `Waiting for ${data.waiting.join(", ")}` : `As of ${data.as_of}`);
  } else if (name === "failed") {
    tell(data.message);
    say("");
  } else if (name === "done") {
    element("panel").removeAttribute("aria-busy");
  }
}

async function show(parameters) {
  if (running) running.abort();
  const mine = (running = new AbortController());
  const again = shown && JSON.stringify(shown) === JSON.stringify(parameters);
  if (!again && shown) clear();
  shown = parameters;
  element("panel").setAttribute("aria-busy", "true");
  say(again ? "Refreshing" : "Opening");
  try {
    const answer = await ask("/stream", parameters, mine.signal);
    const parser = createParser({
      onEvent: (event) => mine === running && receive(event.event, JSON.parse(event.data)),
    });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parser.feed(value);
    }
  } catch (error) {
    if (mine !== running || error.name === "AbortError") return;
    if (error instanceof Refused) end(error.message);
    else {
      tell("The connection to Beforehand broke. What you see may be out of date.");
      say("");
    }
  } finally {
    if (mine === running) {
      running = null;
      element("panel").removeAttribute("aria-busy");
    }
  }
}

async function showTicket() {
  const found = await client.get("ticket.id");
  const id = found["ticket.id"];
  if (id) await show({ ticket: String(id) });
  else end("Save the ticket first: a new one has no number yet.");
}

let pending = 0;
function refreshSoon() {
  clearTimeout(pending);
  pending = setTimeout(() => (shown ? show(shown) : showTicket()), QUIET_AFTER_EVENT);
}

element("refresh").addEventListener("click", () => (shown ? show(shown) : client && showTicket()));

element("find").addEventListener("click", () => {
  const form = element("search");
  form.hidden = !form.hidden;
  element("find").setAttribute("aria-expanded", String(!form.hidden));
  if (!form.hidden) element("query").focus();
});

element("search").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = element("query").value.trim();
  if (!text) return;
  if (running) running.abort();
  running = null;
  say("Searching");
  try {
    const found = await (await ask("/search", { q: text })).json();
    tell(found.message);
    element("candidates").innerHTML = found.candidates;
    say("");
    const first = element("candidates").querySelector("button");
    if (first) first.focus();
  } catch (error) {
    if (error instanceof Refused) tell(error.message);
    else tell("The connection to Beforehand broke. Try again in a moment.");
    say("");
  }
});

element("candidates").addEventListener("click", (event) => {
  const chosen = event.target.closest("button[data-order]");
  if (!chosen) return;
  const parameters = { order: chosen.dataset.order, shop: chosen.dataset.shop };
  element("candidates").replaceChildren();
  tell("");
  element("search").hidden = true;
  element("find").setAttribute("aria-expanded", "false");
  show(parameters);
});

if (client) {
  let height = 0;
  new ResizeObserver(() => {
    const wanted = Math.min(TALLEST, Math.ceil(document.body.getBoundingClientRect().height));
    if (Math.abs(wanted - height) < 4) return;
    height = wanted;
    client.invoke("resize", { width: "100%", height: `${wanted}px` });
  }).observe(document.body);
  client.on("app.registered", () => showTicket());
  client.on("app.activated", refreshSoon);
  client.on("ticket.updated", refreshSoon);
} else {
  end("This page works inside Zendesk: open a ticket and its sidebar there.");
}
