"""This folder is the simulated helpdesk's page: tickets, and beside each of them the sidebar as Zendesk frames it.

Whoever serves it hands out `page.html` at `/` and `/agent/tickets/{id}`, the other files at `/_page/assets/{name}`, and
answers, without credentials:

    GET  /_page/tickets.json             [{id, subject, status, tags, updated_at, requester}], newest first
    GET  /_page/tickets/{id}.json        {id, subject, status, priority, tags, external_id,
                                          requester: {name, email}, comments: [{author, public, body, created_at}]}
    POST /_page/tickets/{id}/act         {"do": "reply" | "solve" | "reopen", "text": "...", "agent": ID}
    GET  /_page/agents.json              [{id, name, role}]: who may sit before the page, `?agent=ID` of its own address
    GET  /_page/sidebar_token?ticket=ID&agent=ID
                                         {action_url, token, app_guid, app_id, installation_id, subdomain}

The form is posted to `action_url`, to which the page adds `origin` and `app_guid`, as Zendesk does.
It must be served from 127.0.0.1 or localhost: Zendesk's own copy of the SDK trusts no other host but zendesk.com.
"""
