"""This file reads `beforehand.toml`: every key typed, every mistake named by its path and what was expected."""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from connectors import registry
from connectors.transport import is_public
from server.configuration import convert
from server.errors import ConfigurationError

DEFAULT_PATH = "beforehand.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_WAYS_IN = ("token", "sign_in", "email")
"""People are known by the connection they come through (`desk:9001`), or by one of these."""
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", re.ASCII)
_DATABASE = re.compile(r"sqlite:///.+")


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[server]` table. Times in seconds unless the name says otherwise."""

    public_url: str
    secret_keys: tuple[str, ...]
    """The first encrypts and signs, all are tried when reading, so that a key can be replaced without a gap."""
    bind: str = "127.0.0.1:8080"
    database: str = "sqlite:///var/beforehand.db"
    allow_private_base_urls: bool = False
    signature_window_seconds: int = 300
    session_minutes: int = 30
    source_seconds: float = 2.5
    """How long one live source may take."""
    receive_seconds: float = 10.0
    """How long a client may take to send a request."""
    zaf_sdk_url: str = ""
    """Zendesk's own copy of its SDK, where that is wanted instead of the one that comes with Beforehand."""
    log_format: str = "console"

    @property
    def host(self) -> str:
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.bind.rpartition(":")[2])

    @property
    def database_path(self) -> Path:
        return Path(self.database.removeprefix("sqlite:///"))


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """One `[workspace.NAME.connections.NAME]` table; *values* are the keys of its kind, secrets already read."""

    kind: str
    base_url: str
    values: dict[str, Any]


class SignInSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[workspace.NAME.sign_in]` table: who may sign in on our own pages, by OpenID Connect.

    The provider is to know one redirect address: `{public_url}/sign-in/{workspace}/callback`.
    """

    issuer: str
    """As the provider writes it, letter for letter: `https://accounts.google.com`, `https://acme.okta.com`."""
    client_id: str
    client_secret: str
    allowed_domains: tuple[str, ...]
    """Of e-mail addresses, which the provider has to have verified. Anybody else there is refused."""
    base_url: str = ""


class WorkspaceSettings(Struct, frozen=True, kw_only=True):
    """One `[workspace.NAME]` table. The policy's path is absolute; None means every default."""

    name: str
    timezone: ZoneInfo
    policy_path: Path | None
    connections: dict[str, ConnectionSettings]
    sign_in: SignInSettings | None = None
    """None: nobody can sign in on our own pages."""


class Settings(Struct, frozen=True, kw_only=True):
    """All of `beforehand.toml`."""

    server: ServerSettings
    workspaces: dict[str, WorkspaceSettings]


