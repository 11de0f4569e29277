// Our own page: the session says which order, or which ticket, and nobody frames it.
import { session } from "./talk.js";

export function start(app) {
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && app.returned());
  queueMicrotask(app.greeted);
  return {
    async wanted() {
      if (session.ticket) return { ticket: session.ticket };
      if (!session.order) return null;
      return session.shop ? { order: session.order, shop: session.shop } : { order: session.order };
    },
    lost: "This address names no order. Search for one.",
  };
}
