"""This file is what `beforehand init` writes: a commented configuration to start from."""

import os
import secrets
from pathlib import Path

from server.errors import BadInput
from server.rules.policy_text import DEFAULT_POLICY_TOML

CONFIGURATION = """\
# Beforehand's configuration. Every value may be "env:NAME": it is then read from the environment.
# Paths are relative to this file. `beforehand doctor` checks all of it and tries every connection.

[server]
# Where helpdesks, shops and browsers reach this server: https and a host, without a path.
public_url = "http://127.0.0.1:8080"
# Where it listens. Put a TLS proxy in front.
bind = "127.0.0.1:8080"
database = "sqlite:///var/beforehand.db"
# The first key encrypts, all of them decrypt: to replace one, put the new one first and keep the old one for a day.
secret_keys = ["env:BEFOREHAND_SECRET_KEY"]
# log_format = "json"                   # default: console
# source_seconds = 2.5                  # how long one live source may take
# session_minutes = 30                  # how long a sidebar stays signed in
# signature_window_seconds = 300        # how old a signed webhook may be
# receive_seconds = 10                  # how long a client may take to send a request
# zaf_sdk_url = "https://static.zdassets.com/zendesk_app_framework_sdk/2.0/zaf_sdk.min.js"  # instead of our own copy
# allow_private_base_urls = true        # only for sandboxes and tests

# One workspace is one merchant. Webhooks of its connection "shop" come to {public_url}/webhooks/acme.shop
[workspace.acme]
timezone = "America/New_York"
policy = "policy.toml"

# Uncomment what you have. Every connection also takes base_url = "https://..." for another host (sandboxes, tests).

# [workspace.acme.connections.shop]
# kind = "shopify"
# shop = "acme.myshopify.com"
# client_id = "env:SHOPIFY_CLIENT_ID"
# client_secret = "env:SHOPIFY_CLIENT_SECRET"     # also signs the webhooks
# access_token = "env:SHOPIFY_TOKEN"
# look_after_events = false                       # default: true; asks for what webhooks leave out (holds, promises)

# [workspace.acme.connections.payments]
# kind = "stripe"
# api_key = "env:STRIPE_API_KEY"                  # a restricted key that reads PaymentIntents, Charges, Disputes
# webhook_secret = "env:STRIPE_WEBHOOK_SECRET"

# [workspace.acme.connections.tracking]
# kind = "easypost"
# api_key = "env:EASYPOST_API_KEY"
# webhook_secret = "env:EASYPOST_WEBHOOK_SECRET"

# [workspace.acme.connections.ups]
# kind = "ups"
# client_id = "env:UPS_CLIENT_ID"
# client_secret = "env:UPS_CLIENT_SECRET"
# account = "env:UPS_ACCOUNT"

# [workspace.acme.connections.desk]
# kind = "zendesk"
# subdomain = "acme"
# client_id = "env:ZENDESK_CLIENT_ID"             # OAuth client credentials; or access_token = "..."
# client_secret = "env:ZENDESK_CLIENT_SECRET"     # or, until 30 April 2027, email = "..." and api_token = "..."
# app_id = "env:ZENDESK_APP_ID"                   # of the installed sidebar app: they say whose signature to trust
# installation_id = "env:ZENDESK_INSTALLATION_ID"

# [workspace.acme.connections.inbox]              # with two helpdesks the policy says which: [tickets] helpdesk
# kind = "gorgias"
# domain = "acme"                                 # https://acme.gorgias.com
# email = "beforehand@acme.example"               # the user whose key it is, and whose name our notes carry
# api_key = "env:GORGIAS_API_KEY"                 # or client_id, client_secret and refresh_token, with user_email
# webhook_secret = "env:GORGIAS_WEBHOOK_SECRET"   # `openssl rand -hex 32`; a list of two while it is replaced
# reply_from = "help@acme.example"                # the support address that replies to customers go from

# Whom the policy may tell. docs/notices.md says what each of them promises.

# [workspace.acme.connections.chat]
# kind = "slack"
# bot_token = "env:SLACK_BOT_TOKEN"               # scopes chat:write, channels:history, channels:read
# signing_secret = "env:SLACK_SIGNING_SECRET"
# channel = "#support"                            # where notices go that name only the connection

# [workspace.acme.connections.mail]
# kind = "smtp"
# host = "smtp.example.com"
# user = "env:SMTP_USER"
# password = "env:SMTP_PASSWORD"
# from_address = "orders@example.com"
# from_name = "Acme"
# reply_to = "help@example.com"
# security = "starttls"                           # or tls, or none (within your own network, without a password)
# port = 587                                      # default: 587, 465 or 25 by the security

# [workspace.acme.connections.warehouse]
# kind = "webhook"                                # tasks and log-backs, signed as Standard Webhooks say
# url = "https://wms.example.com/beforehand"
# secret = "env:WMS_SECRET"                       # whsec_ and base64
# previous_secret = "env:WMS_OLD_SECRET"          # while the receiver changes over: both sign

# [workspace.acme.connections.files]
# kind = "csv_drop"                               # the same as files, one a day
# folder = "/var/lib/beforehand/tasks"
"""


def write(folder: Path, *, force: bool) -> list[Path]:
    """Write `beforehand.toml`, `policy.toml` and `beforehand.env` (a fresh key). Raises BadInput where one exists."""
    contents = {
        folder / "beforehand.toml": CONFIGURATION,
        folder / "policy.toml": DEFAULT_POLICY_TOML,
        folder / "beforehand.env": f"BEFOREHAND_SECRET_KEY={secrets.token_urlsafe(32)}\n",
    }
    present = [path.name for path in contents if path.exists()]
    if present and not force:
        raise BadInput(f"{folder} already holds {', '.join(present)}; --force overwrites")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in contents.items():
        path.unlink(missing_ok=True)
        mode = 0o600 if path.suffix == ".env" else 0o644
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    return list(contents)
