"""Signing people in: what is asked of the provider, and which of its words hold."""

import base64
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from connectors.connection import Connection
from connectors.contract import Denied, Forged, Garbled, Unreachable
from connectors.openid import Asked, OpenId, Settings, SignedIn
from connectors.openid.id_token import LEEWAY_SECONDS
from server.demo.clock import StoppedClock
from server.demo.fake import DOWN, HTML, Mishap
from server.demo.people import CLIENT_ID, CLIENT_SECRET, CODE_LIFE, DOMAIN, FakePeople

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ISSUER = "http://people.world.test"
REDIRECT = "http://127.0.0.1:8080/sign-in/acme/callback"
ASKED = Asked(state="s" * 43, nonce="n" * 43, verifier="v" * 64)


class Bench:
    """A provider, and us before it."""

    def __init__(self, **connection):
        self.clock = StoppedClock(NOW)
        self.people = FakePeople(self.clock)
        self.settings = Settings(
            issuer=ISSUER, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, allowed_domains=(DOMAIN,)
        )
        self.connection = {"allow_private": True, **connection}
        self.us = self.made()

    def made(self, **settings):
        connection = Connection(
            workspace="acme", name="sign_in", clock=self.clock, clients=lambda _: self.client(), **self.connection
        )
        values = {name: getattr(self.settings, name) for name in self.settings.__struct_fields__} | settings
        return OpenId(Settings(**values), connection, REDIRECT)

    def client(self):
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=self.people.app))

    async def code(self, account="dana", asked=ASKED):
        """What somebody brings back who follows the address that we made."""
        address = await self.us.address(asked, self.clock())
        form = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        async with self.client() as browser:
            shown = await browser.get(address)
            assert shown.status_code == 200, shown.text
            answer = await browser.post(f"{ISSUER}/authorize", data={**form, "account": account})
        assert answer.status_code == 303
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    async def sign_in(self, account="dana", issuer=ISSUER, asked=ASKED):
        return await self.us.redeem(await self.code(account, asked), issuer, asked, self.clock())


@pytest.fixture
def bench():
    return Bench()


# --- the way there and back -------------------------------------------------------------------------------------------


async def test_whoever_comes_back_is_known(bench):
    assert await bench.sign_in() == SignedIn(subject="people|dana", email=f"dana@{DOMAIN}", name="Dana Lopez")


async def test_what_the_browser_is_sent_with(bench):
    address = await bench.us.address(ASKED, NOW)
    assert address.startswith(f"{ISSUER}/authorize?")
    challenge = base64.urlsafe_b64encode(sha256(ASKED.verifier.encode()).digest()).decode().rstrip("=")
    assert parse_qs(urlsplit(address).query) == {
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [REDIRECT],
        "scope": ["openid email profile"],
        "state": [ASKED.state],
        "nonce": [ASKED.nonce],
        "code_challenge": [challenge],
        "code_challenge_method": ["S256"],
    }
    assert ASKED.verifier not in address
    assert CLIENT_SECRET not in address


@pytest.mark.parametrize(
    "ways", [["client_secret_basic"], ["client_secret_post"], ["private_key_jwt", "client_secret_post"]]
)
async def test_our_secret_goes_the_way_that_the_provider_takes(bench, ways):
    bench.people.described = {"token_endpoint_auth_methods_supported": ways}
    assert (await bench.sign_in()).email == f"dana@{DOMAIN}"
    sent = bench.people.calls[-2] if bench.people.calls[-1].path == "/keys" else bench.people.calls[-1]
    assert ("authorization" in sent.headers) == (ways == ["client_secret_basic"])


async def test_a_code_is_good_once(bench):
    code = await bench.code()
    await bench.us.redeem(code, ISSUER, ASKED, NOW)
    with pytest.raises(Forged, match="did not take the code: invalid_grant"):
        await bench.us.redeem(code, ISSUER, ASKED, NOW)


async def test_a_code_is_good_for_a_minute(bench):
    code = await bench.code()
    bench.clock.advance(CODE_LIFE + timedelta(seconds=1))
    with pytest.raises(Forged, match="invalid_grant"):
        await bench.us.redeem(code, ISSUER, ASKED, bench.clock())


