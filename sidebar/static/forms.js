// A short form in place: opened from a template, checked, and sent once however often it is submitted.

let made = 0;

// A key for one opened form; `randomUUID` is only there on secure pages.
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const named = (form, name) => [...form.elements].filter((found) => found.name === name);
const isShown = (entry) => !entry.hidden;

export class Form {
  // `send(values, key)` answers a promise; `done(answer)` and `failed(error, form)` come after it.
  constructor(slot, template, { opener, send, done, failed }) {
    Object.assign(this, { slot, opener, send, done, failed, key: newKey(), isSending: false });
    slot.replaceChildren(template.content.cloneNode(true));
    this.form = slot.querySelector("form");
    this.name();
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.form.addEventListener("change", () => this.follow());
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    this.form.querySelector("[data-cancel]").addEventListener("click", () => this.close());
    this.follow();
    const first = [...this.form.elements].find((found) => found.matches("input:not([type=hidden]), textarea"));
    if (first) first.focus();
  }

  // Ids are made here, so that a template can be opened beside several orders.
  name() {
    made += 1;
    const title = this.form.querySelector("h3");
    title.id = `form-${made}`;
    this.form.setAttribute("aria-labelledby", title.id);
    for (const [place, entry] of this.entries.entries()) {
      const described = [...entry.querySelectorAll(".hint, .error")].map((text, index) => {
        text.id = `form-${made}-${place}-${index}`;
        return text.id;
      });
      for (const input of entry.querySelectorAll("input, textarea")) {
        input.setAttribute("aria-describedby", described.join(" "));
      }
    }
  }

  get entries() {
    return [...this.form.querySelectorAll(".entry")];
  }

  get isDirty() {
    return [...this.form.elements].some((found) => found.matches("textarea, input:not([type])") && found.value.trim());
  }

  // Shows what goes with the choice that was made.
  follow() {
    const mode = this.form.querySelector('input[type="radio"]:checked');
    for (const entry of this.entries) {
      if (entry.dataset.when) entry.hidden = !mode || !entry.dataset.when.split(" ").includes(mode.value);
    }
  }

  // What was filled in, of what can be seen.
  get values() {
    const values = { reason: "", details: {}, items: [], mode: "" };
    for (const entry of this.entries.filter(isShown)) {
      const name = entry.dataset.entry;
      const input = entry.querySelector("input, textarea");
      if (name === "items") {
        for (const count of entry.querySelectorAll("[data-line]")) {
          if (Number(count.value) > 0) values.items.push({ line: count.dataset.line, quantity: Number(count.value) });
        }
      } else if (input.type === "radio") values[name] = entry.querySelector("input:checked").value;
      else if (name === "amount") values.amount = { value: input.value.trim().replace(/,/g, "."), currency: input.dataset.currency };
      else if (name.startsWith("details.")) {
        const text = input.type === "checkbox" ? (input.checked ? "true" : "") : input.value.trim();
        if (text) values.details[name.slice(8)] = name === "details.country" ? text.toUpperCase() : text;
      } else values[name] = input.value.trim();
    }
    return values;
  }

  // What is plainly wrong, as [name, sentence]; everything else is for the server to say.
  wrong() {
    for (const entry of this.entries.filter(isShown)) {
      const input = entry.querySelector("input, textarea");
      const name = entry.dataset.entry;
      if (name === "items") {
        const counts = [...entry.querySelectorAll("[data-line]")];
        if (counts.some((found) => !found.validity.valid)) return [name, "Choose no more of an item than was ordered."];
        if (entry.dataset.when && !counts.some((found) => Number(found.value) > 0)) return [name, "Choose at least one item."];
      } else if (name === "amount") {
        const text = input.value.trim().replace(/,/g, ".");
        if (!/^\d{1,12}(\.\d{1,3})?$/.test(text) || Number(text) <= 0) return [name, "Enter an amount such as 12.00."];
        if (input.dataset.limit && Number(text) > Number(input.dataset.limit)) {
          return [name, `That is more than can be asked for: at most ${input.dataset.limit} ${input.dataset.currency}.`];
        }
      } else if (input.required && !input.value.trim()) return [name, "Please fill this in."];
    }
    return null;
  }

  // Puts a sentence next to a field, else above the buttons.
  say(name, text) {
    this.quiet();
    const box = [...this.form.querySelectorAll("[data-error]")].find((found) => found.dataset.error === name);
    const target = box && !box.closest(".entry").hidden ? box : null;
    if (!target) {
      this.fail(text);
      return;
    }
    target.textContent = text;
    target.hidden = false;
    const input = target.closest(".entry").querySelector("input, textarea");
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }

  fail(text, list = []) {
    const box = this.form.querySelector(".failure");
    const sentence = document.createElement("p");
    sentence.textContent = text;
    const items = list.map((line) => Object.assign(document.createElement("li"), { textContent: line }));
    const ul = document.createElement("ul");
    ul.append(...items);
    box.replaceChildren(sentence, ...(items.length ? [ul] : []));
    box.hidden = false;
    return box;
  }

  quiet() {
    for (const found of this.form.querySelectorAll(".error, .failure")) found.hidden = true;
    for (const found of this.form.querySelectorAll("[aria-invalid]")) found.removeAttribute("aria-invalid");
  }

  async submit() {
    if (this.isSending) return;
    this.quiet();
    const wrong = this.wrong();
    if (wrong) {
      this.say(...wrong);
      return;
    }
    this.sending(true);
    try {
      const answer = await this.send(this.values, this.key);
      this.close();
      this.done(answer);
    } catch (error) {
      this.sending(false);
      this.failed(error, this);
    }
  }

  // The button stays where the focus is; a second click changes nothing.
  sending(is) {
    this.isSending = is;
    const button = this.form.querySelector('[type="submit"]');
    if (is) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }

  close() {
    this.slot.replaceChildren();
    const opener = this.opener && this.opener();
    if (opener) {
      opener.setAttribute("aria-expanded", "false");
      opener.focus({ preventScroll: true });
    }
    this.closed = true;
  }
}
