"""What `init` writes is what is read: every connection that is commented out there can be switched on."""

import re
import tomllib

from server import starter
from server.settings import parse
from server.workspaces import connect_all

WHSEC = "whsec_ZGVtby1kZW1vLWRlbW8tZGVtby1kZW1v"
VALUES = {
    "BEFOREHAND_SECRET_KEY": "k" * 40,
    "SLACK_BOT_TOKEN": "xoxb-1",
    "WMS_SECRET": WHSEC,
    "WMS_OLD_SECRET": WHSEC,
    "GORGIAS_WEBHOOK_SECRET": "0123456789abcdef" * 4,
}


def test_every_commented_connection_is_accepted(tmp_path):
    begin = starter.CONFIGURATION.index("# [workspace.acme.connections.shop]")
    settings, connections = starter.CONFIGURATION[:begin], starter.CONFIGURATION[begin:]
    switched_on = re.sub(r"(?m)^# (?=\[|\w+ = )", "", connections)
    document = tomllib.loads(settings + switched_on)
    names = set(re.findall(r"env:(\w+)", settings + switched_on))
    environment = {name: VALUES.get(name, "1" * 12) for name in names}
    found = parse(document, tmp_path, environment)
    kinds = {each.kind for each in found.workspaces["acme"].connections.values()}
    assert kinds == {
        "shopify",
        "stripe",
        "easypost",
        "ups",
        "zendesk",
        "gorgias",
        "slack",
        "smtp",
        "webhook",
        "csv_drop",
    }
    found = parse(
        document | {"workspace": {"acme": document["workspace"]["acme"] | {"policy": ""}}}, tmp_path, environment
    )
    assert connect_all(found)["acme"].connections.keys() == {
        "shop",
        "payments",
        "tracking",
        "ups",
        "desk",
        "inbox",
        "chat",
        "mail",
        "warehouse",
        "files",
    }
