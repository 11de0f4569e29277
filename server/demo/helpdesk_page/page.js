// A helpdesk that frames the sidebar as Zendesk does: the list, the open ticket, the app; what changes shows by itself.
import { AppFrame } from "./zaf.js";

const EVERY = 1000; // milliseconds
const MOST_FRAMES = 6;
const element = (id) => document.getElementById(id);
let subdomain = "";

let open = (/^\/agent\/tickets\/(\d+)/.exec(location.pathname) || [])[1] || null;
let ticket = null;
let listed = "";
const drawn = { ticket: "" };
let agent = Number(new URLSearchParams(location.search).get("agent")) || 0; // who sits here; 0: the first of them
let agents = [];
const frames = new Map(); // by ticket, as Zendesk keeps a tab for each

function make(tag, { text = "", kind = "" } = {}, ...children) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (kind) made.className = kind;
  made.append(...children);
  return made;
}

const clock = (iso) =>
  iso ? new Date(iso).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }) : "";

async function read(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// --- the list ---

function drawList(tickets) {
  const text = JSON.stringify([tickets, open]);
  if (text === listed) return;
  const known = new Set([...element("tickets").querySelectorAll("button")].map((found) => found.dataset.id));
  const isFirst = !listed;
  const focused = document.activeElement && document.activeElement.dataset.id;
  listed = text;
  element("tickets").replaceChildren(
    ...tickets.map((found) => {
      const id = String(found.id);
      const button = make("button", {});
      button.type = "button";
      button.dataset.id = id;
      button.append(
        make("span", { kind: `status ${found.status}`, text: found.status }),
        make("span", { kind: "number", text: `#${id}` }),
        make("span", { kind: "title", text: found.subject }),
        make("span", { kind: "who", text: `${found.requester || ""} ${clock(found.updated_at)}`.trim() }),
      );
      if (id === open) button.setAttribute("aria-current", "true");
      if (!isFirst && !known.has(id)) button.classList.add("arrived");
      return make("li", {}, button);
    }),
  );
  if (focused) {
    const again = element("tickets").querySelector(`button[data-id="${focused}"]`);
    if (again) again.focus();
  }
}

// --- the ticket ---

function drawTicket(found) {
  const text = JSON.stringify(found);
  if (text === drawn.ticket) return;
  const isUpdate = ticket && String(ticket.id) === String(found.id);
  drawn.ticket = text;
  ticket = found;
  element("subject").textContent = found.subject;
  element("facts").replaceChildren(
    make("span", { kind: `status ${found.status}`, text: found.status }),
    make("span", { text: `#${found.id}` }),
    make("span", { text: found.requester ? `${found.requester.name || ""} ${found.requester.email || ""}`.trim() : "" }),
    make("span", { text: found.priority ? `priority ${found.priority}` : "" }),
    ...(found.tags || []).map((tag) => make("span", { kind: "tag", text: tag })),
  );
  element("comments").replaceChildren(
    ...(found.comments || []).map((said) =>
      make(
        "li",
        { kind: said.public ? "public" : "internal" },
        make("p", { kind: "by" }, make("b", { text: said.author || "" }), said.public ? "" : make("em", { text: "Internal note" }), make("span", { text: clock(said.created_at) })),
        make("p", { kind: "body", text: said.body || "" }),
      ),
    ),
  );
  element("reply").hidden = found.status === "closed";
  for (const button of element("reply").querySelectorAll("[data-do]")) {
    const isSolved = found.status === "solved";
    button.hidden = (button.dataset.do === "solve" && isSolved) || (button.dataset.do === "reopen" && !isSolved);
  }
  if (isUpdate) tell(String(found.id), "ticket.updated", { id: found.id });
}

element("reply").addEventListener("submit", async (event) => {
  event.preventDefault();
  const what = event.submitter.dataset.do;
  const text = element("text").value.trim();
  if (what === "reply" && !text) return;
  const answer = await fetch(`/_page/tickets/${open}/act`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ do: what, text, agent: me().id }),
  });
  if (answer.ok) element("text").value = "";
  await look();
});

// --- who sits here ---

const me = () => agents.find((found) => found.id === agent) || agents[0];

