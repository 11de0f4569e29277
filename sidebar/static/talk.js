// Talks to Beforehand. The bearer token lives in this module only: no cookie, no storage.
import { createParser } from "./vendor/eventsource_parser.js";

const block = document.getElementById("session");
const { token, ...rest } = JSON.parse(block.textContent);
block.remove();

// What the page is to show and where: `host`, `base`, and for our own pages `order`, `shop` or `ticket`.
export const session = rest;

// An answer with a sentence for the agent. `ended` where the session is over; `problem` is the whole document.
export class Refused extends Error {
  constructor(message, { ended = false, problem = {} } = {}) {
    super(message);
    this.ended = ended;
    this.problem = problem;
  }
}

async function fetched(path, options) {
  const answer = await fetch(session.base + path, {
    ...options,
    headers: { ...options.headers, authorization: `Bearer ${token}` },
    credentials: "omit",
    cache: "no-store",
  });
  if (answer.status === 401) {
    throw new Refused("Session ended. Reload the app to go on.", { ended: true });
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    const text = problem.detail || "Beforehand cannot do this right now. Try again in a moment.";
    throw new Refused(/[.!?]$/.test(text) ? text : `${text}.`, { problem: { ...problem, status: answer.status } });
  }
  return answer;
}

const ask = (path, parameters, signal) => fetched(`${path}?${new URLSearchParams(parameters)}`, { signal });

// Calls `receive(name, data)` for every event. Throws where the stream ends before it said that it was done.
export async function stream(parameters, signal, receive) {
  const answer = await ask("/stream", parameters, signal);
  let done = false;
  const parser = createParser({
    onEvent(event) {
      if (event.event === "done") done = true;
      else receive(event.event, JSON.parse(event.data));
    },
  });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) parser.feed(part.value);
  if (!done) throw new Error("the stream broke");
}

export async function search(text, signal) {
  return (await ask("/search", { q: text }, signal)).json();
}

// Sends a form. The same `key` means the same thing asked once, however often it is sent.
export async function send(path, body, key = "") {
  const headers = { "content-type": "application/json" };
  if (key) headers["idempotency-key"] = key;
  return (await fetched(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}
