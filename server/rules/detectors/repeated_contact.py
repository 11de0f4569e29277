"""This file detects a customer who has to write again and again about one order.

Trigger: at least the policy's `threshold` of tickets or messages that the customer began, within `within` before the
latest of them, of which one at least is not solved.
Evidence: each of them with its time, channel and subject, how many are open.
Silence: the customer writes no more for as long as `within`, which ends it.
Clears: all of them are solved; `within` has passed since the last one.
Suppressed: test orders. Not by delivery, cancellation or refund.
Defaults: severity normal, threshold 2, within 72 hours, no wait.
"""

from math import ceil

from connectors.model import Contact
from server.model import Evidence, Kind, Signal
from server.rules import wording
from server.rules.case import Case

MOST_SHOWN = 8
_DONE = frozenset({"solved", "closed"})


def detect(case: Case) -> Signal | None:
    """See the module."""
    policy = case.policy.detectors[Kind.REPEATED_CONTACT]
    needed = max(1, ceil(policy.share))
    if len(case.order.contacts) < needed:
        return None
    written = [contact for contact in case.order.contacts if case.watch.reached(contact.at)]
    if not written:
        return None
    last = max(contact.at for contact in written)
    together = sorted(
        (contact for contact in written if contact.at >= last - policy.within), key=lambda each: (each.at, each.id)
    )
    is_open = [contact for contact in together if contact.state.lower() not in _DONE]
    if len(together) < needed or not is_open or case.watch.reached(last + policy.within):
        return None
    since = together[needed - 1].at
    span = wording.span(last - together[0].at)
    count = len(together)
    times = f"{count} times" if count != 1 else "once"
    within = f" within {span}" if count > 1 else ""
    return Signal(
        kind=Kind.REPEATED_CONTACT,
        since=since,
        opens_at=since + policy.wait,
        headline=f"has made the customer write {times}{within}",
        clause=f"the customer has written {times}{within}",
        severity=policy.severity,
        fingerprint=" ".join(contact.id for contact in together),
        reasons=(f"{count} messages from the customer{within}, {len(is_open)} of them not solved",),
        evidence=tuple(_evidence(contact, case) for contact in together[-MOST_SHOWN:]),
    )


def _evidence(contact: Contact, case: Case) -> Evidence:
    subject = wording.one_line(contact.subject or contact.text, 100) or "no subject"
    channel = wording.one_line(contact.channel.replace("_", " "), 40)
    state = f" ({wording.one_line(contact.state, 20)})" if contact.state else ""
    name = f"Contact by {channel}" if channel else "Contact"
    return Evidence(name, f"{wording.moment(contact.at, case.policy.timezone)}{state}: {subject}")
