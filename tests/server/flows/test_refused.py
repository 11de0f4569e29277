"""What a refused attempt leaves in a log: bounded for each, and nothing that names a customer or opens a door."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.flows.refused import Quota, masked
from tests.server.desk import NOW


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("BadInput: got 'ada.byrne@example.com'", "BadInput: got '[e-mail]'"),
        ("email:dana@acme.test", "email:[e-mail]"),
        ("call +1 (503) 555-0142 now", "call [phone] now"),
        ("bh_" + "x" * 43, "[secret]"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln", "Bearer [secret]"),
        ("sk_live_0123456789abcdef", "[secret]"),
        ("#1001", "#1001"),
        ("1Z999AA10123456784", "1Z999AA10123456784"),
        ("5820000048219", "5820000048219"),
        ("one\ntwo\x1b[31m", "one two [31m"),
    ],
)
def test_what_names_somebody_or_opens_a_door_is_left_out(text, kept):
    assert masked(text) == kept


@given(
    before=st.text(max_size=400),
    name=st.from_regex(r"[a-z0-9._+-]{1,20}", fullmatch=True),
    after=st.text(max_size=30),
)
def test_no_address_survives_wherever_it_stands(before, name, after):
    found = masked(f"{before} {name}@example.com {after}", 200)
    assert "@example" not in found
    assert len(found) <= 200
    assert not {"\n", "\r", "\x1b", "\u202e"} & set(found)


def test_each_has_a_share_of_their_own_and_what_is_left_out_is_counted():
    quota, now = Quota(3), NOW
    assert [quota.take("eve", now) for _ in range(8)] == [{}] * 3 + [None] * 5
    assert quota.take("sam", now) == {}
    assert quota.take("eve", now + timedelta(seconds=59)) is None
    assert quota.take("eve", now + timedelta(seconds=60)) == {"not_written_before": "6"}
    assert quota.take("eve", now + timedelta(seconds=60)) == {}


def test_a_clock_that_was_put_back_does_not_silence_anybody():
    quota = Quota(1)
    assert quota.take("eve", NOW) == {}
    assert quota.take("eve", NOW - timedelta(hours=1)) == {}


def test_many_who_are_refused_do_not_fill_the_memory():
    quota = Quota(1)
    for number in range(5000):
        assert quota.take(number, NOW) == {}
    assert len(quota._at) <= 2000
