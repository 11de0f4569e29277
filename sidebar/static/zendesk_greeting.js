// Says hello to Zendesk at once, before the page's own script is there: everything waits for the answer.
(() => {
  // ZAF reads `origin` and `app_guid` from the address, so this page must never navigate.
  const client = window.ZAFClient ? window.ZAFClient.init() : false;
  if (!client) return;
  const registered = new Promise((resolve) => client.on("app.registered", resolve));
  window.zendesk = { client, registered };
})();
