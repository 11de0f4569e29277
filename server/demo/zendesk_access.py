"""This file is who may ask the simulated helpdesk, and how often: tokens that expire, and an account's budget."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from litestar import Response

from connectors.transport import Clock
from server.demo.fake import AnyRequest, answer
from server.demo.zendesk_state import Desk, Refusal, User

TOKEN = "zd-demo-token"
CLIENT_ID, CLIENT_SECRET = "beforehand-demo", "zd-demo-secret"
TOKEN_LIFE = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


class Access:
    """Credentials of one account. `requests_per_minute` is its plan's limit."""

    def __init__(self, clock: Clock) -> None:
        self.requests_per_minute = 700
        self.takes_api_tokens = True
        """Zendesk ceases to take them on 30 April 2027."""
        self._clock = clock
        self._tokens: dict[str, datetime] = {TOKEN: datetime.max.replace(tzinfo=UTC)}
        self._asked: list[datetime] = []

    def forget_tokens(self) -> None:
        """Every token given so far is refused from now on."""
        self._tokens.clear()

    def admit(self, request: AnyRequest) -> User:
        """Who asks. Raises Refusal for bad credentials, and for one request too many."""
        user = self._user_of(request)
        now = self._clock()
        self._asked = [at for at in self._asked if now - at < MINUTE]
        if len(self._asked) >= self.requests_per_minute:
            text = "Number of allowed API requests per minute exceeded"
            raise Refusal(429, "APIRateLimitExceeded", text, retry_after=60)
        self._asked.append(now)
        return user

    def headers(self) -> dict[str, str]:
        """What every answer says about the budget."""
        left = max(0, self.requests_per_minute - len(self._asked))
        return {"x-rate-limit": str(self.requests_per_minute), "x-rate-limit-remaining": str(left)}

    def new_token(self, asked: dict[str, Any]) -> Response[Any]:
        """The answer to a request for a token by client credentials."""
        expected = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        if any(asked.get(name) != value for name, value in expected.items()):
            return answer({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
        made = uuid4().hex
        self._tokens[made] = self._clock() + TOKEN_LIFE
        seconds = int(TOKEN_LIFE.total_seconds())
        return answer({"access_token": made, "token_type": "bearer", "expires_in": seconds, "scope": "read write"})

    def _user_of(self, request: AnyRequest) -> User:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        legacy = base64.b64encode(f"{Desk.US.email}/token:{TOKEN}".encode()).decode()
        if scheme == "Basic" and given == legacy and self.takes_api_tokens:
            return Desk.US
        if scheme == "Bearer" and given in self._tokens and self._clock() < self._tokens[given]:
            return Desk.US
        raise Refusal(401, "Couldn't authenticate you", "The access token provided is expired, revoked, or malformed")
