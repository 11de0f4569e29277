"""What is in braces is filled in or refused; no customer is sent a brace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.placeholders import PLACEHOLDERS, check, fill


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hello {nmae}", "no such placeholder {nmae}; expected one of"),
        ("Hello {nmae}", "did you mean name?"),
        ("Hello {}", "no such placeholder {}"),
        ("Hello {name.__class__}", "no such placeholder {name.__class__}"),
        ("Hello {name!r}", "expected nothing but a name in the braces of {name}"),
        ("Hello {name:>10}", "expected nothing but a name in the braces of {name}"),
        ("Hello {name", "write {{ and }} for braces of your own"),
        ("Hello }", "write {{ and }} for braces of your own"),
    ],
)
def test_what_nothing_stands_for_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is looked at
        check(text)
    assert message in str(error.value)


def test_what_is_known_is_filled_in_and_what_is_not_gets_plain_words() -> None:
    text = "Hello {first_name}, {order} is with {carrier}. {{Not a placeholder}}"
    check(text)
    known = {"first_name": "Ada", "order": "#1001"}
    assert fill(text, known) == "Hello Ada, #1001 is with the carrier. {Not a placeholder}"


@given(st.text(), st.dictionaries(st.sampled_from(list(PLACEHOLDERS)), st.text()))
def test_a_text_that_was_checked_can_always_be_filled_in(text: str, known: dict[str, str]) -> None:
    try:
        check(text)
    except ValueError:
        return
    assert isinstance(fill(text, known), str)


@given(st.dictionaries(st.sampled_from(list(PLACEHOLDERS)), st.text(min_size=1)))
def test_what_is_filled_in_is_never_read_again(known: dict[str, str]) -> None:
    found = fill("".join(f"{{{name}}}|" for name in PLACEHOLDERS), known)
    assert found == "".join(f"{known.get(name) or p.otherwise}|" for name, p in PLACEHOLDERS.items())
