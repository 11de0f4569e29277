"""What a button stands for is sealed: nobody but us makes one, and it is good only where it was shown."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from connectors.model import Choice, Link, Notice
from server.approval_model import Verdict
from server.flows.chat_choices import ChatChoices, plain
from server.flows.sessions import Sessions
from tests.server.desk import NOW

OLD, NEW = "o" * 40, "n" * 40
NOTICE = Notice(
    key="k",
    to="#a",
    headline="h",
    text="t",
    links=(Link("Look", "/app/acme/approvals/r1"), Link("Shop", "https://shop.example/1"), Link("x", "//evil.example")),
    choices=(
        Choice("approve", "Approve", "r1|3|approve"),
        Choice("reject", "Reject", "r1|3|reject", is_dangerous=True),
        Choice("odd", "Odd", "r1|x|approve"),
        Choice("odd", "Odd", "r1|3|delete"),
        Choice("odd", "Odd", ""),
    ),
)


def sealed(keys=(NEW,), workspace="acme", connection="chat"):
    return ChatChoices(keys, "https://b.example/").ready(NOTICE, workspace, connection)


def test_choice_comes_back_as_it_went():
    approve, reject = sealed().choices
    found = ChatChoices((NEW,), "").open(reject.value, "acme", "chat")
    assert (found.request, found.version, found.verdict) == ("r1", 3, Verdict.REJECT)
    assert (approve.label, reject.is_dangerous) == ("Approve", True)
    assert "r1" not in approve.value
    assert len(approve.value) < 2000


def test_links_of_our_own_are_made_whole_and_others_left_alone():
    assert [link.url for link in sealed().links] == [
        "https://b.example/app/acme/approvals/r1",
        "https://shop.example/1",
        "//evil.example",
    ]
    assert [link.label for link in plain(NOTICE).links] == ["Shop"]
    assert plain(NOTICE).choices == ()


def test_key_can_be_replaced_without_a_gap():
    before = sealed((OLD,)).choices[0].value
    assert ChatChoices((NEW, OLD), "").open(before, "acme", "chat") is not None
    assert ChatChoices((NEW,), "").open(before, "acme", "chat") is None


@pytest.mark.parametrize("place", [("other", "chat"), ("acme", "second"), ("", "")])
def test_it_is_good_only_where_it_was_shown(place):
    assert ChatChoices((NEW,), "").open(sealed().choices[0].value, *place) is None


def test_nothing_else_that_we_seal_passes_for_one():
    session = Sessions([NEW], timedelta(minutes=30)).open("acme", "chat", "zendesk:1", NOW)
    other = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    for token in (session, other, "", "r1|3|approve", "\u00e9", "x" * 5000, sealed().choices[0].value[:-3] + "AAA"):
        assert ChatChoices((NEW,), "").open(token, "acme", "chat") is None