async function readAgents() {
  agents = await read("/_page/agents.json");
  element("agent").replaceChildren(
    ...agents.map((found) => {
      const option = make("option", { text: `${found.name} (${found.role})` });
      option.value = String(found.id);
      option.selected = found === me();
      return option;
    }),
  );
}

// Somebody else sits down: every frame is opened again in their name.
element("agent").addEventListener("change", () => {
  agent = Number(element("agent").value);
  for (const frame of frames.values()) frame.remove();
  frames.clear();
  const address = new URL(location.href);
  address.searchParams.set("agent", String(agent));
  history.replaceState({}, "", address);
  if (open) showApp(open);
});

// --- the app ---

const facts = {
  "ticket.id": (found) => Number(found.id),
  "ticket.subject": (found) => found.subject,
  "ticket.status": (found) => found.status,
  "ticket.priority": (found) => found.priority,
  "ticket.tags": (found) => found.tags,
  "ticket.externalId": (found) => found.external_id,
  "ticket.requester": (found) => found.requester,
  currentUser: () => me(),
  "currentAccount.subdomain": () => subdomain,
};

function reader(id) {
  return (path) => {
    if (!(path in facts)) throw new Error(`No such path: ${path}`);
    if (path === "ticket.id") return Number(id);
    return facts[path](ticket && String(ticket.id) === id ? ticket : { id });
  };
}

function tell(id, name, message) {
  const frame = frames.get(id);
  if (frame) frame.tell(name, message);
}

async function showApp(id) {
  for (const [other, frame] of frames) {
    if (!frame.element.hidden && other !== id) tell(other, "app.deactivated");
    frame.element.hidden = other !== id;
  }
  if (frames.has(id)) {
    tell(id, "app.activated");
    return;
  }
  if (!agents.length) await readAgents();
  const asked = me().id;
  const token = await read(`/_page/sidebar_token?ticket=${encodeURIComponent(id)}&agent=${asked}`);
  if (asked !== me().id) return;
  if (open !== id || frames.has(id)) return;
  subdomain = token.subdomain;
  frames.set(id, new AppFrame({ box: element("apps"), ticketId: Number(id), token, read: reader(id) }));
  if (frames.size > MOST_FRAMES) {
    const [oldest, frame] = frames.entries().next().value;
    frame.remove();
    frames.delete(oldest);
  }
}

// --- all together ---

async function choose(id, { push = true } = {}) {
  if (id !== open || !ticket) {
    open = id;
    ticket = null;
    drawn.ticket = "";
  }
  if (push) history.pushState({}, "", `/agent/tickets/${id}${location.search}`);
  await Promise.all([look(), showApp(id)]);
}

async function look() {
  const id = open;
  const [tickets, found] = await Promise.all([
    read("/_page/tickets.json"),
    id ? read(`/_page/tickets/${id}.json`).catch(() => null) : null,
  ]);
  if (id !== open) return;
  drawList(tickets);
  if (found) drawTicket(found);
}

async function lookOften() {
  try {
    await look();
    document.body.classList.remove("offline");
  } catch {
    document.body.classList.add("offline");
  }
  setTimeout(lookOften, EVERY);
}

element("tickets").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-id]");
  if (button) choose(button.dataset.id);
});
window.addEventListener("popstate", () => {
  const id = (/^\/agent\/tickets\/(\d+)/.exec(location.pathname) || [])[1];
  if (id) choose(id, { push: false });
});

// --- width ---

function setWidth(pixels) {
  const width = Math.min(700, Math.max(230, Math.round(pixels)));
  document.body.style.setProperty("--apps", `${width}px`);
  element("grip").setAttribute("aria-valuenow", String(width));
  for (const button of element("widths").children) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.width) === width));
  }
}

const width = () => Number(element("grip").getAttribute("aria-valuenow"));
element("widths").addEventListener("click", (event) => {
  if (event.target.dataset.width) setWidth(Number(event.target.dataset.width));
});
element("grip").addEventListener("pointerdown", (event) => element("grip").setPointerCapture(event.pointerId));
element("grip").addEventListener("pointermove", (event) => {
  if (element("grip").hasPointerCapture(event.pointerId)) setWidth(window.innerWidth - event.clientX);
});
element("grip").addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") setWidth(width() + 10);
  if (event.key === "ArrowRight") setWidth(width() - 10);
});
setWidth(320);

window.helpdesk = { frames };
lookOften();
readAgents();
if (open) showApp(open);
