// Puts things on the page.

const element = (id) => document.getElementById(id);
const sections = [...document.querySelectorAll(".section")];
const placeholders = new Map(sections.map((section) => [section.id, section.innerHTML]));
const reserved = new Set(sections.filter((section) => section.matches(".waiting")).map((section) => section.id));
const drawn = new Map();

// What is going on, for the eye.
export function progress(text) {
  element("progress").textContent = text;
}

// The same, once it is settled, also read out.
export function settled(text) {
  progress(text);
  element("status").textContent = text;
}

export function busy(is) {
  if (is) element("panel").setAttribute("aria-busy", "true");
  else element("panel").removeAttribute("aria-busy");
}

// A sentence in place of the order, or above it; empty takes it away.
export function tell(text, { reload = false } = {}) {
  element("message").textContent = text;
  element("notice").hidden = !text;
  element("reload").hidden = !reload;
  if (text) element("status").textContent = text;
}

export function choices(html) {
  element("candidates").innerHTML = html;
  return element("candidates").querySelector("button");
}

// Takes everything of the last order away; places are kept for the next one where it is on its way.
export function clear({ waiting }) {
  drawn.clear();
  for (const section of sections) {
    section.innerHTML = waiting ? placeholders.get(section.id) : "";
    section.classList.toggle("waiting", waiting && reserved.has(section.id));
    if (section.id === "actions") section.hidden = true;
  }
}

export const isEmpty = () => drawn.size === 0;

const sameAs = (found) => (found ? found.dataset.keep || found.getAttribute("href") : null);

// Sections that changed are replaced whole; what the agent opened stays open, and so does the focus.
export function put(id, html) {
  const section = element(id);
  if (!section || drawn.get(id) === html) return;
  const open = new Set([...section.querySelectorAll("details[open]")].map((found) => found.dataset.keep));
  const active = section.contains(document.activeElement) ? document.activeElement : null;
  const focused = active && sameAs(active.matches("summary") ? active.parentElement : active);
  section.innerHTML = html;
  section.classList.remove("waiting");
  if (id === "actions") section.hidden = !html;
  drawn.set(id, html);
  for (const found of section.querySelectorAll("details")) found.open = open.has(found.dataset.keep);
  if (!focused) return;
  const again = [...section.querySelectorAll("details, a")].find((found) => sameAs(found) === focused);
  if (again) (again.querySelector("summary") || again).focus({ preventScroll: true });
}

export function openSearch(is) {
  element("search").hidden = !is;
  element("find").setAttribute("aria-expanded", String(is));
}

export const isSearching = () => !element("search").hidden && element("query").value.trim() !== "";
