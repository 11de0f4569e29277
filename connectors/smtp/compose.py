"""This file writes mails: plain text, headers that nothing can be smuggled into, an id that is the same each time."""

import re
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import blake2b

from msgspec import Struct

from connectors.contract import Rejected
from connectors.model import Letter, Notice

SYSTEM = "Mail server"
ON_THE_WIRE = policy.SMTP
LONGEST_SUBJECT = 200
_ADDRESS = re.compile(r"""(?:(?![\\"<>(),:;@\[\]])[!-~]){1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}""", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Sender(Struct, frozen=True):
    """Who writes."""

    address: str
    name: str = ""
    reply_to: str = ""


def is_address(text: str) -> bool:
    """Whether a mail can be sent there: one plain address, in ASCII."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None and ".." not in text


def letter(found: Letter, sender: Sender) -> bytes:
    """A mail to a customer."""
    mail = _mail(found.key, found.to, found.to_name, found.subject, found.body, sender)
    mail["Date"] = format_datetime(found.written_at)
    return mail.as_bytes(policy=ON_THE_WIRE)


def notice(found: Notice, sender: Sender) -> bytes:
    """A mail to a team."""
    links = [f"{link.label}: {link.url}" for link in found.links]
    body = "\n\n".join(part for part in (found.text, "\n".join(found.details), "\n".join(links)) if part)
    mail = _mail(found.key, found.to, "", found.headline, body, sender)
    if found.written_at is not None:
        mail["Date"] = format_datetime(found.written_at)
    return mail.as_bytes(policy=ON_THE_WIRE)


def parsed(request: bytes) -> EmailMessage:
    """What was written, read again. Raises Rejected."""
    found = message_from_bytes(request, policy=ON_THE_WIRE)
    if not isinstance(found, EmailMessage) or not is_address(address_of(found)):
        raise Rejected(SYSTEM, "not a mail of ours")
    return found


def _mail(key: str, to: str, to_name: str, subject: str, body: str, sender: Sender) -> EmailMessage:
    if not is_address(to):
        raise Rejected(SYSTEM, f"not an address that a mail can be sent to: {to[:80]!r}")
    mail = EmailMessage(policy=ON_THE_WIRE)
    mail["From"] = Address(_line(sender.name, 80), addr_spec=sender.address)
    mail["To"] = Address(_line(to_name, 80), addr_spec=to)
    if sender.reply_to:
        mail["Reply-To"] = Address(addr_spec=sender.reply_to)
    mail["Subject"] = _line(subject, LONGEST_SUBJECT)
    identity = blake2b(key.encode(), digest_size=16).hexdigest()
    mail["Message-ID"] = f"<beforehand-{identity}@{sender.address.rpartition('@')[2]}>"
    # So that no holiday notice answers, and no mailing list carries it on (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(_CONTROL.sub(" ", body.replace("\r\n", "\n")), cte="quoted-printable")
    return mail


def address_of(mail: EmailMessage) -> str:
    """Whom it is for; empty where that is not one address."""
    addresses = list(mail["To"].addresses) if mail["To"] is not None else []
    return str(addresses[0].addr_spec) if len(addresses) == 1 else ""


def _line(text: str, most: int) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())[:most]
