"""This file detects a parcel that the carrier says was delivered and the customer says was not.

Trigger: a parcel is delivered, and after that the customer writes that it has not arrived
(`not_received_words.py` says how that is recognised), in a ticket that is not solved.
Evidence: when and where the carrier delivered it, who took it in the carrier's words, what the customer wrote.
Silence: plays no part but for the policy's `wait`.
Clears: the customer's ticket is solved.
Suppressed: on cancelled, refunded and test orders, and for what was written later than 60 days after the delivery.
Defaults: severity high, no wait.
"""

from datetime import timedelta

from connectors.model import Contact, ShipmentState
from server.model import Evidence, Kind, ShipmentView, Signal
from server.rules import parcels, wording
from server.rules.case import Case
from server.rules.detectors.not_received_words import says_not_received
from server.rules.parcels import Finding

LONGEST = timedelta(days=60)
_DONE = frozenset({"solved", "closed", "resolved", "deleted"})


def detect(case: Case) -> Signal | None:
    """See the module."""
    if not case.order.contacts:
        return None
    delivered = [found for found in case.moving if found.shipment.state is ShipmentState.DELIVERED]
    findings = [finding for found in delivered if (finding := _finding(case, found)) is not None]
    return parcels.signal_of(case, Kind.DELIVERED_NOT_RECEIVED, findings)


def _finding(case: Case, found: ShipmentView) -> Finding | None:
    arrived = found.shipment.delivered_at
    if arrived is None:
        return None
    said = [c for c in case.order.contacts if arrived <= c.at <= arrived + LONGEST and _is_complaint(c)]
    if not said:
        return None
    first, carrier = said[0], parcels.carrier_of(found)
    when = wording.moment(arrived, case.policy.timezone)
    return Finding(
        parcel=found,
        since=first.at,
        due=first.at,
        phrase=f"delivered according to {carrier} and not received according to the customer",
        word=first.id,
        reason=f"{carrier[0].upper()}{carrier[1:]} delivered it {when}; the customer wrote "
        f"{wording.moment(first.at, case.policy.timezone)} that it has not arrived",
        evidence=(Evidence("The customer wrote", wording.one_line(first.text or first.subject, 160)),),
    )


def _is_complaint(contact: Contact) -> bool:
    return contact.state.lower() not in _DONE and says_not_received(f"{contact.subject}. {contact.text}")
