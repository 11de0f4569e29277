"""`beforehand.toml` is read as a whole, or refused with the key's path and what was expected."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from server.errors import ConfigurationError
from server.settings import load, parse

KEY = "k" * 32
SHOP = {
    "kind": "shopify",
    "shop": "acme.myshopify.com",
    "client_id": "id",
    "client_secret": "secret",
    "access_token": "token",
}


def document(server: dict | None = None, workspace: dict | None = None, **connections: dict) -> dict:
    return {
        "server": {"public_url": "https://b.example.com", "secret_keys": [KEY], **(server or {})},
        "workspace": {"acme": {"connections": connections, **(workspace or {})}},
    }


def test_a_whole_configuration_is_read(tmp_path: Path) -> None:
    found = parse(
        document({"bind": "[::1]:9000"}, {"timezone": "America/New_York", "policy": "policy.toml"}, shop=SHOP),
        tmp_path,
        {},
    )
    assert (found.server.host, found.server.port) == ("::1", 9000)
    assert found.server.database_path == tmp_path / "var/beforehand.db"
    workspace = found.workspaces["acme"]
    assert (workspace.timezone, workspace.policy_path) == (ZoneInfo("America/New_York"), tmp_path / "policy.toml")
    assert workspace.connections["shop"].values["shop"] == "acme.myshopify.com"


def test_values_come_from_the_environment(tmp_path: Path) -> None:
    shop = {**SHOP, "access_token": "env:SHOPIFY_TOKEN"}
    found = parse(document(shop=shop), tmp_path, {"SHOPIFY_TOKEN": "shpat_1"})
    assert found.workspaces["acme"].connections["shop"].values["access_token"] == "shpat_1"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sever": {}}, "sever: no such key; expected one of server, workspace"),
        ({"server": {"public_url": "https://b.example.com"}}, "server: object missing required field `secret_keys`"),
        (document({"bnd": "x"}), "server: object contains unknown field `bnd`"),
        (document({"bind": 8080}), "server.bind: expected `str`, got `int`"),
        (document({"bind": "localhost"}), "server.bind: expected HOST:PORT such as 127.0.0.1:8080"),
        (document({"public_url": "http://b.example.com"}), "server.public_url: expected https:// for b.example.com"),
        (document({"public_url": "https://b.example.com/x"}), "server.public_url: expected https:// and a host"),
        (document({"secret_keys": ["short"]}), "server.secret_keys[0]: expected at least 32 characters, got 5"),
        (document({"secret_keys": []}), "server.secret_keys: expected at least one key"),
        (document({"database": "postgresql://x"}), "server.database: expected sqlite:///PATH; PostgreSQL is not"),
        (document({"secret_keys": ["env:NOPE"]}), "server.secret_keys[0]: the environment variable NOPE is not set"),
        (document(workspace={"timezone": "Mars/Base"}), "workspace.acme.timezone: expected a time zone such as"),
        (document(workspace={"policy": 3}), "workspace.acme.policy: expected the path of a policy file"),
        (document(workspace={"zone": "x"}), "workspace.acme.zone: no such key"),
        (document(Shop=SHOP), "workspace.acme.connections.Shop: expected a name of lower-case letters"),
        (document(shop={"kind": "magento"}), "workspace.acme.connections.shop.kind: expected one of console"),
        (document(shop={**SHOP, "tokn": "x"}), "workspace.acme.connections.shop.tokn: no such key; expected one of"),
        (document(shop={**SHOP, "shop": "evil.com"}), "workspace.acme.connections.shop: "),
        (
            document(shop={**SHOP, "access_token": "env:NOPE"}),
            "shop.access_token: the environment variable NOPE",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(changed: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse(changed, tmp_path, {})
    assert message in str(error.value)


PRIVATE = [
    "http://sandbox.example.com",
    "https://127.0.0.1",
    "https://127.1",
    "https://0x7f000001",
    "https://2130706433",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://169.254.169.254",
    "https://10.0.0.1:8443",
    "https://localhost.",
    "https://vault.internal",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_base_url_needs_permission(address: str, tmp_path: Path) -> None:
    configured = document(shop={**SHOP, "base_url": address})
    with pytest.raises(ConfigurationError, match="allow_private_base_urls"):
        parse(configured, tmp_path, {})
    configured["server"]["allow_private_base_urls"] = True
    assert parse(configured, tmp_path, {}).workspaces["acme"].connections["shop"].base_url == address


@pytest.mark.parametrize("address", ["https://a.example.com/path", "ftp://a.example.com", "https://u:p@a.example.com"])
def test_a_base_url_is_scheme_host_and_port_alone(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="base_url: expected scheme, host and port only"):
        parse(document(shop={**SHOP, "base_url": address}), tmp_path, {})


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no such file\. `beforehand init` writes one"):
        load(tmp_path / "beforehand.toml", {})
    (tmp_path / "beforehand.toml").write_text("[server\n")
    with pytest.raises(ConfigurationError, match=r"beforehand\.toml: Expected"):
        load(tmp_path / "beforehand.toml", {})
