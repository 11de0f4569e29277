"""This file says in plain words what each kind of trouble is, for the policy file, `policy explain` and the docs.

The detectors' own files say it in full; `precedence.py` says which kind is silent because another one says more.
"""

from collections.abc import Mapping

from msgspec import Struct

from server.model import Kind

_MOVES_ON = "It ends with the next good scan, delivery or return: the ticket gets a note and {recovery}."
_NOT_ASKED = "A scan changes nothing: it is not about the parcel."
_TOLD = "The new scan is in the panel at once; the ticket stays open until it has ended."


class KindSummary(Struct, frozen=True, kw_only=True):
    """One kind of trouble. The texts are sentences."""

    title: str
    trigger: str
    """Which status triggers it."""
    clears: str
    later_scan: str
    """What happens when the carrier says something new. `{recovery}` stands for what becomes of the ticket."""
    threshold: str = ""
    """What the threshold measures; empty for kinds that have none."""


SUMMARY: Mapping[Kind, KindSummary] = {
    Kind.PAYMENT_FAILED: KindSummary(
        title="Payment failed",
        trigger="The last attempt to pay failed, and nobody has paid since.",
        clears="A payment succeeds or is authorised; the shop says the order is paid.",
        later_scan=_NOT_ASKED,
    ),
    Kind.PAYMENT_DISPUTED: KindSummary(
        title="Payment disputed",
        trigger="A dispute or an inquiry is open, or an early fraud warning can still be acted upon.",
        clears="The dispute is won, lost or closed; the warned of payment is refunded or disputed.",
        later_scan="A scan changes nothing but the evidence: where the goods are.",
    ),
    Kind.REFUND_AWAITING_APPROVAL: KindSummary(
        title="Refund awaits a decision",
        trigger="A refund or return request that nobody has decided, or a refund that waits for somebody to act.",
        clears="The request is approved, declined, cancelled or closed; the refund goes on.",
        later_scan=_NOT_ASKED,
        threshold="of working time since it was asked",
    ),
    Kind.REFUND_FAILED: KindSummary(
        title="Refund failed",
        trigger="A refund failed or was cancelled, and no later one covers its amount.",
        clears="A later refund covers the amount.",
        later_scan=_NOT_ASKED,
    ),
    Kind.FULFILLMENT_DELAYED: KindSummary(
        title="Fulfilment delayed",
        trigger="It is paid for, and neither a label nor a parcel has been made.",
        clears="A label is made or a parcel is sent.",
        later_scan="The first scan ends it, as the label does: the ticket gets a note and {recovery}.",
        threshold="of working time since it was placed and paid",
    ),
    Kind.FULFILLMENT_ON_HOLD: KindSummary(
        title="Fulfilment on hold",
        trigger="The shop or its warehouse holds it back, and nobody lets it go on.",
        clears="Every hold is released; the order is sent.",
        later_scan=_NOT_ASKED,
        threshold="of working time since it is held",
    ),
    Kind.PARTIAL_SHIPMENT: KindSummary(
        title="Partly shipped",
        trigger="A part was sent, and the rest still waits.",
        clears="The rest is sent, or taken off the order.",
        later_scan="Scans of the part that was sent change nothing.",
        threshold="of working time since the first part was sent",
    ),
    Kind.CANCELLATION_AFTER_FULFILLMENT: KindSummary(
        title="Cancelled after fulfilment began",
        trigger="It was cancelled, or is asked to be, after picking or shipping had begun.",
        clears="Fulfilment is stopped, every label is cancelled, or the parcel has come back.",
        later_scan="Where the parcel is changes in the ticket; it ends when the parcel has come back.",
    ),
    Kind.ADDRESS_PROBLEM: KindSummary(
        title="Address problem",
        trigger="The shop, its warehouse or the carrier says that the address cannot be delivered to.",
        clears="The address is corrected or the hold released; the carrier goes on, delivers or returns the parcel.",
        later_scan=_MOVES_ON,
    ),
    Kind.LABEL_NOT_SCANNED: KindSummary(
        title="Label never scanned",
        trigger="A label was made, and no scan shows that the carrier has the parcel.",
        clears="The carrier's first scan, delivery, or the label's cancellation.",
        later_scan="The first scan ends it: the ticket gets a note and {recovery}.",
        threshold="of working time since the label was made",
    ),
    Kind.TRACKING_INVALID: KindSummary(
        title="Tracking number unknown",
        trigger="The carrier does not know the number.",
        clears="The number is corrected, or the carrier scans the parcel after all.",
        later_scan=_MOVES_ON,
        threshold="since the parcel was sent",
    ),
    Kind.TRACKING_STALLED: KindSummary(
        title="Tracking stalled",
        trigger="The carrier has the parcel and has not scanned it; across a border it may take twice as long.",
        clears="Any new scan, delivery, return, or the label's cancellation.",
        later_scan=_MOVES_ON,
        threshold="of working time without a scan",
    ),
    Kind.DELIVERY_ATTEMPT_FAILED: KindSummary(
        title="Delivery attempt failed",
        trigger="The carrier's last word is a failed attempt: nobody home, closed, no access.",
        clears="It is delivered, goes out again, waits for pick-up, or goes back.",
        later_scan=_MOVES_ON,
    ),
    Kind.CARRIER_EXCEPTION: KindSummary(
        title="Carrier exception",
        trigger="The carrier's last word is that something is wrong: lost, damaged, in customs, held, refused.",
        clears="Any later scan that is no exception; delivery; return.",
        later_scan=_MOVES_ON,
    ),
    Kind.RETURNED_TO_SENDER: KindSummary(
        title="Returned to sender",
        trigger="A parcel is on its way back, or has come back, and nobody asked for it.",
        clears="The money is returned, the order is cancelled, or another parcel is sent.",
        later_scan=_TOLD,
    ),
    Kind.DELIVERED_NOT_RECEIVED: KindSummary(
        title="Delivered, but not received",
        trigger="The carrier says delivered, and after that the customer writes that it has not arrived.",
        clears="The customer's ticket is solved.",
        later_scan=_TOLD,
    ),
    Kind.PROMISE_AT_RISK: KindSummary(
        title="Promise at risk",
        trigger="The delivery date that the customer was given will probably be missed.",
        clears="The risk falls below the threshold, or everything arrives.",
        later_scan="The risk is reckoned anew: below the threshold it ends, else new reasons are noted.",
        threshold="how likely a missed promise must be, 0 to 1",
    ),
    Kind.PROMISE_MISSED: KindSummary(
        title="Promise missed",
        trigger="The delivery date that the customer was given has passed, and it has not arrived.",
        clears="Everything arrives, or comes back.",
        later_scan="It ends with the delivery; other scans are evidence.",
    ),
    Kind.HIGH_VALUE_DELAYED: KindSummary(
        title="High-value order delayed",
        trigger="A valuable order stands still for half of the time that others are allowed.",
        clears="It is sent, or scanned again; or it becomes one of the kinds for every order.",
        later_scan=_MOVES_ON,
        threshold="of working time at least",
    ),
    Kind.MARKETPLACE_SLA_RISK: KindSummary(
        title="Marketplace deadline at risk",
        trigger="The time by which a marketplace wants it handed over, or delivered, runs out.",
        clears="Everything is handed over, or delivered; two weeks after a missed time.",
        later_scan="The first scan ends the clock of the hand-over, the delivery that of the delivery.",
        threshold="before that time",
    ),
    Kind.REPEATED_CONTACT: KindSummary(
        title="Repeated contact",
        trigger="The customer has written again and again about one order, and is not answered for good.",
        clears="All of their tickets are solved, or they write no more for as long as `within`.",
        later_scan=_NOT_ASKED,
        threshold="messages of the customer",
    ),
    Kind.INCIDENT: KindSummary(
        title="Incident",
        trigger="Many orders with one cause: a carrier, a warehouse, an article, a payment gateway.",
        clears="No more than a third of the threshold are left.",
        later_scan="Orders that recover leave it; the others stay.",
        threshold="orders with one cause",
    ),
}
