"""This file tests carriers: one code for every spelling."""

import pytest

from connectors import carriers
from connectors.carriers import carrier_code, carrier_name, is_known, tracking_link


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UPS", "ups"),
        ("UPS®", "ups"),
        ("UPSDAP", "ups"),
        ("United Parcel Service", "ups"),
        ("DHL Express", "dhl_express"),
        ("DHLExpress", "dhl_express"),
        ("dhl_express", "dhl_express"),
        ("Canada Post", "canada_post"),
        ("FedExSmartPost", "fedex"),
        ("Colis Privé", "colisprivé"),
        ("PostNord SE", "postnord"),
        ("Österreichische Post", "austrian_post"),
        ("La Poste Colissimo", "colissimo"),
        ("", "unknown"),
        (None, "unknown"),
        ("---", "unknown"),
    ],
)
def test_spellings_meet(name: str | None, code: str) -> None:
    assert carrier_code(name) == code


def test_codes_and_names_lead_back_to_the_code() -> None:
    codes = [*carriers._NAMES, "unknown", "colisprivé"]
    assert [carrier_code(code) for code in codes] == codes
    known = list(carriers._NAMES)
    assert [carrier_code(carrier_name(code)) for code in known] == known


def test_no_spelling_means_two_carriers() -> None:
    spellings = [spelling for _, found in carriers._NAMES.values() for spelling in found]
    assert len(spellings) == len(set(spellings))
    assert all(carriers.carrier_code(spelling) == carriers._CODES[spelling] for spelling in spellings)


def test_names_are_for_people() -> None:
    assert [carrier_name(code) for code in ("ups", "australia_post", "la_poste", "unknown")] == [
        "UPS",
        "Australia Post",
        "La Poste",
        "Unknown",
    ]


def test_small_couriers_and_nobody_are_not_known() -> None:
    assert [is_known(carrier_code(name)) for name in ("UPS", "Sagawa (EN)", "Jim's Bikes", "", "unknown")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_links_are_built_only_for_known_carriers_and_hold_the_number_alone() -> None:
    assert tracking_link("ups", "1Z 9&x=/#") == "https://www.ups.com/track?tracknum=1Z%209%26x%3D%2F%23"
    assert tracking_link("evri", "1") is None
    assert all("{" not in (tracking_link(code, "1") or "") for code in carriers._LINKS)
