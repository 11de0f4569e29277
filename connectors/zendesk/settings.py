"""This file is what a Zendesk connection is configured with."""

import re

from msgspec import Struct

_SUBDOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_CREDENTIALS = (("access_token",), ("client_id", "client_secret"), ("email", "api_token"))


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[workspace.NAME.connections.NAME]` of kind `zendesk`. Ids may be numbers or text."""

    subdomain: str
    access_token: str = ""
    client_id: str = ""
    client_secret: str = ""
    email: str = ""
    api_token: str = ""
    """Legacy: Zendesk makes no new ones and stops all of them on 30 April 2027."""
    webhook_secret: str = ""
    app_id: str | int = ""
    installation_id: str | int = ""
    """With `app_id` they say whose signature the sidebar trusts; without both it is off."""
    order_field: str | int = ""
    """The id of the ticket field that holds the order's number."""
    groups: dict[str, str | int] = {}
    """Ids of groups by the name under which the policy calls them owners."""
    requests_per_minute: int = 200
    """What the plan allows (Team 200, Growth and Professional 400, Enterprise 700); four fifths of it are used."""
    marketplace_name: str = ""
    marketplace_organization_id: str | int = ""
    marketplace_app_id: str | int = ""
    """What Zendesk demands of apps in its marketplace, in a header of every call."""

    def __post_init__(self) -> None:
        if not _SUBDOMAIN.fullmatch(self.subdomain):
            raise ValueError(f"expected subdomain as in https://SUBDOMAIN.zendesk.com, got {self.subdomain[:80]!r}")
        self._check_credentials()
        for name in ("app_id", "installation_id", "order_field"):
            if not is_id(getattr(self, name)) and getattr(self, name) != "":
                raise ValueError(f"expected {name} to be a number, got {str(getattr(self, name))[:40]!r}")
        if (self.app_id == "") != (self.installation_id == ""):
            raise ValueError("expected app_id and installation_id together")
        for name, group in self.groups.items():
            if not is_id(group):
                raise ValueError(f"expected groups.{name} to be the group's number, got {str(group)[:40]!r}")
        if not 1 <= self.requests_per_minute <= 100_000:
            raise ValueError(f"expected requests_per_minute from 1 to 100000, got {self.requests_per_minute}")

    def _check_credentials(self) -> None:
        begun = [names for names in _CREDENTIALS if any(getattr(self, name) for name in names)]
        if len(begun) != 1:
            raise ValueError(
                "expected one kind of credentials: access_token, or client_id and client_secret, or (until "
                f"30 April 2027) email and api_token; got {' and '.join('/'.join(names) for names in begun) or 'none'}"
            )
        missing = [name for name in begun[0] if not getattr(self, name)]
        if missing:
            raise ValueError(f"expected {missing[0]} beside {next(n for n in begun[0] if n not in missing)}")

    @property
    def marketplace_headers(self) -> dict[str, str]:
        """As Zendesk spells them; those without a value are left out."""
        return {
            header: str(value)
            for header, value in (
                ("X-Zendesk-Marketplace-Name", self.marketplace_name),
                ("X-Zendesk-Marketplace-Organization-Id", self.marketplace_organization_id),
                ("X-Zendesk-Marketplace-App-Id", self.marketplace_app_id),
            )
            if value != ""
        }

    @property
    def order_field_id(self) -> int | None:
        return int(self.order_field) if self.order_field != "" else None

    def __repr__(self) -> str:
        return f"Settings(subdomain={self.subdomain!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("subdomain", self.subdomain)]


def is_id(value: str | int) -> bool:
    """Whether it is a number as Zendesk gives to things. Also keeps a path from being climbed."""
    text = str(value)
    return text.isascii() and text.isdigit() and len(text) <= 20
