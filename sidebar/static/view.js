// What is on the page around the orders: the sentence above, the search, the line below.

const element = (id) => document.getElementById(id);

// What is going on, for the eye.
export function progress(text) {
  element("progress").textContent = text;
}

// Read out once; the same words twice in a row are not repeated.
export function announce(text) {
  if (element("status").textContent !== text) element("status").textContent = text;
}

// What is settled is also read out.
export function settled(text) {
  progress(text);
  announce(text);
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
  if (text) announce(text);
}

export function choices(html) {
  element("candidates").innerHTML = html;
  return element("candidates").querySelector("button");
}

export function openSearch(is) {
  element("search").hidden = !is;
  element("find").setAttribute("aria-expanded", String(is));
}

export const isSearching = () => !element("search").hidden && element("query").value.trim() !== "";
