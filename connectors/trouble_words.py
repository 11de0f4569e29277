"""This file reads from a carrier's own sentence what is wrong with a parcel, where its code only says that it is.

English as UPS, USPS, FedEx and DHL write it; a sentence that fits nothing says nothing. The first row that fits counts.
Asked only about what a code already calls trouble: a parcel that passes customs is none.
"""

import re

from connectors.model import Problem

_PATTERNS = (
    # UPS "The receiver refused the delivery", USPS "Refused", FedEx "Shipment refused by recipient"
    (Problem.REFUSED, r"\brefus(?:ed|al)\b|\brejected by\b|\bdeclined by\b"),
    # UPS "Damage has been reported", FedEx "Damaged, handling per shipper instructions"
    (Problem.DAMAGED, r"\bdamaged?\b"),
    # UPS "The street number is incorrect", "The apartment number is either missing or incorrect", "The receiver has
    # moved"; USPS "Insufficient Address", "No Such Number", "Addressee Unknown", "Undeliverable as Addressed"
    (
        Problem.ADDRESS,
        r"\b(?:insufficient|incorrect|incomplete|invalid|wrong|bad|unknown|missing|undeliverable) (?:\w+ )?address\b"
        r"|\baddress(?:ee)? (?:\w+ ){0,2}"
        r"(?:unknown|incorrect|incomplete|insufficient|invalid|wrong|missing|not found)\b"
        r"|\b(?:street|apartment|suite|unit|house|building|postal code|zip code)(?: number| name)? (?:\w+ ){0,2}"
        r"(?:missing|incorrect|incomplete|invalid|wrong)\b"
        r"|\b(?:complete|correct|verify|locate|find|need|update) (?:the |this |your |an? )?(?:\w+ )?address\b"
        r"|\bno such (?:number|street|address)\b|\bundeliverable as addressed\b|\bleft no address\b"
        r"|\b(?:receiver|recipient|customer|addressee|business|company)(?: has)? moved\b|\bunable to forward\b"
        r"|\b(?:company|receiver|recipient)(?: or receiver)? name is (?:incorrect|missing)\b",
    ),
    # UPS "Sent to Lost and Found", USPS "Mail Recovery Center", DHL "Parcel cannot be located"
    (
        Problem.LOST,
        r"\blost\b|\b(?:unable to|cannot|can't|could not) (?:be )?(?:locate|found)"
        r"|\bmail recovery center\b|\b(?:package|parcel|shipment) (?:is |was )?missing\b",
    ),
    # UPS "A brokerage clearance delay", "Held by a government agency"; FedEx "Clearance delay"; USPS "Held in Customs".
    # What was released or cleared is held up no longer.
    (
        Problem.CUSTOMS,
        r"^(?!.*\b(?:released|cleared|clearance (?:\w+ )?completed?)\b).*"
        r"\b(?:customs|clearance|brokerage|government agency|regulatory|import duties)\b",
    ),
    # UPS "Severe weather conditions have delayed delivery"
    (Problem.WEATHER, r"\bweather\b|\b(?:snow|ice|wind)?storm|\bhurricane\b|\bflood|\bnatural disaster\b|\bwildfire"),
    # USPS "Missent", UPS "The package was missorted", DHL "Sent to the wrong facility"
    (
        Problem.MISROUTED,
        r"\bmis-?(?:sent|sort|rout|direct)|\bincorrect(?:ly)? (?:rout|sort)"
        r"|\bwrong (?:facility|hub|route|depot|destination)\b",
    ),
    # UPS "The receiver was not available", "The business was closed"; USPS "Notice Left (No Authorized Recipient
    # Available)", "No Access to Delivery Location"; FedEx "Customer not available or business closed"
    (
        Problem.DELIVERY_ATTEMPT,
        r"\bnot (?:available|(?:at )?home|in)\b|\bunavailable\b|\bno(?:body| one| authorized recipient)\b|\bclosed\b"
        r"|\bno (?:\w+ )?access\b|\bunable to (?:access|deliver)|\battempt|\bnotice left\b|\bno secure location\b"
        r"|\bsignature\b",
    ),
    # USPS "Held at Post Office", FedEx "Shipment on hold"
    (
        Problem.HELD,
        r"\bheld\b|\bon hold\b|\bawaiting (?:instructions|information|payment)\b|\bnot claimed\b|\bunclaimed\b",
    ),
    # UPS "Due to operating conditions, your package may be delayed", "A mechanical failure", "A late trailer arrival"
    (Problem.DELAYED, r"\bdelay|\blate (?:\w+ )?(?:arrival|trailer|flight|departure)\b|\bmechanical\b|\brescheduled\b"),
)
_COMPILED = tuple((problem, re.compile(pattern, re.IGNORECASE)) for problem, pattern in _PATTERNS)


def problem_in(text: str) -> Problem | None:
    """Which trouble a carrier's sentence tells of, if any of ours."""
    return next((problem for problem, pattern in _COMPILED if pattern.search(text)), None)
