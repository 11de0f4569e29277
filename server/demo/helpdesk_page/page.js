// A helpdesk that frames the sidebar as Zendesk does: a form post into a frame, then the app framework's messages.

// --- the host's side of the app framework, as Zendesk's SDK speaks it ---

// One instance is one app beside one ticket.
const SANDBOX = "allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-scripts allow-downloads";

class AppFrame {
  // `read(path)` answers what the app may know; it throws for a path that does not exist.
  constructor({ box, ticketId, token, read }) {
    this.ticketId = ticketId;
    this.token = token;
    this.guid = token.app_guid;
    this.read = read;
    this.origin = new URL(token.action_url, location.href).origin;
    this.subscriptions = new Map();
    this.isRegistered = false;
    this.log = []; // every message of the app, for whoever wants to look
    this.element = document.createElement("iframe");
    this.element.name = `app_${this.guid}_${ticketId}`;
    this.element.title = "Beforehand";
    this.element.setAttribute("sandbox", SANDBOX);
    this.listener = (event) => this.receive(event);
    window.addEventListener("message", this.listener);
    box.append(this.element);
    this.load(token);
  }

  // The signed token travels in a form post, so that it is in no address.
  load(token) {
    const action = new URL(token.action_url, location.href);
    action.searchParams.set("origin", location.origin);
    action.searchParams.set("app_guid", this.guid);
    const form = document.createElement("form");
    form.method = "post";
    form.target = this.element.name;
    form.action = action.href;
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "token";
    field.value = token.token;
    form.append(field);
    document.body.append(form);
    form.submit();
    form.remove();
  }

  remove() {
    window.removeEventListener("message", this.listener);
    this.element.remove();
  }

  receive(event) {
    if (event.source !== this.element.contentWindow || event.origin !== this.origin) return;
    let said = event.data;
    try {
      if (typeof said === "string") said = JSON.parse(said);
    } catch {
      return;
    }
    if (!said || typeof said !== "object") return;
    this.log.push(said);
    if (said.key === "iframe.handshake") this.register();
    else if (said.request) this.answer(said);
    else if (typeof said.key === "string") this.notice(said);
  }

  notice({ key, message }) {
    const [, verb, name] = /^iframe\.(on|off):(.+)$/.exec(key) || [];
    if (verb) this.subscriptions.set(name, (message && message.subscriberCount) || 0);
    const request = /^request:\d+$/.exec(key);
    if (request) {
      const refused = { status: 403, responseText: "The host is not in domainWhitelist" };
      this.post({ key: `zaf.${key}.fail`, message: { responseArgs: [refused] } });
    }
  }

  register() {
    this.isRegistered = true;
    const { guid, ticketId, token } = this;
    this.post({
      key: "zaf.app.registered",
      message: {
        metadata: {
          appId: token.app_id,
          name: "Beforehand",
          installationId: token.installation_id,
          version: "1.0",
          settings: {},
        },
        context: {
          product: "support",
          location: "ticket_sidebar",
          instanceGuid: guid,
          ticketId,
          account: { subdomain: token.subdomain },
        },
      },
    });
  }

  answer({ id, request, params }) {
    const errors = {};
    const result = { errors };
    if (request === "get") {
      for (const path of params) {
        try {
          result[path] = this.read(path);
        } catch (error) {
          errors[path] = { path, name: "Error", message: error.message };
        }
      }
    } else if (request === "set") {
      for (const path of Object.keys(params)) {
        errors[path] = { path, name: "Error", message: `${path} cannot be set here` };
      }
    } else if (request === "invoke") {
      for (const [name, values] of Object.entries(params)) {
        result[name] = null;
        if (name === "resize") this.resize(values[0]);
      }
    } else {
      this.post({ id, error: { name: "Error", message: `unknown request ${request}` } });
      return;
    }
    this.post({ id, result });
  }

  resize({ height }) {
    const pixels = parseInt(height, 10);
    if (pixels > 0) this.element.style.height = `${pixels}px`;
  }

  // An event reaches only an app that asked for it.
  tell(name, message = {}) {
    if (this.isRegistered && this.subscriptions.get(name) > 0) this.post({ key: `zaf.${name}`, message });
  }

  post(message) {
    if (this.element.contentWindow) this.element.contentWindow.postMessage(message, this.origin);
  }
}

// --- the helpdesk itself: the list, the open ticket, and the apps beside it; what changes shows by itself ---

const EVERY = 1000; // milliseconds
const MOST_FRAMES = 6;
const element = (id) => document.getElementById(id);
let subdomain = "";

let open = (/^\/agent\/tickets\/(\d+)/.exec(location.pathname) || [])[1] || null;
let ticket = null;
let listed = "";
const drawn = { ticket: "" };
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
    body: JSON.stringify({ do: what, text }),
  });
  if (answer.ok) element("text").value = "";
  await look();
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
  currentUser: () => ({ id: 1, name: "Robin Agent", email: "robin@example.com", role: "agent" }),
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
  const token = await read(`/_page/sidebar_token?ticket=${encodeURIComponent(id)}`);
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
  if (push) history.pushState({}, "", `/agent/tickets/${id}`);
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
if (open) showApp(open);
