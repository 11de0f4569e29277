"""The mail connector against a real SMTP server on loopback (aiosmtpd), encrypted and not, well and in trouble."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from types import SimpleNamespace

import pytest
from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors import registry, smtp
from connectors.connection import Connection
from connectors.contract import (
    Arrival,
    Denied,
    Interrupted,
    Mailer,
    Notifier,
    Rejected,
    Throttled,
    TimedOut,
    Unreachable,
)
from connectors.model import Letter, Link, Notice

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LETTER = Letter(
    key="i1:customer:ab",
    to="jane@example.com",
    to_name="Jané Roe",
    subject="Your order #1001 - news",
    body="Hello Jané,\n\nUPS is slow.\n.\nA line with a dot above.",
    written_at=NOW,
)


class Handler:
    """Keeps what it takes; `refuses` says what it answers instead, by the command."""

    def __init__(self):
        self.taken = []
        self.refuses = {}

    async def handle_MAIL(self, server, session, envelope, address, mail_options):  # noqa: N802
        envelope.mail_from = address
        return self.refuses.get("MAIL", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):  # noqa: N802
        if "RCPT" in self.refuses:
            return self.refuses["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        answer = self.refuses.get("DATA", "250 OK")
        if not answer.startswith(("4", "5")):
            self.taken.append(envelope)
        if answer == "cut":
            server.transport.abort()
        if answer == "late":
            await asyncio.sleep(30)
        return "250 OK" if answer in ("cut", "late") else answer


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"shop", b"canary-password"), handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A server's certificate for localhost, and those who trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return SimpleNamespace(serving=serving, trust=ssl.create_default_context(cafile=str(folder / "cert.pem")))


@pytest.fixture
async def start(certificate):
    """Start a server; the connector that speaks to it, and what the server took."""
    servers = []

    async def begin(security="none", *, trust=True, **settings):
        handler, loop = Handler(), asyncio.get_running_loop()
        encrypted = certificate.serving if security == "starttls" else None

        def protocol():
            return aiosmtpd.SMTP(
                handler, authenticator=authenticate, tls_context=encrypted, auth_require_tls=False, loop=loop
            )

        over_tls = certificate.serving if security == "tls" else None
        server = await loop.create_server(protocol, "localhost", 0, ssl=over_tls)
        servers.append(server)
        values = {
            "host": "localhost",
            "port": server.sockets[0].getsockname()[1],
            "from_address": "orders@shop.example",
            "security": security,
            **settings,
        }
        made = smtp.Smtp(
            smtp.Settings(**values),
            Connection(workspace="acme", name="mail"),
            certificate.trust if trust else None,
        )
        return made, handler

    yield begin
    for server in servers:
        server.close()


def read(envelope):
    return message_from_bytes(envelope.content, policy=policy.default)


async def test_letter_arrives_as_it_was_written(start):
    mail, server = await start(from_name="Acme, Inc.", reply_to="help@shop.example")
    assert isinstance(mail, Mailer)
    request = mail.render_letter(LETTER)
    assert request == mail.render_letter(LETTER)
    await mail.send(request, LETTER.key)
    (envelope,) = server.taken
    found = read(envelope)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("orders@shop.example", ["jane@example.com"])
    assert str(found["To"]) == "Jané Roe <jane@example.com>"
    assert str(found["From"]) == '"Acme, Inc." <orders@shop.example>'
    assert (found["Subject"], found["Reply-To"]) == ("Your order #1001 - news", "help@shop.example")
    assert (found["Auto-Submitted"], found["Date"].datetime) == ("auto-generated", NOW)
    assert found["Message-ID"].startswith("<beforehand-")
    assert found["Message-ID"].endswith("@shop.example>")
    assert found.get_content().replace("\r\n", "\n").strip() == LETTER.body


async def test_notice_goes_to_a_team(start):
    mail, server = await start()
    assert isinstance(mail, Notifier)
    notice = Notice(key="k", to="ops@shop.example", headline="H", text="T", details=("d",), links=(Link("L", "u"),))
    await mail.send(mail.render_notice(notice), "k")
    found = read(server.taken[0])
    assert (found["Subject"], found.get_content().replace("\r\n", "\n")) == ("H", "T\n\nd\n\nL: u\n")


def test_message_id_is_that_of_the_key():
    sender = smtp.compose.Sender("orders@shop.example")
    ids = {
        message_from_bytes(smtp.compose.notice(Notice(key=key, to="a@b.example", headline="h", text=str(n)), sender))[
            "Message-ID"
        ]
        for n, key in enumerate(["one", "one", "two"])
    }
    assert len(ids) == 2


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_signs_in_over_tls(start, security):
    mail, server = await start(security, user="shop", password="canary-password")
    await mail.send(mail.render_letter(LETTER), LETTER.key)
    assert len(server.taken) == 1
    assert await mail.check() == "localhost lets us in; mails come from orders@shop.example"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_certificate_that_nobody_vouches_for_is_refused(start, security):
    mail, server = await start(security, trust=False)
    with pytest.raises((Unreachable, Rejected), match="certificate"):
        await mail.send(mail.render_letter(LETTER), LETTER.key)
    assert server.taken == []


async def test_wrong_password_is_denied_and_not_shown(start):
    mail, server = await start("starttls", user="shop", password="wrong-canary")
    with pytest.raises(Denied) as caught:
        await mail.send(mail.render_letter(LETTER), LETTER.key)
    assert "canary" not in str(caught.value)
    assert server.taken == []


async def test_server_without_starttls_gets_nothing(start):
    mail, server = await start("none")
    strict = smtp.Smtp(
        smtp.Settings(host="localhost", port=mail._port, from_address="orders@shop.example", security="starttls"),
        Connection(workspace="acme", name="mail"),
    )
    with pytest.raises(Rejected, match="STARTTLS"):
        await strict.send(strict.render_letter(LETTER), LETTER.key)
    assert server.taken == []


@pytest.mark.parametrize(
    ("refuses", "kind"),
    [
        ({"MAIL": "550 no"}, Rejected),
        ({"RCPT": "550 5.1.1 no such user"}, Rejected),
        ({"RCPT": "450 greylisted"}, Throttled),
        ({"DATA": "554 spam"}, Rejected),
        ({"DATA": "451 later"}, Throttled),
        ({"DATA": "cut"}, Interrupted),
    ],
)
async def test_what_the_server_says_is_what_we_say(start, refuses, kind):
    mail, server = await start()
    server.refuses = refuses
    with pytest.raises(kind):
        await mail.send(mail.render_letter(LETTER), LETTER.key)


async def test_answer_that_does_not_come_leaves_it_unknown(start, monkeypatch):
    mail, server = await start()
    server.refuses = {"DATA": "late"}
    monkeypatch.setattr(smtp, "SECONDS", 0.3)
    with pytest.raises(TimedOut):
        await mail.send(mail.render_letter(LETTER), LETTER.key)
    assert len(server.taken) == 1
    assert await mail.arrival(b"", LETTER.key, NOW) is Arrival.UNKNOWN


async def test_silent_server_surely_got_nothing(monkeypatch):
    monkeypatch.setattr(smtp, "SECONDS", 0.3)
    gone = asyncio.Semaphore(0)

    async def say_nothing(reader, writer):
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.release()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    made = registry.connect(
        "smtp",
        {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "from_address": "a@b.example"},
        Connection(workspace="acme", name="mail"),
    )
    with pytest.raises(Unreachable):
        await made.send(made.render_letter(LETTER), LETTER.key)
    with pytest.raises(Unreachable):
        await made.check()
    for _ in range(2):
        await gone.acquire()
    server.close()


async def test_nobody_there_is_unreachable():
    gone = registry.connect(
        "smtp",
        {"host": "127.0.0.1", "port": 1, "from_address": "a@b.example", "security": "none"},
        Connection(workspace="acme", name="mail"),
    )
    with pytest.raises(Unreachable):
        await gone.send(gone.render_letter(LETTER), LETTER.key)


async def test_base_url_names_another_server(start):
    mail, server = await start()
    other = registry.connect(
        "smtp",
        {"host": "smtp.example.com", "from_address": "orders@shop.example", "security": "none"},
        Connection(workspace="acme", name="mail", base_url=f"http://localhost:{mail._port}"),
    )
    await other.send(other.render_letter(LETTER), LETTER.key)
    assert len(server.taken) == 1


async def test_nothing_is_smuggled_into_headers(start):
    mail, server = await start()
    evil = Letter(
        key="k",
        to="jane@example.com",
        to_name='Jane"\r\nBcc: all@example.com',
        subject="News\r\nBcc: all@example.com\r\n\r\nSpam",
        body="x\r\n.\r\nMAIL FROM:<evil@example.com>\r\n",
        written_at=NOW,
    )
    await mail.send(mail.render_letter(evil), "k")
    (envelope,) = server.taken
    assert envelope.rcpt_tos == ["jane@example.com"]
    assert read(envelope)["Bcc"] is None
    assert read(envelope)["Subject"] == "News Bcc: all@example.com Spam"


@pytest.mark.parametrize(
    "to", ["", "jane", "a@b", "a@b.example, c@d.example", "a@b.example\r\nRCPT TO:<x@y.example>", "jäne@example.com"]
)
async def test_what_is_no_address_is_refused_before_anything_is_sent(start, to):
    mail, _ = await start()
    assert not mail.reaches(to)
    with pytest.raises(Rejected, match="address"):
        mail.render_letter(Letter(key="k", to=to, subject="s", body="b", written_at=NOW))


@pytest.mark.parametrize(
    "settings",
    [
        {"host": ""},
        {"host": "http://smtp.example.com"},
        {"security": "ssl"},
        {"port": 70000},
        {"from_address": "nobody"},
        {"reply_to": "nobody"},
        {"user": "shop"},
        {"user": "shop", "password": "x", "security": "none"},
    ],
)
def test_bad_settings_say_what_was_expected(settings):
    with pytest.raises(ValueError, match="expected"):
        smtp.Settings(**{"host": "smtp.example.com", "from_address": "a@b.example", **settings})
