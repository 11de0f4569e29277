// The panel's behaviour: show the order of this ticket as its sources answer, and the customer's others below it.
import { Actions } from "./actions.js";
import * as hosted from "./host_hosted.js";
import * as zendesk from "./host_zendesk.js";
import { Place, replace } from "./place.js";
import { Refused, search, session } from "./talk.js";
import * as view from "./view.js";

const QUIET_AFTER_EVENT = 400; // milliseconds: one save fires several events
const STALE_AFTER = 15000; // coming back to a ticket sooner than this asks nobody again
const BROKEN = "The connection to Beforehand broke. What you see may be out of date.";
const UNREACHED = "Beforehand cannot be reached. Refresh to try again.";

const element = (id) => document.getElementById(id);

let ticket = null; // the helpdesk's id, where we stand beside one
let first = null; // what the page began with
let host = null;
const others = new Map(); // by details element: the places of other orders that were opened

// --- the order of the ticket ---

const main = new Place(element("order"), {
  begins(source) {
    view.busy(true);
    view.progress(source ? "Asking again" : main.isEmpty ? "Opening" : "Refreshing");
  },
  ends: () => view.busy(false),
  failed: fail,
  event(name, data) {
    if (name === "panel") receive(data);
    else if (name === "others") showOthers(data.html);
    else if (name === "failed") {
      main.clear({ waiting: false });
      showOthers("");
      view.tell(data.message);
      view.openSearch(true);
      view.progress("");
    }
  },
});

const watch = { ticket: () => ticket, ended: () => end(), announce: view.announce };
const actions = new Actions(main, watch);

function receive(data) {
  if (!actions.isOpen || data.message) view.tell(data.message);
  view.choices("");
  if (data.others !== undefined) showOthers(data.others);
  if (data.message && !data.as_of) main.clear({ waiting: false });
  if (data.message && data.waiting.length === 0) view.openSearch(true);
  if (data.waiting.length) view.progress(`Waiting for ${data.waiting.join(", ")}`);
  else view.settled(data.as_of ? `As of ${data.as_of}` : "");
}

function fail(error) {
  if (!(error instanceof Refused)) {
    if (main.isEmpty) main.clear({ waiting: false });
    view.tell(main.isEmpty ? UNREACHED : BROKEN);
    view.progress("");
    return;
  }
  if (error.ended) end();
  view.tell(error.message, { reload: error.ended });
  view.progress("");
}

// Nobody who is not known any more goes on reading a customer's order.
function end() {
  main.stop();
  main.clear({ waiting: false });
  main.shown = null;
  showOthers("");
  view.choices("");
  view.progress("");
  view.busy(false);
}

async function show(parameters) {
  element("back").hidden = !first || JSON.stringify(first) === JSON.stringify(parameters);
  if (JSON.stringify(main.shown) !== JSON.stringify(parameters)) showOthers("");
  await main.show(parameters);
}

async function showFirst() {
  first = await host.wanted();
  if (first) {
    ticket = first.ticket || null;
    await show(first);
    return;
  }
  unreachable(host.lost);
}

function unreachable(text, { isAlone = false } = {}) {
  main.clear({ waiting: false });
  view.tell(text);
  view.progress("");
  view.busy(false);
  if (isAlone) {
    element("find").hidden = true;
    element("refresh").hidden = true;
  }
}

function refresh() {
  if (main.shown) main.again();
  else if (host) showFirst();
  for (const [details, { place }] of others) if (details.open) place.again();
}

// --- the customer's other orders: each is asked for when it is opened ---

function showOthers(html) {
  const box = element("others");
  if (box.dataset.html === html) return;
  box.dataset.html = html;
  for (const [, { place }] of others) place.stop();
  others.clear();
  replace(box, html);
  const isSeveral = html !== "" && main.order !== null;
  element("fold").hidden = !isSeveral;
  if (!isSeveral) fold(false);
}

function fold(is) {
  element("body").hidden = is;
  element("fold").setAttribute("aria-expanded", String(!is));
  element("fold").textContent = is ? "Show details" : "Hide details";
}

function openOther(details) {
  if (others.has(details)) return;
  const root = document.createElement("div");
  root.className = "order";
  const line = document.createElement("p");
  line.className = "line state";
  root.append(line, element("place").content.cloneNode(true));
  details.append(root);
  const say = (text) => {
    line.textContent = text;
  };
  const place = new Place(root, {
    begins: () => say("Opening"),
    ends: () => {},
    failed(error) {
      if (error instanceof Refused && error.ended) fail(error);
      else {
        if (place.isEmpty) place.clear({ waiting: false });
        say(error instanceof Refused ? error.message : BROKEN);
      }
    },
    event(name, data) {
      if (name === "failed") {
        place.clear({ waiting: false });
        say(data.message);
      } else if (name === "panel") {
        say(data.waiting.length ? `Waiting for ${data.waiting.join(", ")}` : data.as_of ? `As of ${data.as_of}` : data.message);
      }
    },
  });
  others.set(details, { place, actions: new Actions(place, watch) });
  place.show({ order: details.dataset.order, shop: details.dataset.shop, alone: "1" });
}

// `toggle` does not bubble, but it can be caught on its way down.
element("others").addEventListener(
  "toggle",
  (event) => event.target.matches("details.other") && event.target.open && openOther(event.target),
  true,
);

// --- search ---

let searching = null;
async function find(text) {
  if (searching) searching.abort();
  const mine = (searching = new AbortController());
  view.busy(true);
  view.progress("Searching");
  try {
    const found = await search(text, mine.signal);
    if (mine !== searching) return;
    view.tell(found.message);
    const button = view.choices(found.candidates);
    view.progress("");
    if (button) button.focus();
  } catch (error) {
    if (mine === searching) fail(error);
  } finally {
    if (mine === searching) view.busy(false);
  }
}

function choose(parameters) {
  view.choices("");
  view.tell("");
  element("query").value = "";
  view.openSearch(false);
  show(parameters);
}

// --- buttons ---

element("refresh").addEventListener("click", refresh);
element("reload").addEventListener("click", () => location.reload());
element("back").addEventListener("click", () => choose(first));
element("fold").addEventListener("click", () => fold(!element("body").hidden));
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
element("panel").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-source]");
  if (!button) return;
  const inside = [...others].find(([details]) => details.contains(button));
  (inside ? inside[1].place : main).again(button.dataset.source);
});

// --- whoever shows the page ---

const isTyping = () => view.isSearching() || actions.isOpen || [...others.values()].some((other) => other.actions.isOpen);
let soon = 0;
function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(() => view.isSearching() || refresh(), QUIET_AFTER_EVENT);
}

host = (session.host === "hosted" ? hosted : zendesk).start({
  unreachable,
  greeted() {
    view.tell("");
    showFirst();
  },
  returned: () => !main.running && !isTyping() && Date.now() - main.finishedAt > STALE_AFTER && refreshSoon(),
  changed: refreshSoon,
});