async def test_a_stolen_code_is_worth_nothing_without_the_verifier(bench):
    code = await bench.code()
    other = Asked(state=ASKED.state, nonce=ASKED.nonce, verifier="w" * 64)
    with pytest.raises(Forged, match="invalid_grant"):
        await bench.us.redeem(code, ISSUER, other, NOW)


@pytest.mark.parametrize("code", ["", "x" * 2001, "a\nb", "é", "\x00"])
async def test_what_is_no_code_is_not_sent(bench, code):
    with pytest.raises(Forged, match="no code"):
        await bench.us.redeem(code, ISSUER, ASKED, NOW)
    assert [call.path for call in bench.people.calls] == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("issuer", ["http://other.world.test", "", f"{ISSUER}/", None])
async def test_an_answer_of_another_provider_is_refused_before_the_code_is_sent(bench, issuer):
    with pytest.raises(Forged, match="provider"):
        await bench.sign_in(issuer=issuer)
    assert "/token" not in [call.path for call in bench.people.calls]


async def test_a_provider_that_does_not_name_itself_need_not(bench):
    bench.people.described = {"authorization_response_iss_parameter_supported": False}
    assert (await bench.sign_in(issuer=None)).email == f"dana@{DOMAIN}"


async def test_a_secret_that_is_refused_is_said_as_such(bench):
    bench.us = bench.made(client_secret="wrong")
    with pytest.raises(Denied, match="did not take our secret: invalid_client") as raised:
        await bench.sign_in()
    assert "wrong" not in str(raised.value)


# --- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "why"), [("pat", "of another domain: elsewhere.example"), ("lee", "has not verified")]
)
async def test_who_is_not_let_in(bench, account, why):
    with pytest.raises(Forged, match=why):
        await bench.sign_in(account)


@pytest.mark.parametrize(
    "claims",
    [
        {"email": f"dana@{DOMAIN}.evil.com"},
        {"email": f"dana@evil.com\n@{DOMAIN}"},
        {"email": f"dana@evil.com,a@{DOMAIN}"},
        {"email": f"@{DOMAIN}"},
        {"email": f"dana@sub.{DOMAIN}"},
        {"email": [f"dana@{DOMAIN}"]},
        {"email": None},
        {"email": "d\u0430na@\u0430cme-outfitters.example"},
        {"email_verified": False},
        {"email_verified": "false"},
        {"email_verified": 1},
        {"email_verified": None},
    ],
)
async def test_an_address_must_be_one_verified_and_ours(bench, claims):
    bench.people.twist.claims = claims
    with pytest.raises(Forged, match=r"address"):
        await bench.sign_in()


async def test_an_address_is_read_in_lower_case(bench):
    bench.people.twist.claims = {
        "email": f"Dana@{DOMAIN.upper()}",
        "email_verified": "true",
        "name": "D\n\x00" + "x" * 500,
    }
    found = await bench.sign_in()
    assert found.email == f"dana@{DOMAIN}"
    assert len(found.name) <= 100
    assert found.name.isprintable()


# --- the token --------------------------------------------------------------------------------------------------------


def seconds(number):
    return int((NOW + timedelta(seconds=number)).timestamp())


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://other.world.test"},
        {"iss": f"{ISSUER}.evil.com"},
        {"iss": f"{ISSUER}/"},
        {"iss": [ISSUER]},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": [CLIENT_ID, "another"]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": seconds(-LEEWAY_SECONDS - 1)},
        {"exp": "soon"},
        {"iat": seconds(LEEWAY_SECONDS + 60)},
        {"iat": seconds(-3600)},
        {"nbf": seconds(LEEWAY_SECONDS + 60)},
        {"nonce": "m" * 43},
        {"nonce": ""},
        {"nonce": ["n" * 43]},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"at_hash": 1},
        {"sub": ""},
        {"sub": 5},
        {"sub": "x" * 256},
    ],
    ids=str,
)
async def test_a_claim_that_does_not_hold(bench, claims):
    bench.people.twist.claims = claims
    with pytest.raises(Forged):
        await bench.sign_in()


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "nonce", "sub", "email", "email_verified"])
async def test_a_claim_that_is_missing(bench, name):
    bench.people.twist.without = (name,)
    with pytest.raises(Forged):
        await bench.sign_in()


