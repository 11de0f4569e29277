// The host's side of Zendesk's app framework, as its SDK speaks it: one instance is one app beside one ticket.
const SANDBOX = "allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-scripts allow-downloads";

export class AppFrame {
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
