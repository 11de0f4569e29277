"""The sidebar's bearer tokens."""

from datetime import UTC, datetime, timedelta

from cryptography.fernet import Fernet

from server.flows.sessions import PREFIX, Session, Sessions
from server.keys import sealer
from server.model import Principal, Role

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LIFE = timedelta(minutes=30)
SECRET, OLDER = "k" * 32, "o" * 32


def sessions(*keys):
    return Sessions(keys or (SECRET,), LIFE)


def test_a_token_says_who_opened_the_sidebar():
    token = sessions().open("acme", "desk", "zendesk:901", NOW)
    found = sessions().read(token, NOW)
    assert found == Session(workspace="acme", connection="desk", user="zendesk:901", expires_at=NOW + LIFE)
    assert found.principal == Principal(workspace="acme", user="zendesk:901", role=Role.AGENT, via="desk")


def test_a_token_ends_with_its_time():
    token = sessions().open("acme", "desk", "zendesk:901", NOW)
    assert sessions().read(token, NOW + LIFE - timedelta(seconds=1)) is not None
    assert sessions().read(token, NOW + LIFE) is None


def test_a_token_says_nothing_to_others():
    token = sessions().open("acme", "desk", "zendesk:901", NOW)
    assert "acme" not in token
    assert "901" not in token


def test_keys_can_be_replaced():
    token = sessions(OLDER).open("acme", "desk", "zendesk:901", NOW)
    assert sessions(SECRET, OLDER).read(token, NOW) is not None
    assert sessions(SECRET).read(token, NOW) is None


def test_what_is_not_ours_is_nobody():
    good = sessions().open("acme", "desk", "zendesk:901", NOW)
    sealed = good.removeprefix(PREFIX)
    others = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
    of_another_purpose = sealer([SECRET], "something else").encrypt(b'{"workspace":"acme"}').decode()
    not_a_session = sealer([SECRET], "sidebar session").encrypt(b'{"workspace":"acme"}').decode()
    for token in (
        *("", PREFIX, sealed, "bh_" + sealed, good[:-2], good[:60] + "AAAA" + good[64:], good + "x" * 3000),
        *(PREFIX + others, PREFIX + of_another_purpose, PREFIX + not_a_session, PREFIX + "é", "." * 100_000),
    ):
        assert sessions().read(token, NOW) is None, token[:80]


def test_on_our_own_pages_it_is_of_whoever_signed_in():
    token = sessions().open("acme", "desk", "email:dana@acme.test", NOW, via="sign_in")
    found = sessions().read(token, NOW)
    assert found.connection == "desk"
    assert found.principal == Principal(workspace="acme", user="email:dana@acme.test", role=Role.AGENT, via="sign_in")


def test_a_token_never_outlives_what_it_was_made_from():
    early, late = NOW + LIFE / 2, NOW + LIFE * 2
    assert sessions().read(sessions().open("acme", "", "email:a", NOW, until=early), NOW).expires_at == early
    assert sessions().read(sessions().open("acme", "", "email:a", NOW, until=late), NOW).expires_at == NOW + LIFE


def test_a_token_from_before_an_update_still_reads():
    """Sessions that were opened before they said who vouched."""
    old = b'{"workspace":"acme","connection":"desk","user":"zendesk:901","expires_at":"2026-11-23T12:30:00Z"}'
    found = sessions().read(PREFIX + sealer([SECRET], "sidebar session").encrypt(old).decode(), NOW)
    assert found.principal.via == "desk"
