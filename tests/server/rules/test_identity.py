"""Which order something is about."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.model import Observation, Payment, References, tracking_key
from server.model import OrderKey
from server.rules import identity
from server.rules.identity import Ambiguous, Joined, Unjoinable, Waiting, join
from server.store.contract import Reference, ReferenceKind

A, B = OrderKey("acme", "shop", "1"), OrderKey("acme", "shop", "2")
KIND = ReferenceKind
KNOWN = {
    Reference(KIND.ORDER_ID, "1"): A,
    Reference(KIND.NAME, "1001"): A,
    Reference(KIND.PAYMENT, "pi_a"): A,
    Reference(KIND.TRACKING, "ups|1Z"): A,
    Reference(KIND.PAYMENT, "pi_b"): B,
    Reference(KIND.TRACKING_NUMBER, "1Z"): B,
}


def find(references) -> tuple[OrderKey, ...]:
    return tuple(sorted({KNOWN[r] for r in references if r in KNOWN}))


def about(source: str = "stripe", **names: object) -> Observation:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return Observation(source=source, kind="payment.failed", identity="i", at=at, about=References(**names))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"payments": ("pi_a",)}, Joined(A)),
        ({"order_ids": ("#1001",)}, Joined(A)),
        ({"order_ids": ("1",), "payments": ("pi_new",)}, Joined(A)),
        ({"trackings": (tracking_key("ups", "1z"),)}, Joined(A)),
        ({"order_ids": ("1",), "payments": ("pi_b",)}, Ambiguous((A, B))),
        ({}, Unjoinable("it names no order, payment or tracking number")),
    ],
)
def test_every_name_must_agree(names: dict, expected: object) -> None:
    assert join(about(**names), "acme", {"shop"}, find) == expected


def test_the_same_number_of_another_carrier_is_another_parcel() -> None:
    wanted = tracking_key("usps", "1Z")
    assert join(about(trackings=(wanted,)), "acme", {"shop"}, find) == Waiting((Reference(KIND.TRACKING, wanted),))


def test_what_nobody_knows_waits_under_all_its_names() -> None:
    assert join(about(order_ids=("#77",), payments=("pi_x",)), "acme", {"shop"}, find) == Waiting(
        (Reference(KIND.PAYMENT, "pi_x"), Reference(KIND.ORDER_ID, "#77"), Reference(KIND.NAME, "77"))
    )


def test_only_a_shop_can_name_its_own_order() -> None:
    assert join(about("shop", shop_order="9"), "acme", {"shop"}, find) == Joined(OrderKey("acme", "shop", "9"))
    assert isinstance(join(about("stripe", shop_order="9"), "acme", {"shop"}, find), Unjoinable)


def test_an_order_can_be_found_by_everything_that_people_say(build) -> None:
    order = build.order(
        build.shipment(build.scan(1), number="1z 999"),
        payments=(Payment(id="stripe:pi_1", processor="stripe", references=("pi_1", "ch_1")),),
        phone="+1 (502) 459-2181",
        email="Ada@Example.com ",
    )
    names = {(r.kind.value, r.value) for r in identity.references_of(order)}
    assert names == {
        ("order_id", "1"),
        ("name", "48219"),
        ("payment", "stripe:pi_1"),
        ("payment", "pi_1"),
        ("payment", "ch_1"),
        ("tracking", "ups|1Z999"),
        ("tracking_number", "1Z999"),
        ("email", "ada@example.com"),
        ("phone", "024592181"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#1001", (KIND.NAME, "1001")),
        ("ACME-1001-x", (KIND.NAME, "acme-1001-x")),
        ("Ada@Example.com", (KIND.EMAIL, "ada@example.com")),
        ("(502) 459-2181", (KIND.PHONE, "024592181")),
        ("1z 12345", (KIND.TRACKING_NUMBER, "1Z12345")),
    ],
)
def test_a_search_is_read_by_its_shape(text: str, expected: tuple) -> None:
    assert Reference(*expected) in identity.parse_query(text)


def test_a_ticket_mentions_orders_in_many_ways() -> None:
    found = identity.mentions("Where is #1001? Also order ACME-1002, and 1Z999AA10123456784.")
    assert {(r.kind.value, r.value) for r in found} >= {
        ("name", "1001"),
        ("name", "acme-1002"),
        ("tracking_number", "1Z999AA10123456784"),
    }


@pytest.mark.parametrize(
    ("in_the_shop", "as_people_say_it"),
    [
        ("+15024592181", "(502) 459-2181"),
        ("+1 502 459 2181 ext. 12", "502 459 2181"),
        ("+442079460958", "020 7946 0958"),
        ("+33612345678", "06 12 34 56 78"),
        ("+33 (0)6 12 34 56 78", "06 12 34 56 78"),
        ("+34612345678", "612 345 678"),
        ("+61412345678", "0412 345 678"),
        ("+33612345678", "٠٦١٢٣٤٥٦٧٨"),
    ],
)
def test_a_phone_number_is_the_same_with_and_without_its_country(
    in_the_shop: str, as_people_say_it: str, build
) -> None:
    known = {r for r in identity.references_of(build.order(phone=in_the_shop)) if r.kind is KIND.PHONE}
    assert known == {r for r in identity.parse_query(as_people_say_it) if r.kind is KIND.PHONE} != set()


def test_too_few_digits_are_no_phone_number() -> None:
    assert identity.phone_digits("12 34 56") == identity.phone_digits("none") == identity.phone_digits("") == ""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Where is order 1001- is it lost?", ["1001"]),
        ("(1001), 1002/1003", ["1001", "1002", "1003"]),
        ("order ACME-1001-X please", ["acme-1001-x"]),
        ("注文1001です", ["1001"]),
        ("I paid $1200.50 or 120.00", []),
        ("call me at 502-459-2181", ["502-459-2181"]),
        ("2 of 12 items", []),
        ("#, # - and #- are nothing", []),
    ],
)
def test_only_whole_words_are_mentioned(text: str, names: list[str]) -> None:
    assert [r.value for r in identity.mentions(text) if r.kind is KIND.NAME] == names


def test_a_mail_full_of_numbers_does_not_push_the_order_out() -> None:
    noise = " ".join(str(number) for number in range(300, 400)) + " 123456789012" * 30
    assert identity.mentions(f"{noise} my order is #1001")[0] == Reference(KIND.NAME, "1001")


@given(st.text(max_size=300))
def test_no_text_is_too_strange_to_search_for(text: str) -> None:
    for reference in (*identity.parse_query(text), *identity.mentions(text)):
        assert 0 < len(reference.value) <= identity.LONGEST_QUERY


def test_endless_text_is_cut() -> None:
    assert identity.parse_query("9" * 1_000_000) == ()
    assert len(identity.mentions("#1 " * 100_000)) <= identity.MOST_MENTIONS


def test_what_we_say_ourselves_of_an_order_names_whose_it_is():
    about, at = References(shop="shop", shop_order="5001"), datetime(2026, 11, 23, tzinfo=UTC)
    said = Observation(source="beforehand", kind="approval.executed", identity="i", at=at, about=about)

    def nothing(_):
        raise AssertionError("nothing has to be looked up")

    assert join(said, "acme", {"shop", "shop2"}, nothing) == Joined(OrderKey("acme", "shop", "5001"))
    assert isinstance(join(said, "acme", {"shop2"}, lambda _: ()), Unjoinable)
