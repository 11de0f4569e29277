"""The panel as flat rows: always the same fields, and nothing in them that a helpdesk could fill in or run."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sidebar.fields import FIELDS, LONGEST_VALUE, fields, plain
from sidebar.panel import Candidate, Header, Paid, Panel, Promised, Row, Scanned, Shipped, Source, Trouble
from sidebar.tones import Pill, Tone

PANEL = Panel(
    as_of="14:05",
    header=Header(
        name="Order #1001",
        href="https://shop.example/1001",
        line="Ada Byrne | 14 Nov",
        pills=(Pill("Paid", Tone.GOOD), Pill("Fulfilled", Tone.GOOD)),
        rows=(Row("Total", "$56.00"),),
    ),
    promise=Promised(
        pill=Pill("At risk", Tone.BAD),
        line="Promised for tomorrow",
        source="According to the shop",
        risk="Chance of missing it: 80%",
        reasons=("No scan for 51 hours",),
    ),
    troubles=(Trouble(headline="Has had no carrier scan for 51 hours", pill=Pill("High", Tone.BAD), line=""),),
    payments=(
        Paid(title="Stripe, Visa", pill=Pill("Paid", Tone.GOOD), rows=(Row("Can be refunded", "$56.00"),), problem=""),
    ),
    shipments=(
        Shipped(
            title="UPS",
            number="1Z1",
            href="",
            pill=Pill("On its way"),
            rows=(),
            scans=(Scanned(when="Mon 9:00", hint="", text="Arrived", place="Memphis", gap="no scan for 51 h"),),
        ),
        Shipped(title="USPS", number="9400", href="", pill=Pill("Delivered"), rows=()),
    ),
)


def test_what_an_agent_reads():
    found = fields(PANEL, "https://beforehand.example/app/link/x")
    assert found["order"] == "Order #1001"
    assert found["status"] == "Paid, Fulfilled"
    assert (found["total"], found["refundable"]) == ("$56.00", "$56.00")
    assert found["promise"] == "At risk: Promised for tomorrow"
    assert found["risk"] == "Chance of missing it: 80%. No scan for 51 hours"
    assert found["shipment"] == "UPS: On its way (and 1 more)"
    assert found["last_scan"] == "Mon 9:00 · Arrived · Memphis · no scan for 51 h"
    assert found["tracking"] == "1Z1, 9400"
    assert found["issues"] == "Has had no carrier scan for 51 hours (High)"
    assert found["link"] == "https://beforehand.example/app/link/x"


def test_every_field_is_there_every_time():
    empty = fields(Panel(as_of="", message="No order was found"), "")
    assert set(empty) == set(FIELDS) == set(fields(PANEL, ""))
    assert {value for name, value in empty.items() if name != "message"} == {""}


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//evil.example", "data:text/html,x", "app/link/x"])
def test_a_link_that_a_browser_must_not_follow_is_left_out(link):
    assert fields(PANEL, link)["link"] == ""


@given(st.text(max_size=2000))
def test_a_text_stays_a_text(text):
    found = plain(text)
    assert len(found) <= LONGEST_VALUE
    assert not re.search(r"\{[{%#]|[<>\n\r\t\x00-\x08\u202a-\u202e]", found)


@given(st.text(max_size=400))
def test_whatever_a_shop_or_carrier_wrote_is_flat(text):
    header = replace(PANEL.header, name=text, line=text, rows=(Row("Total", text),))
    found = fields(replace(PANEL, header=header, message=text), "")
    assert all(isinstance(value, str) and "\n" not in value and "{{" not in value for value in found.values())


def test_of_several_orders_each_is_named():
    several = tuple(
        Candidate(reference=str(n), shop="shop", title=f"Order #{n}", line="Ada Byrne · $56.00", match="e-mail")
        for n in (1001, 1002)
    )
    found = fields(Panel(as_of="", message="Several orders may be meant.", candidates=several), "")
    assert found["orders"] == (
        "Order #1001, Ada Byrne · $56.00 (found by e-mail); Order #1002, Ada Byrne · $56.00 (found by e-mail)"
    )
    assert found["order"] == ""


def test_a_source_in_trouble_is_said_and_one_that_answered_is_not():
    sources = (
        Source(name="Stripe", tone=Tone.GOOD, text="as of 14:05"),
        Source(name="UPS", tone=Tone.BAD, text="did not answer in time"),
    )
    assert fields(replace(PANEL, sources=sources), "")["trouble"] == "UPS: did not answer in time"