def load(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the whole file. Raises ConfigurationError."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path}: no such file. `beforehand init` writes one; --config or BEFOREHAND_CONFIG names another"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    try:
        return parse(document, path.parent, os.environ if environment is None else environment)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def parse(document: Mapping[str, Any], folder: Path, environment: Mapping[str, str]) -> Settings:
    """Check a decoded document. Paths in it are relative to *folder*. Raises ConfigurationError."""
    _expect_keys(document, {"server", "workspace"}, "")
    resolved: Any = _read_environment(document, "", environment)
    server = convert(_table(resolved, "server", ""), ServerSettings, "server")
    _check_server(server)
    workspaces = {
        name: _workspace(name, _table(_table(resolved, "workspace", ""), name, "workspace"), folder, server)
        for name in _table(resolved, "workspace", "")
    }
    if not workspaces:
        raise ConfigurationError("workspace: expected at least one [workspace.NAME] table")
    return Settings(server=_absolute_database(server, folder), workspaces=workspaces)


def _absolute_database(server: ServerSettings, folder: Path) -> ServerSettings:
    path = server.database_path
    return msgspec.structs.replace(server, database=f"sqlite:///{path if path.is_absolute() else folder / path}")


def _check_server(server: ServerSettings) -> None:
    parts = urlsplit(server.public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ConfigurationError(
            "server.public_url: expected https:// and a host, without a path, as in https://beforehand.example.com, "
            f"got {server.public_url!r}"
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"server.public_url: expected https:// for {parts.hostname}, plain http is for loopback"
        )
    if not server.bind.rpartition(":")[2].isdigit() or not server.host:
        raise ConfigurationError(f"server.bind: expected HOST:PORT such as 127.0.0.1:8080, got {server.bind!r}")
    if server.database.startswith("postgres"):
        raise ConfigurationError("server.database: expected sqlite:///PATH; PostgreSQL is not supported yet")
    if not _DATABASE.fullmatch(server.database):
        raise ConfigurationError(f"server.database: expected sqlite:///PATH, got {server.database!r}")
    if not server.secret_keys:
        raise ConfigurationError("server.secret_keys: expected at least one key; `beforehand init` makes one")
    for index, key in enumerate(server.secret_keys):
        if len(key) < 32:
            raise ConfigurationError(f"server.secret_keys[{index}]: expected at least 32 characters, got {len(key)}")
    if server.log_format not in ("console", "json"):
        raise ConfigurationError(f"server.log_format: expected console or json, got {server.log_format!r}")


def _workspace(name: str, table: Mapping[str, Any], folder: Path, server: ServerSettings) -> WorkspaceSettings:
    path = f"workspace.{name}"
    _check_name(name, path)
    if name == "link":
        raise ConfigurationError(f"{path}: expected another name: /app/link is an address of our own")
    _expect_keys(table, {"timezone", "policy", "connections", "sign_in"}, path)
    zone = table.get("timezone", "UTC")
    try:
        timezone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise ConfigurationError(
            f"{path}.timezone: expected a time zone such as America/New_York, got {zone!r}"
        ) from error
    policy = table.get("policy")
    if policy is not None and not isinstance(policy, str):
        raise ConfigurationError(f"{path}.policy: expected the path of a policy file, got {policy!r}")
    connections = _table(table, "connections", path) if "connections" in table else {}
    return WorkspaceSettings(
        name=name,
        timezone=timezone,
        policy_path=folder / policy if policy else None,
        connections={
            key: _connection(_table(connections, key, f"{path}.connections"), f"{path}.connections.{key}", key, server)
            for key in connections
        },
        sign_in=_sign_in(_table(table, "sign_in", path), f"{path}.sign_in", server) if "sign_in" in table else None,
    )


def _sign_in(table: Mapping[str, Any], path: str, server: ServerSettings) -> SignInSettings:
    found = convert(table, SignInSettings, path)
    parts = urlsplit(found.issuer)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ConfigurationError(
            f"{path}.issuer: expected the provider's address, as in https://accounts.google.com, got {found.issuer!r}"
        )
    is_private = parts.scheme == "http" or _is_private_name(parts.hostname)
    if is_private and not server.allow_private_base_urls:
        raise ConfigurationError(
            f"{path}.issuer: {found.issuer} is not a public https address; "
            "for sandboxes and tests set server.allow_private_base_urls = true"
        )
    for name in ("client_id", "client_secret"):
        if not getattr(found, name):
            raise ConfigurationError(f"{path}.{name}: expected what the provider gave you for this application")
    if not found.allowed_domains:
        raise ConfigurationError(f'{path}.allowed_domains: expected at least one, as in ["acme.com"]')
    for index, domain in enumerate(found.allowed_domains):
        if not _DOMAIN.fullmatch(domain):
            raise ConfigurationError(
                f"{path}.allowed_domains[{index}]: expected a domain in lower case such as acme.com, got {domain!r}"
            )
    _check_base_url(found.base_url, path, server.allow_private_base_urls)
    return msgspec.structs.replace(found, base_url=found.base_url.rstrip("/"))


def _connection(table: Mapping[str, Any], path: str, name: str, server: ServerSettings) -> ConnectionSettings:
    _check_name(name, path)
    if name in _WAYS_IN:
        raise ConfigurationError(f"{path}: expected another name: {name} is one of our own ways to come in")
    values = dict(table)
    kind, base_url = values.pop("kind", None), values.pop("base_url", "")
    if not isinstance(kind, str):
        raise ConfigurationError(f"{path}.kind: expected one of {', '.join(sorted(registry.SYSTEMS))}")
    if not isinstance(base_url, str):
        raise ConfigurationError(f"{path}.base_url: expected an address such as http://127.0.0.1:9101")
    _check_base_url(base_url, path, server.allow_private_base_urls)
    try:
        settings_type = registry.system(kind).Settings
    except registry.UnknownKind as error:
        raise ConfigurationError(f"{path}.kind: {error}") from error
    known = {field.encode_name for field in msgspec.structs.fields(settings_type)}
    _expect_keys(values, known, path)
    convert(values, settings_type, path)
    return ConnectionSettings(kind=kind, base_url=base_url.rstrip("/"), values=values)


def _check_base_url(base_url: str, path: str, allow_private: bool) -> None:
    if not base_url:
        return
    parts = urlsplit(base_url)
    expected = f"{path}.base_url: expected scheme, host and port only, such as https://sandbox.example.com"
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ConfigurationError(f"{expected}, got {base_url!r}")
    if parts.username is not None:
        raise ConfigurationError(f"{expected}, without a user")
    if not allow_private and (parts.scheme == "http" or _is_private_name(parts.hostname)):
        raise ConfigurationError(
            f"{path}.base_url: {base_url} is not a public https address; "
            "for sandboxes and tests set server.allow_private_base_urls = true"
        )


def _is_private_name(host: str) -> bool:
    """Literal addresses in any spelling, and names that can only be local; what names resolve to is checked later."""
    host = host.rstrip(".")
    try:
        return not is_public(host)
    except ValueError:
        pass
    # 127.1, 0x7f000001 and 2130706433 are addresses to the resolver although not to `ipaddress`.
    numeric = all(re.fullmatch(r"0x[0-9a-f]+|[0-9]+", part) for part in host.lower().split("."))
    return numeric or "." not in host or host.endswith((".localhost", ".local", ".internal"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_name(name: str, path: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{path}: expected a name of lower-case letters, digits, - and _, got {name!r}")


def _expect_keys(table: Mapping[str, Any], known: set[str], path: str) -> None:
    for key in table:
        if key not in known:
            where = f"{path}.{key}" if path else key
            raise ConfigurationError(f"{where}: no such key; expected one of {', '.join(sorted(known))}")


def _table(parent: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    where = f"{path}.{key}" if path else key
    if key not in parent:
        raise ConfigurationError(f"{where}: expected a table [{where}]")
    found = parent[key]
    if not isinstance(found, dict):
        raise ConfigurationError(f"{where}: expected a table, got {type(found).__name__}")
    return found


def _read_environment(value: Any, path: str, environment: Mapping[str, str]) -> Any:
    """Replace every `"env:NAME"`."""
    if isinstance(value, dict):
        return {k: _read_environment(v, f"{path}.{k}" if path else str(k), environment) for k, v in value.items()}
    if isinstance(value, list):
        return [_read_environment(v, f"{path}[{i}]", environment) for i, v in enumerate(value)]
    if isinstance(value, str) and value.startswith("env:"):
        name = value.removeprefix("env:")
        if not environment.get(name):
            raise ConfigurationError(f"{path}: the environment variable {name} is not set")
        return environment[name]
    return value
