// Talks to Beforehand. The bearer token lives in this module only: no cookie, no storage.
import { createParser } from "./vendor/eventsource_parser.js";

const block = document.getElementById("session");
const session = JSON.parse(block.textContent);
block.remove();

// An answer with a sentence for the agent; `ended` where the session is over.
export class Refused extends Error {
  constructor(message, ended = false) {
    super(message);
    this.ended = ended;
  }
}

async function ask(path, parameters, signal) {
  const answer = await fetch(`${session.base}${path}?${new URLSearchParams(parameters)}`, {
    headers: { authorization: `Bearer ${session.token}` },
    credentials: "omit",
    cache: "no-store",
    signal,
  });
  if (answer.status === 401) throw new Refused("Session ended. Reload the app to go on.", true);
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(problem.detail || "Beforehand cannot show this right now. Try again in a moment.");
  }
  return answer;
}

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
