// The panel's behaviour in Zendesk: ask which ticket this is, then show the order as its sources answer.
import { Refused, search, stream } from "./talk.js";
import * as view from "./view.js";

const QUIET_AFTER_EVENT = 400; // milliseconds: one save fires several events
const STALE_AFTER = 15000; // coming back to a ticket sooner than this asks nobody again
const HANDSHAKE = 8000; // how long Zendesk may take to say hello
const TALLEST = 4000; // pixels
const BROKEN = "The connection to Beforehand broke. What you see may be out of date.";
const UNREACHED = "Beforehand cannot be reached. Refresh to try again.";

const element = (id) => document.getElementById(id);

// ZAF reads `origin` and `app_guid` from the address, so this page must never navigate.
const client = window.ZAFClient ? window.ZAFClient.init() : false;

let ticket = null; // its id, as Zendesk says it in the browser; the server checks it again
let shown = null; // the parameters of the last stream
let running = null; // the AbortController of what is under way
let finishedAt = 0;

function begin() {
  if (running) running.abort();
  running = new AbortController();
  view.busy(true);
  return running;
}

function finish(mine) {
  if (mine !== running) return;
  running = null;
  finishedAt = Date.now();
  view.busy(false);
}

function fail(error) {
  if (!(error instanceof Refused)) {
    if (view.isEmpty()) view.clear({ waiting: false });
    view.tell(view.isEmpty() ? UNREACHED : BROKEN);
    view.progress("");
    return;
  }
  // Nobody who is not known any more goes on reading a customer's order.
  if (error.ended) {
    view.clear({ waiting: false });
    view.choices("");
    shown = null;
  }
  view.tell(error.message, { reload: error.ended });
  view.progress("");
}

function receive(name, data) {
  if (name === "failed") {
    view.clear({ waiting: false });
    view.tell(data.message);
    view.openSearch(true);
    view.progress("");
    return;
  }
  view.tell(data.message);
  view.choices(data.candidates);
  for (const [id, html] of Object.entries(data.sections)) view.put(id, html);
  if (data.message) view.openSearch(true);
  if (data.message && !data.as_of) view.clear({ waiting: false });
  if (data.waiting.length) view.progress(`Waiting for ${data.waiting.join(", ")}`);
  else view.settled(data.as_of ? `As of ${data.as_of}` : "");
}

async function show(parameters) {
  const mine = begin();
  const isAgain = JSON.stringify(shown) === JSON.stringify(parameters);
  if (shown && !isAgain) view.clear({ waiting: true });
  shown = parameters;
  element("back").hidden = !ticket || "ticket" in parameters;
  view.progress(isAgain ? "Refreshing" : "Opening");
  try {
    await stream(parameters, mine.signal, (name, data) => mine === running && receive(name, data));
  } catch (error) {
    if (mine === running) fail(error);
  } finally {
    finish(mine);
  }
}

async function showTicket() {
  try {
    ticket = (await client.get("ticket.id"))["ticket.id"] || null;
  } catch {
    ticket = null;
  }
  if (ticket) {
    await show({ ticket: String(ticket) });
    return;
  }
  view.clear({ waiting: false });
  view.tell("Zendesk did not say which ticket this is. Refresh to try again.");
  view.progress("");
  view.busy(false);
}

function refresh() {
  if (shown) show(shown);
  else if (client) showTicket();
}

async function find(text) {
  const mine = begin();
  view.progress("Searching");
  try {
    const found = await search(text, mine.signal);
    if (mine !== running) return;
    view.tell(found.message);
    const first = view.choices(found.candidates);
    view.progress("");
    if (first) first.focus();
  } catch (error) {
    if (mine === running) fail(error);
  } finally {
    finish(mine);
  }
}

function choose(parameters) {
  view.choices("");
  view.tell("");
  element("query").value = "";
  view.openSearch(false);
  show(parameters);
}

element("refresh").addEventListener("click", refresh);
element("reload").addEventListener("click", () => location.reload());
element("back").addEventListener("click", () => choose({ ticket: String(ticket) }));
element("find").addEventListener("click", () => {
  const isOpen = element("search").hidden;
  view.openSearch(isOpen);
  if (isOpen) element("query").focus();
});
element("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element("query").value.trim();
  if (text) find(text);
});
element("candidates").addEventListener("click", (event) => {
  const chosen = event.target.closest("button[data-order]");
  if (chosen) choose({ order: chosen.dataset.order, shop: chosen.dataset.shop });
});

// --- Zendesk ---

let soon = 0;
function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(() => view.isSearching() || refresh(), QUIET_AFTER_EVENT);
}

function followHeight() {
  let height = 0;
  let timer = 0;
  const send = () => {
    const wanted = Math.min(TALLEST, Math.ceil(document.body.getBoundingClientRect().height));
    if (Math.abs(wanted - height) < 4) return;
    height = wanted;
    // It is only about room: an answer is not waited for, and a refusal changes nothing.
    client.invoke("resize", { width: "100%", height: `${wanted}px` }).catch(() => {});
  };
  new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(send, 40);
  }).observe(document.body);
}

function unreachable(text) {
  view.clear({ waiting: false });
  view.tell(text);
  view.progress("");
  view.busy(false);
}

if (client) {
  const waiting = setTimeout(() => unreachable("Zendesk does not answer. Reload the app to try again."), HANDSHAKE);
  client.on("app.registered", () => {
    clearTimeout(waiting);
    view.tell("");
    showTicket();
  });
  client.on("app.activated", () => !running && Date.now() - finishedAt > STALE_AFTER && refreshSoon());
  client.on("ticket.updated", refreshSoon);
  followHeight();
} else {
  element("find").hidden = true;
  element("refresh").hidden = true;
  unreachable("This page works inside Zendesk: open a ticket, and its sidebar there.");
}
