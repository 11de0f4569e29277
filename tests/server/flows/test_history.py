"""Reading an order history: what is wrong is named by its place, and everything else is used."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadInput
from server.flows.history import COLUMNS, HistoryFile, latest_moment, read_all
from server.rules.history import HistoryRow

NEW_YORK = ZoneInfo("America/New_York")
HEADER = ",".join(COLUMNS)
GOOD = {
    "order_id": "1001",
    "status": "delivered",
    "purchased_at": "2026-03-02 09:00:00",
    "approved_at": "2026-03-02T09:05:00",
    "handed_over_at": "2026-03-03T10:00:00-05:00",
    "delivered_at": "2026-03-06T15:00:00Z",
    "promised_date": "2026-03-09",
    "origin": "NJ",
    "destination": "CA",
    "ship_by": "2026-03-04",
    "value": "120.50",
    "currency": "USD",
    "items": "2",
    "seller": "Lamps Inc",
    "complained_at": "",
}


def line(**changes: str) -> str:
    return ",".join((GOOD | changes)[name] for name in COLUMNS)


def read(tmp_path, *lines: str | bytes, header: str | bytes = HEADER, timezone: ZoneInfo = NEW_YORK):
    """The file of these lines after it has been read, and its rows."""
    path = tmp_path / "history.csv"
    path.write_bytes(b"".join(each if isinstance(each, bytes) else f"{each}\n".encode() for each in (header, *lines)))
    file = HistoryFile(path, timezone)
    return file, list(file.rows())


def mistakes(tmp_path, *lines: str | bytes, header: str | bytes = HEADER) -> list[str]:
    return [str(mistake) for mistake in read(tmp_path, *lines, header=header)[0].mistakes]


def test_a_row_is_read_in_full_and_its_times_are_in_utc(tmp_path) -> None:
    assert read(tmp_path, line())[1] == [
        HistoryRow(
            order_id="1001",
            status="delivered",
            purchased_at=datetime(2026, 3, 2, 14, tzinfo=UTC),
            approved_at=datetime(2026, 3, 2, 14, 5, tzinfo=UTC),
            handed_over_at=datetime(2026, 3, 3, 15, tzinfo=UTC),
            delivered_at=datetime(2026, 3, 6, 15, tzinfo=UTC),
            # Clocks went forward in between.
            promised_date=datetime(2026, 3, 10, 3, 59, 59, tzinfo=UTC),
            origin="NJ",
            destination="CA",
            ship_by=datetime(2026, 3, 5, 4, 59, 59, tzinfo=UTC),
            value=Decimal("120.50"),
            currency="USD",
            items=2,
            seller="Lamps Inc",
            complained_at=None,
        )
    ]


def test_what_is_empty_is_unknown(tmp_path) -> None:
    bare = ",".join(GOOD[name] if name in ("order_id", "purchased_at") else "" for name in COLUMNS)
    assert read(tmp_path, bare)[1] == [HistoryRow(order_id="1001", purchased_at=datetime(2026, 3, 2, 14, tzinfo=UTC))]


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-03-09", datetime(2026, 3, 10, 3, 59, 59, tzinfo=UTC)),
        ("2026-03-09 00:00:00", datetime(2026, 3, 10, 3, 59, 59, tzinfo=UTC)),
        ("2026-03-09T00:00:00+01:00", datetime(2026, 3, 9, 22, 59, 59, tzinfo=UTC)),
        ("2026-03-09T18:00", datetime(2026, 3, 9, 22, tzinfo=UTC)),
    ],
)
def test_a_promised_day_lasts_until_its_end_and_a_promised_hour_does_not(tmp_path, text, hour) -> None:
    assert read(tmp_path, line(promised_date=text))[1][0].promised_date == hour


def test_a_day_alone_is_no_reason_to_think_it_was_before_the_order(tmp_path) -> None:
    file, rows = read(tmp_path, line(purchased_at="2026-03-02 09:00:00", approved_at="2026-03-02"))
    assert file.mistakes == []
    assert rows[0].approved_at == datetime(2026, 3, 3, 4, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"purchased_at": ""}, "purchased_at: expected an ISO time from 2000 to 2059"),
        ({"purchased_at": "yesterday"}, "got 'yesterday'"),
        ({"purchased_at": "02/03/2026"}, "purchased_at: expected an ISO time"),
        ({"promised_date": "9999-12-31"}, "promised_date: expected an ISO time from 2000 to 2059"),
        ({"delivered_at": "0001-01-01T00:00:00"}, "delivered_at: expected an ISO time"),
        ({"delivered_at": "2026-02-30"}, "delivered_at: expected an ISO time"),
        ({"delivered_at": "2026-03-01"}, "delivered_at: expected a time after the order was placed (2026-03-02 09:00"),
        ({"promised_date": "2026-02-01"}, "promised_date: expected a time after the order was placed"),
        ({"complained_at": "2025-03-02"}, "complained_at: expected a time after the order was placed"),
        ({"value": "-1"}, "value: expected an amount such as 12.00 and not below 0, got '-1'"),
        ({"value": "NaN"}, "value: expected an amount"),
        ({"value": "1e400"}, "value: expected an amount"),
        ({"value": "1_000"}, "value: expected an amount"),
        ({"value": "٣"}, "value: expected an amount"),
        ({"currency": "US$"}, "currency: expected a currency code such as USD, got 'US$'"),
        ({"items": "-2"}, "items: expected a whole number and not below 0, got '-2'"),
        ({"items": "1.5"}, "items: expected a whole number"),
        ({"items": "inf"}, "items: expected a whole number"),
        ({"order_id": " "}, "order_id: expected an order's id, got nothing"),
        ({"seller": "x" * 201}, "seller: expected at most 200 characters"),
    ],
)
def test_a_mistake_is_named_by_line_and_column_and_the_other_lines_are_used(tmp_path, changes, told) -> None:
    file, rows = read(tmp_path, line(order_id="1"), line(**changes), line(order_id="3"))
    assert [row.order_id for row in rows] == ["1", "3"]
    assert (file.used, file.left_out, len(file.mistakes)) == (2, 1, 1)
    assert str(file.mistakes[0]).startswith("line 3, ")
    assert told in str(file.mistakes[0])


def test_every_mistake_of_a_line_is_named(tmp_path) -> None:
    assert [text.partition(":")[0] for text in mistakes(tmp_path, line(value="x", currency="dollars", items="?"))] == [
        "line 2, value",
        "line 2, currency",
        "line 2, items",
    ]


def test_items_and_amounts_as_spreadsheets_write_them_are_fine(tmp_path) -> None:
    file, rows = read(tmp_path, line(items="2.0", value="37.610000000000001", currency="usd"))
    assert file.mistakes == []
    assert (rows[0].items, rows[0].currency) == (2, "USD")


def test_a_repeated_order_counts_once_and_names_the_first_line(tmp_path) -> None:
    file, rows = read(tmp_path, line(), line(order_id="2"), line(value="9"))
    assert [row.value for row in rows] == [Decimal("120.50"), Decimal("120.50")]
    assert file.repeated == 1
    assert [str(mistake) for mistake in file.mistakes] == ["line 4, order_id: order '1001' is already on line 2"]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (line()[:40], "line 3, column 4 (approved_at): the line ends here; expected 15 columns"),
        (line() + ",more", "line 3: expected 15 columns, got 16; a comma within a field needs quotes"),
        (line(seller="a\0b"), "line 3, column 14 (seller): a NUL character"),
        (line(seller="XX").encode().replace(b"XX", b"\xff\xfe") + b"\n", "line 3, column 14 (seller): expected UTF-8"),
        (line(seller="x" * 70_000), "line 3: longer than 65536 bytes"),
        (line(seller='"Lamps'), "line 3: a quote is opened and not closed"),
        (line(seller='"Lamps"Inc'), "line 3: cannot be read as CSV"),
    ],
    ids=["half a line", "too long a line", "NUL", "not UTF-8", "huge", "open quote", "odd quote"],
)
def test_a_broken_line_spoils_no_other(tmp_path, bad, told) -> None:
    after = [line(order_id=str(number), seller='"Lamps, Inc"') for number in range(10)]
    file, rows = read(tmp_path, line(), bad, *after)
    assert len(rows) == 11
    assert [str(mistake)[: len(told)] for mistake in file.mistakes] == [told]


def test_the_last_line_may_be_cut_off(tmp_path) -> None:
    assert mistakes(tmp_path, line(), line(order_id="2")[:25].encode()) == [
        "line 3, column 3 (purchased_at): the line ends here; expected 15 columns"
    ]


def test_a_quoted_field_may_hold_commas_quotes_and_line_ends(tmp_path) -> None:
    file, rows = read(tmp_path, line(seller='"Lamps, ""Inc""\nHoboken"'), line(order_id="2", value="bad"))
    assert rows[0].seller == 'Lamps, "Inc"\nHoboken'
    assert [mistake.line for mistake in file.mistakes] == [4]


def test_blank_lines_and_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path) -> None:
    header = b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n"
    file, rows = read(tmp_path, b"\r\n", line().encode() + b"\r\n", b"\n", header=header)
    assert (len(rows), file.mistakes) == (1, [])


def test_columns_may_stand_in_another_order_and_unknown_ones_are_named(tmp_path) -> None:
    names = ["note", *reversed(COLUMNS), "weight"]
    values = ["gift", *(GOOD[name] for name in reversed(COLUMNS)), "18.65"]
    file, rows = read(tmp_path, ",".join(values), header=",".join(names))
    assert (rows[0].order_id, rows[0].weight) == ("1001", 18.65)
    assert file.ignored == ("note",)


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "many"])
def test_a_weight_is_above_nothing(tmp_path, weight) -> None:
    assert "weight: expected a number above 0" in mistakes(tmp_path, f"{line()},{weight}", header=f"{HEADER},weight")[0]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", "missing: order_id, status"),
        (HEADER.replace("status", "state"), "line 1: missing: status; unknown: 'state'"),
        (HEADER.replace(",", ";"), "missing: order_id, status, purchased_at"),
        (f"{HEADER},seller", "line 1: twice: seller"),
        (HEADER.encode("utf-16"), "line 1: this is not CSV in UTF-8"),
        (HEADER.encode() + b"\xff\n", "line 1: this is not CSV in UTF-8"),
        ("x" * 70_000, "line 1: this is not CSV in UTF-8"),
    ],
)
def test_another_header_is_refused_with_what_was_expected(tmp_path, header, told) -> None:
    with pytest.raises(BadInput) as refused:
        read(tmp_path, line(), header=header)
    assert told in str(refused.value)
    assert "expected a first line with the columns order_id,status,purchased_at" in str(refused.value)


def test_a_file_that_is_empty_missing_or_a_folder_is_refused_in_words(tmp_path) -> None:
    (tmp_path / "empty.csv").touch()
    for path, told in (
        (tmp_path / "empty.csv", "the file is empty"),
        (tmp_path / "none.csv", "No such file"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(BadInput, match=told):
            list(HistoryFile(path, NEW_YORK).rows())


def test_a_file_without_one_good_line_is_refused_with_the_first_mistake(tmp_path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"{HEADER}\n{line(value='x')}\n")
    with pytest.raises(BadInput, match="no line could be used; the first mistake: line 2, value: expected an amount"):
        read_all(HistoryFile(path, NEW_YORK))


def test_progress_tells_of_every_byte(tmp_path) -> None:
    told: list[int] = []
    path = tmp_path / "history.csv"
    path.write_text(f"{HEADER}\n{line()}\n{line(order_id='2', seller='x' * 200_000)}\n")
    list(HistoryFile(path, NEW_YORK, told.append).rows())
    assert sum(told) == path.stat().st_size


def test_the_history_ends_with_the_last_thing_that_happened(tmp_path) -> None:
    _, rows = read(tmp_path, line(promised_date="2026-05-01"), line(order_id="2", complained_at="2026-03-20T00:00:00Z"))
    assert latest_moment(rows) == datetime(2026, 3, 20, tzinfo=UTC)


@given(
    fields=st.lists(
        st.dictionaries(
            st.sampled_from(COLUMNS), st.text(st.characters(codec="utf-8"), max_size=12), min_size=0, max_size=4
        ),
        max_size=8,
    )
)
def test_whatever_fields_hold_every_line_is_used_or_named(tmp_path_factory, fields) -> None:
    path = tmp_path_factory.mktemp("history") / "history.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, changes in enumerate(fields):
            writer.writerow([(GOOD | {"order_id": str(number)} | changes)[name] for name in COLUMNS])
    found = HistoryFile(path, NEW_YORK)
    rows = list(found.rows())
    assert len(rows) == found.used
    assert found.used + found.left_out >= len(fields)
    assert all(mistake.line > 1 for mistake in found.mistakes)


@given(garbage=st.binary(max_size=400))
def test_garbage_is_named_and_never_breaks(tmp_path_factory, garbage) -> None:
    path = tmp_path_factory.mktemp("history") / "history.csv"
    path.write_bytes(f"{HEADER}\n{line()}\n".encode() + garbage + f"\n{line(order_id='last')}\n".encode())
    rows = list(HistoryFile(path, NEW_YORK).rows())
    assert rows[0].order_id == "1001"
