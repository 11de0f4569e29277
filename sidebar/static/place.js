// The place of one order on the page: its sections, filled as sources answer.
import { stream } from "./talk.js";

const sameAs = (found) => (found ? found.dataset.keep || found.getAttribute("href") : null);
const focusable = "details[data-keep] > summary, a[href], button[data-keep]";
const keyOf = (found) => sameAs(found.matches("summary") ? found.parentElement : found);

// Replaces what is in `box`; what the agent opened stays open, and the focus where it was.
export function replace(box, html) {
  const open = new Set([...box.querySelectorAll("details[open]")].map((found) => found.dataset.keep));
  const active = box.contains(document.activeElement) ? document.activeElement : null;
  const focused = active && keyOf(active);
  box.innerHTML = html;
  for (const found of box.querySelectorAll("details")) found.open = open.has(found.dataset.keep);
  if (!focused) return;
  const again = [...box.querySelectorAll(focusable)].find((found) => keyOf(found) === focused);
  if (again) again.focus({ preventScroll: true });
}

export class Place {
  // `watch` has `event(name, data)`, `failed(error)`, `begins()`, `ends()`.
  constructor(root, watch) {
    this.root = root;
    this.watch = watch;
    this.sections = new Map([...root.querySelectorAll("[data-section]")].map((found) => [found.dataset.section, found]));
    this.placeholders = new Map([...this.sections].map(([name, found]) => [name, found.innerHTML]));
    this.drawn = new Map();
    this.shown = null; // the parameters of the last stream
    this.order = null; // which order it turned out to be
    this.running = null; // the AbortController of what is under way
    this.finishedAt = 0;
  }

  get isEmpty() {
    return this.drawn.size === 0;
  }

  // Takes everything of the last order away; places are kept for the next one where it is on its way.
  clear({ waiting }) {
    this.drawn.clear();
    this.order = null;
    for (const [name, section] of this.sections) {
      section.innerHTML = waiting ? this.placeholders.get(name) : "";
      section.classList.toggle("waiting", waiting && this.placeholders.get(name) !== "");
    }
  }

  put(name, html) {
    const section = this.sections.get(name);
    if (!section || this.drawn.get(name) === html) return;
    replace(section, html);
    // Room for what is still being asked for: the sections below stay where they are.
    section.classList.toggle("waiting", html.includes('class="waits"'));
    this.drawn.set(name, html);
    this.root.dispatchEvent(new CustomEvent("drawn", { detail: name }));
  }

  async show(parameters, { source = "" } = {}) {
    if (this.running) this.running.abort();
    const mine = (this.running = new AbortController());
    this.watch.begins(source);
    if (this.shown && JSON.stringify(this.shown) !== JSON.stringify(parameters)) this.clear({ waiting: true });
    this.shown = parameters;
    try {
      await stream(source ? { ...parameters, source } : parameters, mine.signal, (name, data) => {
        if (mine === this.running) this.receive(name, data);
      });
    } catch (error) {
      if (mine === this.running) this.watch.failed(error);
    } finally {
      if (mine === this.running) {
        this.running = null;
        this.finishedAt = Date.now();
        this.watch.ends();
      }
    }
  }

  receive(name, data) {
    if (name === "panel") {
      if (data.order) this.order = data.order;
      for (const [section, html] of Object.entries(data.sections)) this.put(section, html);
    }
    this.watch.event(name, data);
  }

  again(source = "") {
    return this.shown ? this.show(this.shown, { source }) : Promise.resolve();
  }

  stop() {
    if (this.running) this.running.abort();
    this.running = null;
  }
}
