// Asking for an approval, deciding one, taking one back: beside one order.
import { Form } from "./forms.js";
import { Refused, send } from "./talk.js";

const LATER = [2500, 8000]; // milliseconds
const LOST = "Beforehand did not answer. Nothing is asked for twice: try again.";

// A field's name before the sentence says where it belongs: `amount: expected ...`.
const placed = (text) => {
  const found = /^(reason|amount|items|details\.\w+|mode):\s*(.+)$/s.exec(text);
  return found ? [found[1], found[2][0].toUpperCase() + found[2].slice(1)] : ["", text];
};

export class Actions {
  // `ticket()` is the one beside which somebody asks; `ended()` is called when the session is over.
  constructor(place, { ticket, ended, announce }) {
    Object.assign(this, { place, ticket, ended, announce, form: null });
    place.root.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-ask], button[data-decide]");
      if (!button || !place.root.contains(button)) return;
      if (button.dataset.ask) this.ask(button);
      else this.decide(button);
    });
    place.root.addEventListener("drawn", (event) => this.redrawn(event.detail));
  }

  slot(name) {
    return this.place.root.querySelector(`[data-slot="${name}"]`);
  }

  get isOpen() {
    return Boolean(this.form) && !this.form.closed;
  }

  template(kind) {
    const found = [...this.place.sections.get("actions").querySelectorAll("template")];
    return found.find((one) => one.dataset.form === kind);
  }

  open(slot, template, key, send) {
    if (this.isOpen) this.form.close();
    this.say(slot, "");
    const opener = () => [...this.place.root.querySelectorAll("button[data-keep]")].find((b) => b.dataset.keep === key);
    this.form = new Form(slot, template, {
      opener,
      send,
      done: (answer) => this.done(slot, answer),
      failed: (error, form) => this.failed(error, form),
    });
    this.form.opened = key;
    const button = opener();
    if (button) button.setAttribute("aria-expanded", "true");
  }

  ask(button) {
    const kind = button.dataset.ask;
    const key = button.dataset.keep;
    if (this.isOpen && this.form.opened === key) {
      this.form.close();
      return;
    }
    const { order, shop } = this.place.order;
    this.open(this.slot("actions"), this.template(kind), key, (values, once) => {
      const { mode, ...rest } = values; // only what the mode shows is among the values
      return send("/approvals", { ...rest, order, shop, ticket: this.ticket() || "", kind }, once);
    });
  }

  decide(button) {
    const { decide, request, version, title, keep } = button.dataset;
    const template = document.getElementById("decision");
    const path = `/approvals/${encodeURIComponent(request)}/${decide === "withdraw" ? "withdraw" : "decision"}`;
    this.open(this.slot("requests"), template, keep, ({ reason }) => {
      const seen = Number(this.form.form.dataset.version);
      const body = { reason, version: seen };
      return send(path, decide === "withdraw" ? body : { ...body, decision: decide });
    });
    this.form.form.dataset.version = version;
    this.form.form.querySelector("h3").textContent = title;
    this.form.form.querySelector('[type="submit"]').textContent = button.textContent.trim();
    this.form.form.querySelector("textarea").required = decide !== "withdraw";
  }

  say(slot, text) {
    const said = document.createElement("p");
    said.className = "outcome";
    said.textContent = text;
    slot.replaceChildren(...(text ? [said] : []));
  }

  done(slot, answer) {
    this.form = null;
    this.say(slot, answer.message);
    this.announce(answer.message);
    this.place.again();
    if (!answer.is_carried_out_soon) return;
    // It is carried out behind the answer: look once or twice what became of it.
    for (const wait of LATER) setTimeout(() => this.place.order && !this.place.running && this.place.again(), wait);
  }

  failed(error, form) {
    if (!(error instanceof Refused)) {
      form.fail(LOST);
      return;
    }
    if (error.ended) {
      this.expired(form, error.message);
      return;
    }
    const { version, differences = [], status } = error.problem;
    if (version !== undefined) {
      // What is seen now is what is decided on next.
      form.form.dataset.version = version;
      const button = form.form.querySelector('[type="submit"]');
      if (differences.length && button.textContent === "Approve") button.textContent = "Approve as it is now";
      form.fail(error.message, differences);
    } else form.say(...placed(error.message));
    if (status === 409 || status === 410 || status === 403) this.place.again();
  }

  // What was typed stays on the screen, to be copied; it cannot be sent any more.
  expired(form, text) {
    const box = form.fail(text);
    const reload = Object.assign(document.createElement("button"), { type: "button", textContent: "Reload" });
    reload.addEventListener("click", () => location.reload());
    box.append(reload);
    form.form.querySelector('[type="submit"]').hidden = true;
    this.ended();
  }

  // The order was drawn again while a form is open: say so where it matters, and keep what was typed.
  redrawn(section) {
    if (section !== "actions" || !this.isOpen || !this.form.opened.startsWith("ask ")) return;
    const kind = this.form.opened.slice(4);
    const button = this.place.root.querySelector(`button[data-ask="${kind}"]`);
    if (!button) {
      this.form.fail("This is not possible any more: the order has changed.");
      return;
    }
    button.setAttribute("aria-expanded", "true");
    const fresh = this.template(kind).content;
    for (const hint of this.form.form.querySelectorAll("[data-hint]")) {
      const now = [...fresh.querySelectorAll("[data-hint]")].find((found) => found.dataset.hint === hint.dataset.hint);
      if (now) hint.textContent = now.textContent;
    }
    const limit = this.form.form.querySelector("[data-limit]");
    const now = fresh.querySelector("[data-limit]");
    if (limit && now) limit.dataset.limit = now.dataset.limit;
  }
}

