"""`[workspace.NAME.sign_in]`: what is read, and what is said where it is wrong."""

import re

import pytest

from server.errors import ConfigurationError
from server.settings import SignInSettings, parse

GOOD = {
    "issuer": "https://accounts.google.com",
    "client_id": "123.apps.example",
    "client_secret": "env:SECRET",
    "allowed_domains": ["acme.com", "acme-outfitters.co.uk"],
}


def read(tmp_path, sign_in, **server):
    server = {"public_url": "https://beforehand.example.com", "secret_keys": ["k" * 32], **server}
    document = {"server": server, "workspace": {"acme": {"sign_in": sign_in}}}
    return parse(document, tmp_path, {"SECRET": "s3cret"}).workspaces["acme"].sign_in


def test_it_is_read(tmp_path):
    assert read(tmp_path, GOOD) == SignInSettings(
        issuer="https://accounts.google.com",
        client_id="123.apps.example",
        client_secret="s3cret",
        allowed_domains=("acme.com", "acme-outfitters.co.uk"),
    )


def test_without_it_nobody_signs_in(tmp_path):
    server = {"public_url": "https://beforehand.example.com", "secret_keys": ["k" * 32]}
    assert parse({"server": server, "workspace": {"acme": {}}}, tmp_path, {}).workspaces["acme"].sign_in is None


@pytest.mark.parametrize("issuer", ["https://login.microsoftonline.com/0000/v2.0", "https://acme.eu.auth0.com/"])
def test_an_issuer_is_kept_letter_for_letter(tmp_path, issuer):
    assert read(tmp_path, {**GOOD, "issuer": issuer}).issuer == issuer


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"issuer": "accounts.google.com"}, "sign_in.issuer: expected the provider's address"),
        ({"issuer": "https://"}, "sign_in.issuer: expected"),
        ({"issuer": "https://a.example/?x=1"}, "sign_in.issuer: expected"),
        ({"issuer": "https://me@a.example"}, "sign_in.issuer: expected"),
        ({"issuer": "http://accounts.google.com"}, "not a public https address"),
        ({"issuer": "https://127.0.0.1"}, "not a public https address"),
        ({"issuer": "https://localhost"}, "not a public https address"),
        ({"issuer": "https://2130706433"}, "not a public https address"),
        ({"issuer": 5}, "sign_in.issuer"),
        ({"client_id": ""}, "sign_in.client_id: expected what the provider gave you"),
        ({"client_secret": ""}, "sign_in.client_secret: expected what"),
        ({"client_secret": "env:NOTHING"}, "sign_in.client_secret: the environment variable NOTHING is not set"),
        ({"allowed_domains": []}, "sign_in.allowed_domains: expected at least one"),
        ({"allowed_domains": "acme.com"}, "sign_in.allowed_domains"),
        ({"allowed_domains": ["*"]}, r"sign_in.allowed_domains\[0\]: expected a domain"),
        ({"allowed_domains": ["acme.com", "@acme.com"]}, r"sign_in.allowed_domains\[1\]: expected a domain"),
        ({"allowed_domains": ["Acme.com"]}, "in lower case"),
        ({"allowed_domains": ["acme.com\n"]}, "expected a domain"),
        ({"allowed_domains": [".com"]}, "expected a domain"),
        ({"allowed_domains": ["com"]}, "expected a domain"),
        ({"base_url": "https://a.example/path"}, "sign_in.base_url: expected scheme, host and port only"),
        ({"base_url": "http://127.0.0.1:9"}, "sign_in.base_url: http://127.0.0.1:9 is not a public https address"),
        ({"scopes": ["openid"]}, "sign_in.* scopes|scopes"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(tmp_path, change, said):
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, {**GOOD, **change})
    assert re.search(said, str(raised.value)), str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("name", ["issuer", "client_id", "client_secret", "allowed_domains"])
def test_what_is_missing_is_named(tmp_path, name):
    with pytest.raises(ConfigurationError, match=rf"workspace\.acme\.sign_in.*{name}"):
        read(tmp_path, {key: value for key, value in GOOD.items() if key != name})


def test_a_sandbox_may_be_anywhere(tmp_path):
    found = read(tmp_path, {**GOOD, "issuer": "http://127.0.0.1:9107"}, allow_private_base_urls=True)
    assert found.issuer == "http://127.0.0.1:9107"


@pytest.mark.parametrize("name", ["token", "sign_in", "email"])
def test_no_connection_is_named_like_a_way_in_of_our_own(tmp_path, name):
    server = {"public_url": "https://beforehand.example.com", "secret_keys": ["k" * 32]}
    connections = {name: {"kind": "console"}}
    with pytest.raises(ConfigurationError, match=rf"connections\.{name}: expected another name"):
        parse({"server": server, "workspace": {"acme": {"connections": connections}}}, tmp_path, {})


def test_no_workspace_is_named_like_an_address_of_our_own(tmp_path):
    server = {"public_url": "https://beforehand.example.com", "secret_keys": ["k" * 32]}
    with pytest.raises(ConfigurationError, match=r"workspace\.link: expected another name"):
        parse({"server": server, "workspace": {"link": {}}}, tmp_path, {})