async def test_of_several_audiences_we_must_be_the_one_it_is_for(bench):
    bench.people.twist.claims = {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
    assert (await bench.sign_in()).email == f"dana@{DOMAIN}"


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


CLAIMS = {
    "iss": ISSUER,
    "sub": "people|dana",
    "aud": CLIENT_ID,
    "iat": seconds(0),
    "exp": seconds(60),
    "nonce": ASKED.nonce,
    "email": f"dana@{DOMAIN}",
    "email_verified": True,
}


def by_hand(key, header):
    """A token signed without any of the libraries that we check it with."""
    text = f"{part(header)}.{part(CLAIMS)}".encode()
    signature = key.sign(text, padding.PKCS1v15(), SHA256())
    return f"{text.decode()}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def test_a_token_that_another_library_signed(bench):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    bench.people.keys = [RSAKey.import_key(private, {"kid": "hand"})]
    bench.people.twist.token = by_hand(private, {"alg": "RS256", "kid": "hand"})
    assert (await bench.sign_in()).email == f"dana@{DOMAIN}"
    bench.people.twist.token = bench.people.twist.token[:-6] + "AAAAAA"
    with pytest.raises(Forged):
        await bench.sign_in()


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "http://evil.test/keys"},
        {"jwk": {"kty": "RSA"}},
        {"x5u": "http://evil.test"},
        {"x5c": ["AAAA"]},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
    ],
    ids=str,
)
async def test_a_token_that_brings_its_own_rules_is_refused_although_it_is_well_signed(bench, header):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    bench.people.keys = [RSAKey.import_key(private, {"kid": "hand"})]
    bench.people.twist.token = by_hand(private, {"alg": "RS256", "kid": "hand", **header})
    with pytest.raises(Forged, match="header brings"):
        await bench.sign_in()
    assert asked_for(bench, "/keys") == 0


