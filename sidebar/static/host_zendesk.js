// Zendesk's side: which ticket this is, when it changes, and how high the frame has to be.

const HANDSHAKE = 8000; // milliseconds that Zendesk may take to say hello
const TALLEST = 4000; // pixels

// `app` has `unreachable(text)`, `greeted()`, `returned()`, `changed()`.
export function start(app) {
  if (!window.zendesk) {
    app.unreachable("This page works inside Zendesk: open a ticket, and its sidebar there.", { isAlone: true });
    return null;
  }
  const { client, registered } = window.zendesk; // by zendesk_greeting.js
  const waiting = setTimeout(() => app.unreachable("Zendesk does not answer. Reload the app to try again."), HANDSHAKE);
  let told = null; // the ticket that Zendesk named with its hello: no need to ask for it
  registered.then((said) => {
    clearTimeout(waiting);
    told = said?.context?.ticketId ?? null;
    app.greeted();
  });
  client.on("app.activated", app.returned);
  client.on("ticket.updated", app.changed);
  followHeight(client);
  return {
    // What to show: the ticket's id as Zendesk says it in the browser; the server checks it again.
    async wanted() {
      try {
        const id = told ?? (await client.get("ticket.id"))["ticket.id"];
        return id ? { ticket: String(id) } : null;
      } catch {
        return null;
      }
    },
    lost: "Zendesk did not say which ticket this is. Refresh to try again.",
  };
}

function followHeight(client) {
  let height = 0;
  let timer = 0;
  const send = () => {
    const wanted = Math.min(TALLEST, Math.ceil(document.body.getBoundingClientRect().height));
    if (Math.abs(wanted - height) < 4) return;
    height = wanted;
    // It is only about room: an answer is not waited for, and a refusal changes nothing.
    client.invoke("resize", { width: "100%", height: `${wanted}px` }).catch(() => {});
  };
  new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(send, 40);
  }).observe(document.body);
}
