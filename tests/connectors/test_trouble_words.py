"""Carriers' own sentences, and which trouble they tell of."""

import json
from pathlib import Path

import pytest

from connectors.model import Problem
from connectors.trouble_words import problem_in


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("The receiver refused the delivery.", Problem.REFUSED),
        ("Shipment refused by recipient", Problem.REFUSED),
        ("Damage has been reported and we will notify the sender with details.", Problem.DAMAGED),
        ("Damaged, handling per shipper instructions", Problem.DAMAGED),
        ("The street number is incorrect. This may delay delivery.", Problem.ADDRESS),
        ("The apartment number is either missing or incorrect.", Problem.ADDRESS),
        ("The receiver has moved. We're attempting to obtain a new delivery address.", Problem.ADDRESS),
        ("We've requested information to complete the delivery address.", Problem.ADDRESS),
        ("Insufficient Address", Problem.ADDRESS),
        ("No Such Number", Problem.ADDRESS),
        ("Moved, Left No Address", Problem.ADDRESS),
        ("Attempted - Addressee Unknown", Problem.ADDRESS),
        ("Undeliverable as Addressed", Problem.ADDRESS),
        ("Delivery exception: Incorrect recipient address", Problem.ADDRESS),
        ("Unable to locate address", Problem.ADDRESS),
        ("Sent to Lost and Found", Problem.LOST),
        ("The package cannot be located; an investigation has begun", Problem.LOST),
        ("Sent to Mail Recovery Center", Problem.LOST),
        ("Held in Customs", Problem.CUSTOMS),
        ("A brokerage clearance delay has occurred", Problem.CUSTOMS),
        ("Clearance delay - Import", Problem.CUSTOMS),
        ("Severe weather conditions have delayed delivery.", Problem.WEATHER),
        ("Delayed by a snowstorm", Problem.WEATHER),
        ("Missent", Problem.MISROUTED),
        ("The package was sent to the wrong facility", Problem.MISROUTED),
        ("The customer was not available when UPS attempted delivery.", Problem.DELIVERY_ATTEMPT),
        ("Notice Left (No Authorized Recipient Available)", Problem.DELIVERY_ATTEMPT),
        ("Customer not available or business closed", Problem.DELIVERY_ATTEMPT),
        ("No Access to Delivery Location", Problem.DELIVERY_ATTEMPT),
        ("Held at Post Office, At Customer Request", Problem.HELD),
        ("Shipment on hold", Problem.HELD),
        ("Due to operating conditions, your package may be delayed.", Problem.DELAYED),
        ("A mechanical failure has occurred", Problem.DELAYED),
        ("Your package was released by the customs agency.", None),
        ("Clearance processing completed", None),
        ("Departed from Facility", None),
        ("Arrived at USPS Regional Facility", None),
        ("Delivered, Front Door/Porch", None),
        ("", None),
    ],
)
def test_sentences(text: str, problem: Problem | None) -> None:
    assert problem_in(text) is problem
    assert problem_in(text.upper()) is problem


def test_a_long_line_takes_no_time() -> None:
    assert problem_in("incorrect " * 20_000 + "customs " * 20_000) is Problem.CUSTOMS


def test_what_was_recorded_on_the_way_of_healthy_parcels_is_no_trouble(specs: Path) -> None:
    recorded = json.loads((specs / "carriers/usps/TrackingResponse.json").read_text())
    texts = [text for text in _texts(recorded) if text]
    assert texts
    assert {problem_in(text) for text in texts} == {None}


def _texts(value: object) -> list[str]:
    """What is called an event or a status, wherever it is."""
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    if not isinstance(value, dict):
        return []
    own = [text for name, text in value.items() if name in ("eventType", "status", "statusSummary")]
    return [text for text in own if isinstance(text, str)] + [t for each in value.values() for t in _texts(each)]
