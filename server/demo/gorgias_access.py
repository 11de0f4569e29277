"""This file is who may ask the simulated Gorgias, and how often: keys, OAuth tokens, and a bucket that leaks."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from litestar import Response

from connectors.transport import Clock
from server.demo.fake import AnyRequest, answer
from server.demo.gorgias_state import DEMO_EMAIL, Account, Refusal, User

DOMAIN = "acme-outfitters"
KEY = "gorgias-demo-key"
CLIENT_ID, CLIENT_SECRET = "60b9f144096cf92533e0a14d", "gorgias-demo-client-secret"
REFRESH_TOKEN = "gorgias-demo-refresh"
TOKEN_LIFE = timedelta(hours=24)
WINDOW = timedelta(seconds=20)


class Access:
    """Credentials of one account. `key_bucket` and `app_bucket` are how many requests fit into 20 seconds."""

    def __init__(self, clock: Clock) -> None:
        self.key_bucket, self.app_bucket = 40, 80
        self.refreshes = 0
        self._clock = clock
        self._tokens: dict[str, datetime] = {}
        self._levels: dict[str, tuple[float, datetime]] = {}

    def forget_tokens(self) -> None:
        """Every access token given so far is refused from now on."""
        self._tokens.clear()

    def admit(self, request: AnyRequest) -> tuple[User, str]:
        """Who asks, and how full the bucket is (`10/40`). Raises Refusal for bad credentials and a full bucket."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic" and given == base64.b64encode(f"{DEMO_EMAIL}:{KEY}".encode()).decode():
            return Account.US, self._fill("key", self.key_bucket)
        if scheme == "Bearer" and given in self._tokens and self._clock() < self._tokens[given]:
            return Account.US, self._fill("app", self.app_bucket)
        raise Refusal(401, "Unauthorized")

    def _fill(self, name: str, size: int) -> str:
        """One more request in a bucket that leaks all the time."""
        now = self._clock()
        level, since = self._levels.get(name, (0.0, now))
        level = max(0.0, level - size * ((now - since) / WINDOW))
        if level + 1 > size:
            self._levels[name] = (level, now)
            raise Refusal(429, "Too many requests", retry_after=max(1, round((level + 1 - size) * 20 / size)))
        self._levels[name] = (level + 1, now)
        return f"{int(level + 1)}/{size}"

    def new_token(self, authorization: str, body: bytes) -> Response[Any]:
        """The answer to a request for an access token by a refresh token (RFC 6749 6)."""
        asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        by_body = (asked.get("client_id"), asked.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if authorization != f"Basic {expected}" and not by_body:
            return answer({"error": "invalid_client"}, 401)
        if asked.get("grant_type") != "refresh_token" or asked.get("refresh_token") != REFRESH_TOKEN:
            return answer({"error": "invalid_grant"}, 400)
        self.refreshes += 1
        made = uuid4().hex
        self._tokens[made] = self._clock().astimezone(UTC) + TOKEN_LIFE
        return answer(
            {
                "access_token": made,
                "token_type": "Bearer",
                "expires_in": int(TOKEN_LIFE.total_seconds()),
                "refresh_token": REFRESH_TOKEN,
                "scope": "openid email profile offline write:all",
            }
        )