def by_hmac(secret, kid):
    text = f"{part({'alg': 'HS256', 'kid': kid})}.{part(CLAIMS)}"
    signature = hmac.new(secret, text.encode(), sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def forged_tokens():
    key = FakePeople(lambda: NOW).keys[0]
    public = key.as_pem(private=False)
    unsigned = f"{part({'alg': 'none'})}.{part(CLAIMS)}."
    yield "none", unsigned
    yield "None", f"{part({'alg': 'None'})}.{part(CLAIMS)}.AAAA"
    for name, secret in (("pem", public), ("pem without its last line break", public.rstrip())):
        yield f"HS256 by {name}", by_hmac(secret, "first")
    # The provider publishes a key for HMAC too; it signs nothing.
    yield "HS256 by a published key", by_hmac(b"secret", "oct")
    ours = ECKey.generate_key("P-256", {"kid": "first"})
    yield "ES256 under the kid of another", jwt.encode({"alg": "ES256", "kid": "first"}, CLAIMS, ours)
    for header in ({"jku": "http://evil.test"}, {"jwk": {}}, {"x5u": "http://evil.test"}, {"x5c": []}):
        yield str(header), f"{part({'alg': 'RS256', 'kid': 'first', **header})}.{part(CLAIMS)}.AAAA"
    for header in ({"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"b64": False}):
        yield str(header), f"{part({'alg': 'RS256', 'kid': 'first', **header})}.{part(CLAIMS)}.AAAA"
    yield "alg is a list", f"{part({'alg': ['RS256']})}.{part(CLAIMS)}.AAAA"
    yield "kid climbs", f"{part({'alg': 'RS256', 'kid': '../../etc/passwd'})}.{part(CLAIMS)}.AAAA"
    yield "header is a list", f"{part([])}.{part(CLAIMS)}.AAAA"
    yield "deep", f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.{part(CLAIMS)}.AAAA"
    yield "dots", "." * 10_000
    yield "too long", f"{part({'alg': 'RS256'})}.{'A' * 20_000}.AAAA"
    yield "encrypted", f"{part({'alg': 'RSA-OAEP', 'enc': 'A256GCM'})}.AAAA.AAAA.AAAA.AAAA"
    yield "empty", " "


@pytest.mark.parametrize("token", [pytest.param(token, id=name) for name, token in forged_tokens()])
async def test_a_token_that_is_none(bench, token):
    bench.people.twist.token = token
    with pytest.raises(Forged):
        await bench.sign_in()


async def test_a_token_by_another_key(bench):
    bench.people.twist.key = RSAKey.generate_key(2048, {"kid": "first"})
    with pytest.raises(Forged, match="signature does not match"):
        await bench.sign_in()


# --- keys and description ---------------------------------------------------------------------------------------------


def asked_for(bench, path):
    return sum(call.path == path for call in bench.people.calls)


async def test_keys_are_kept_and_fetched_anew_when_the_provider_changes_them(bench):
    for _ in range(3):
        await bench.sign_in()
    assert asked_for(bench, "/keys") == 1
    assert asked_for(bench, "/.well-known/openid-configuration") == 1
    bench.clock.advance(timedelta(minutes=2))
    bench.people.rotate()
    await bench.sign_in()
    assert asked_for(bench, "/keys") == 2


async def test_bad_tokens_do_not_make_us_fetch_keys_again_and_again(bench):
    await bench.sign_in()
    bench.people.twist.header = {"kid": "unknown"}
    for _ in range(20):
        with pytest.raises(Forged, match="signature"):
            await bench.sign_in()
    assert asked_for(bench, "/keys") == 1
    bench.clock.advance(timedelta(seconds=61))
    for _ in range(20):
        with pytest.raises(Forged, match="signature"):
            await bench.sign_in()
    assert asked_for(bench, "/keys") == 2


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "http://other.world.test"},
        {"issuer": f"{ISSUER}/"},
        {"code_challenge_methods_supported": ["plain"]},
        {"token_endpoint": "ftp://people.world.test/token"},
        {"token_endpoint": "http://user@people.world.test/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "/authorize"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 5},
    ],
    ids=str,
)
async def test_a_description_that_cannot_be_followed(bench, described):
    bench.people.described = described
    with pytest.raises(Garbled):
        await bench.us.address(ASKED, NOW)


async def test_in_earnest_our_secret_goes_over_https_alone():
    bench = Bench(allow_private=False)
    with pytest.raises(Garbled, match="cannot be used"):
        await bench.us.address(ASKED, NOW)


async def test_another_host_takes_the_place_of_the_provider_s(bench):
    bench = Bench(base_url="http://127.0.0.1:9107")
    bench.people.described = {"issuer": ISSUER}
    address = await bench.us.address(ASKED, NOW)
    assert address.startswith("http://127.0.0.1:9107/authorize?")
    assert {call.headers["host"] for call in bench.people.calls} == {"127.0.0.1:9107"}


@pytest.mark.parametrize(
    "mishap", [DOWN, HTML, Mishap(status=200, body=b'{"keys": []}'), Mishap(status=200, body=b"[" * 9000)]
)
async def test_a_provider_with_trouble_is_an_error_in_words(bench, mishap):
    bench.people.standing_mishap = mishap
    with pytest.raises(Exception, match="sign-in provider") as raised:
        await bench.us.address(ASKED, NOW)
    assert raised.value.sentence.startswith("The sign-in provider ")
    bench.people.standing_mishap = None
    assert (await bench.sign_in()).email == f"dana@{DOMAIN}"


async def test_a_private_address_is_not_asked():
    found = OpenId(
        Settings(issuer="https://127.0.0.1:1", client_id="a", client_secret="b", allowed_domains=("acme.com",)),
        Connection(workspace="acme", name="sign_in"),
        REDIRECT,
    )
    with pytest.raises(Unreachable):
        await found.address(ASKED, NOW)
    await found.close()


async def test_the_stand_in_is_strict(bench):
    address = await bench.us.address(ASKED, NOW)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    async with bench.client() as browser:
        for change in (
            {"redirect_uri": "http://127.0.0.1:8080/elsewhere"},
            {"redirect_uri": "https://evil.com/sign-in/acme/callback"},
            {"code_challenge_method": "plain"},
            {"code_challenge": "short"},
            {"state": "short"},
            {"client_id": "other"},
            {"response_type": "token"},
            {"scope": "email"},
        ):
            answer = await browser.get(f"{ISSUER}/authorize?{urlencode({**asked, **change})}")
            assert answer.status_code == 400, change
            assert re.search("expected|registered", answer.text), change
