"""This file signs agents into the sidebar as Zendesk does: a short-lived token by the app's own key."""

from datetime import timedelta
from functools import cache
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from connectors.transport import Clock

SUBDOMAIN = "acme-outfitters"
APP_ID, INSTALLATION_ID = "9001", "77001"
LIFE = timedelta(minutes=5)


class SidebarKeys:
    """The key pair of the installed app."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sidebar_url = "http://127.0.0.1:8080/sidebar/zendesk"
        """Where the frame posts its token: the app's location in its manifest."""
        self._key, self.public_pem = _key_pair()

    def token(self, user_id: int, **changes: object) -> str:
        """A token for an agent; *changes* replace claims."""
        now = int(self._clock().timestamp())
        host = f"https://{SUBDOMAIN}.zendesk.com"
        claims = {
            "iss": f"{SUBDOMAIN}.zendesk.com",
            "aud": f"{host}/api/v2/apps/installations/{INSTALLATION_ID}.json",
            "sub": f"{host}/api/v2/users/{user_id}.json",
            "iat": now,
            "nbf": now,
            "exp": now + int(LIFE.total_seconds()),
            "jti": uuid4().hex,
            "context": {"product": "support", "location": "ticket_sidebar"},
            **changes,
        }
        return jwt.encode({"alg": "RS256", "typ": "JWT"}, claims, self._key, algorithms=["RS256"])


@cache
def _key_pair() -> tuple[RSAKey, bytes]:
    """One for the whole process: making it takes a moment."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public_pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return RSAKey.import_key(private_pem), public_pem
