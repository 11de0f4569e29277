"""One file per kind of trouble, each with one pure function `detect(case) -> Signal | None`.

Every file says at its top, in the same form, what triggers it, what evidence it shows, when silence makes it true,
what clears it, what suppresses it, and its defaults. A new detector is one file, one row below and one test.
"""

from collections.abc import Callable, Mapping

from server.model import Kind, Signal
from server.rules.case import Case
from server.rules.detectors import (
    cancellation_after_fulfillment,
    payment_failed,
    promise_at_risk,
    tracking_stalled,
)

Detector = Callable[[Case], Signal | None]

DETECTORS: Mapping[Kind, Detector] = {
    Kind.CANCELLATION_AFTER_FULFILLMENT: cancellation_after_fulfillment.detect,
    Kind.PAYMENT_FAILED: payment_failed.detect,
    Kind.TRACKING_STALLED: tracking_stalled.detect,
    Kind.PROMISE_AT_RISK: promise_at_risk.detect,
}
"""In order of precedence: the first that is found leads the ticket's sentence."""
