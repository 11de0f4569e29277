"""This file is what we know of a provider before it is asked: who it is, and who we are there."""

from urllib.parse import quote_plus

from msgspec import Struct


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[workspace.NAME.sign_in]`; checked by `server/settings.py`."""

    issuer: str
    client_id: str
    client_secret: str
    allowed_domains: tuple[str, ...]

    def credentials(self, *, as_form: bool) -> tuple[str, str]:
        """Id and secret. In a Basic header both are form-encoded first (RFC 6749 2.3.1), which authlib leaves to us."""
        if as_form:
            return quote_plus(self.client_id), quote_plus(self.client_secret)
        return self.client_id, self.client_secret
