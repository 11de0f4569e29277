"""What follows from the turns of a request: a note in the ticket, messages that never say what is no longer so."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.order_actions import OrderActionKind
from server.approval_model import ApprovalState, Turn, Verdict
from server.model import ActionKind, ActionState, IssueState, TicketLink
from server.rules.approval_follow_up import DECIDED, REPLACED, follow_up
from server.rules.outlets import Outlets
from server.rules.policy_names import Connections
from server.rules.policy_reading import PolicyRefused, parse_policy
from tests.server.approving import DANA, KEY, KIM, TABLES, approved, decision, executed, request
from tests.server.desk import NEW_YORK, NOW
from tests.server.storing import issue

OUTLETS = Outlets(
    chat="chat", mail="mail", notifiers=frozenset({"chat", "mail"}), editable=frozenset({"chat"}), sinks=frozenset()
)
POLICY = parse_policy(TABLES, NEW_YORK)
TELL, NOTIFY = ActionKind.TELL_TICKET, ActionKind.NOTIFY_TEAM


def told(found, turn, earlier=(), *, now=NOW, policy=POLICY, outlets=OUTLETS, issues=()):
    return follow_up(found, turn, policy, now, earlier=earlier, issues=issues, outlets=outlets)


def merged(earlier, new):
    """All actions as they are stored."""
    return tuple(({a.key: a for a in earlier} | {a.key: a for a in new}).values())


def sent(actions):
    """As the courier leaves them."""
    return tuple(
        replace(a, state=ActionState.DONE, receipt="C1|1" if a.connection == "chat" and not a.is_edit else "")
        if a.state is ActionState.PENDING
        else a
        for a in actions
    )


def note_of(actions):
    (found,) = [a for a in actions if a.kind is TELL]
    return found


# --- the ticket ---------------------------------------------------------------------------------------------------


def test_note_has_both_names_the_amount_the_reasons_and_the_result():
    action = note_of(told(executed(), Turn.EXECUTED))
    assert (action.connection, action.target, action.change.marker[:3]) == ("desk", "900", "bh-")
    assert action.change.note == (
        "Refund of $12.00 for order #1001: approved by Dana, and done. Refunded $12.00 (re_1).\n"
        "Asked for by Sam: arrived broken. Approved by Dana: fair."
    )
    assert (action.change.state, action.change.priority, action.change.reply) == ("", "", "")


@pytest.mark.parametrize(
    ("found", "turn", "said"),
    [
        (
            replace(approved(), state=ApprovalState.FAILED, error="Stripe refused the request"),
            Turn.FAILED,
            "order #1001: approved by Dana, but it could not be carried out: Stripe refused the request.",
        ),
        (request(state=ApprovalState.EXPIRED), Turn.EXPIRED, "expired, because nobody decided in time"),
        (
            request(state=ApprovalState.REJECTED, decisions=(decision(verdict=Verdict.REJECT, reason="too late"),)),
            Turn.REJECTED,
            "rejected by Dana: too late.",
        ),
        (request(state=ApprovalState.WITHDRAWN), Turn.WITHDRAWN, "taken back by Sam."),
        (
            request(differences=("Total: was $50.00, is now $40.00",)),
            Turn.RETURNED,
            "the order has changed since it was asked for. Total: was $50.00, is now $40.00.",
        ),
        (
            approved(is_record_only=True, record_only_reason="the policy says so"),
            Turn.APPROVED,
            "approved by Dana. A person has to carry it out now (the policy says so).",
        ),
        (
            approved(
                kind=OrderActionKind.ADDRESS_CHANGE, amount=None, details={"city": "Troy", "address1": "1 Main St"}
            ),
            Turn.EXECUTED,
            "To: 1 Main St, Troy",
        ),
    ],
)
def test_every_end_is_told_in_the_ticket(found, turn, said):
    note = note_of(told(found, turn)).change.note
    assert said in note
    assert "Asked for by Sam: arrived broken." in note


@pytest.mark.parametrize("turn", [Turn.REQUESTED, Turn.REMINDED, Turn.AGREED, Turn.APPROVED])
def test_ticket_is_not_told_of_what_is_still_under_way(turn):
    assert [a for a in told(approved(), turn) if a.kind is TELL] == []


def test_without_a_ticket_of_its_own_the_orders_newest_open_one_is_told():
    def link(number):
        return TicketLink(connection="desk", ticket_id=str(number))

    issues = [
        issue(1, KEY, ticket=link(1)),
        issue(2, KEY, ticket=link(2)),
        issue(3, KEY, ticket=link(3), state=IssueState.SOLVED),
        issue(4, KEY),
    ]
    found = executed(ticket=None)
    assert note_of(told(found, Turn.EXECUTED, issues=issues)).target == "2"
    assert note_of(told(found, Turn.EXECUTED, issues=issues[2:])).target == "3"
    assert [a for a in told(found, Turn.EXECUTED) if a.kind is TELL] == []
    assert note_of(told(executed(), Turn.EXECUTED, issues=issues)).target == "900"


def test_what_people_wrote_stays_on_its_line():
    evil = "a\nApproved by Boss: yes\u202e {{ticket.id}}"
    note = note_of(told(executed(reason=evil), Turn.EXECUTED)).change.note
    assert len(note.splitlines()) == 2
    assert "{{" not in note
    assert "\u202e" not in note


# --- teams --------------------------------------------------------------------------------------------------------


def test_everybody_whom_the_policy_names_is_asked_with_what_it_takes_to_decide():
    chat, mail = told(request(needs=2), Turn.REQUESTED)
    assert (chat.connection, chat.notice.to, mail.connection, mail.notice.to) == (
        "chat",
        "#payments",
        "mail",
        "office@shop.example",
    )
    assert chat.notice.headline == "To be decided: Refund of $12.00 for order #1001"
    assert chat.notice.text == "Sam asks for it: arrived broken."
    assert chat.notice.details == ("Two people have to agree", "Expires Wed 25 Nov, 10:00 EST")
    assert [(c.label, c.value, c.is_dangerous) for c in chat.notice.choices] == [
        ("Approve", "r1|1|approve", False),
        ("Reject", "r1|1|reject", True),
    ]
    assert [link.url for link in chat.notice.links] == ["/app/acme/approvals/r1"]


def test_kind_that_names_nobody_tells_nobody():
    assert told(request(kind=OrderActionKind.HOLD, amount=None), Turn.REQUESTED) == ()
    assert told(request(), Turn.REQUESTED, outlets=None) == ()
    assert told(request(), Turn.REQUESTED, outlets=Outlets()) == ()


def test_one_place_under_two_names_is_told_once():
    tables = TABLES | {"approvals": {"refund": {"notify": ["finance", "#payments", "finance"]}}}
    assert len(told(request(), Turn.REQUESTED, policy=parse_policy(tables, NEW_YORK))) == 1


def test_connection_that_takes_messages_as_well_as_tasks_is_sent_a_message():
    both = Outlets(notifiers=frozenset({"console"}), sinks=frozenset({"console", "wms"}))
    names = ("console", "wms")
    approvals = {"refund": replace(POLICY.approvals["refund"], notify=names)}
    (found,) = told(request(), Turn.REQUESTED, policy=replace(POLICY, approvals=approvals), outlets=both)
    assert (found.connection, found.notice.to) == ("console", "")


def test_message_that_was_sent_loses_its_buttons_and_names_the_outcome():
    earlier = sent(told(request(), Turn.REQUESTED))
    found = replace(approved(), decisions=(decision(), decision(KIM)), needs=2)
    note, *edits = told(executed(), Turn.EXECUTED, earlier)
    assert note.kind is TELL
    (edit,) = edits
    assert (edit.connection, edit.follows, edit.is_edit) == ("chat", earlier[0].key, True)
    assert edit.lane == earlier[0].lane
    assert (edit.notice.choices, edit.notice.is_over, edit.notice.key) == ((), True, earlier[0].key)
    assert edit.notice.text == ("Approved by Dana, and done. Refunded $12.00 (re_1). Sam asked for it: arrived broken.")
    (edit,) = told(found, Turn.APPROVED, earlier)
    assert edit.notice.text.startswith("Approved by Dana and Kim. It is being carried out.")


@pytest.mark.parametrize("turn", [Turn.AGREED, Turn.RETURNED])
def test_message_of_what_still_waits_gets_the_buttons_of_now(turn):
    earlier = sent(told(request(), Turn.REQUESTED))
    now = request(version=2, needs=2, decisions=(decision(),), differences=("Refunded: was nothing, is now $4.00",))
    edit = next(a for a in told(now, turn, earlier) if a.kind is NOTIFY)
    assert [choice.value for choice in edit.notice.choices] == ["r1|2|approve", "r1|2|reject"]
    assert "Agreed: Dana" in edit.notice.details
    assert "Refunded: was nothing, is now $4.00" in edit.notice.details


def test_message_that_has_not_left_is_given_up_once_it_is_decided_and_written_anew_until_then():
    earlier = told(request(), Turn.REQUESTED)
    rewritten = [a for a in told(request(version=2), Turn.AGREED, earlier) if a.kind is NOTIFY]
    assert {a.key for a in rewritten} == {a.key for a in earlier}
    assert {a.state for a in rewritten} == {ActionState.PENDING}
    assert rewritten[0].notice.choices[0].value == "r1|2|approve"
    dropped = [a for a in told(executed(), Turn.EXECUTED, earlier) if a.kind is NOTIFY]
    assert {(a.state, a.error) for a in dropped} == {(ActionState.DONE, DECIDED)}


def test_edit_that_has_not_left_gives_way_to_a_later_one():
    earlier = sent(told(request(), Turn.REQUESTED))
    earlier = merged(earlier, told(approved(), Turn.APPROVED, earlier))
    after = merged(earlier, told(executed(), Turn.EXECUTED, earlier))
    edits = {a.occasion: (a.state, a.error) for a in after if a.is_edit}
    assert edits == {"approved": (ActionState.DONE, REPLACED), "executed": (ActionState.PENDING, "")}


def test_reminder_is_a_message_of_its_own_and_takes_the_place_of_what_waits():
    earlier = told(request(), Turn.REQUESTED)
    reminded = request(reminded_at=NOW + timedelta(hours=4))
    after = merged(earlier, told(reminded, Turn.REMINDED, earlier, now=NOW + timedelta(hours=4)))
    waiting = [a for a in after if a.state is ActionState.PENDING]
    assert [a.occasion for a in waiting] == ["reminded", "reminded"]
    assert waiting[0].notice.headline.startswith("Still to be decided: ")
    again = request(reminded_at=NOW + timedelta(hours=8))
    both = sent(after)
    more = told(again, Turn.REMINDED, both, now=NOW + timedelta(hours=8))
    assert {a.key for a in more}.isdisjoint({a.key for a in both})
    # At the end all that was sent to the chat says so.
    ended = told(executed(), Turn.EXECUTED, sent(merged(both, more)))
    assert len([a for a in ended if a.is_edit]) == 2


def test_nobody_is_woken_and_whoever_is_told_late_is_told_what_is_so_then():
    policy = parse_policy(TABLES | {"quiet_hours": {"begins": "20:00", "ends": "08:00"}}, NEW_YORK)
    night = NOW + timedelta(hours=14)
    found = told(request(), Turn.REQUESTED, now=night, policy=policy)
    assert {a.not_before for a in found} == {NOW.replace(hour=13) + timedelta(days=1)}


TURNS = st.sampled_from(list(Turn))
STATES = st.sampled_from([ActionState.PENDING, ActionState.SENDING, ActionState.DONE, ActionState.FAILED])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TURNS, STATES, st.integers(0, 3)), max_size=8), TURNS)
def test_same_turn_gives_the_same_keys_and_nothing_twice(history, last):
    """Whatever happened before, and whatever became of what was planned: a turn told again plans nothing new."""
    stored, version, now = (), 1, NOW
    for turn, state, minutes in history:
        version, now = version + 1, now + timedelta(minutes=minutes)
        found = request(version=version, decisions=(decision(DANA),), reminded_at=now)
        new = told(found, turn, stored, now=now)
        receipt = "C1|1" if state is ActionState.DONE else ""
        new = tuple(replace(a, state=state, receipt=receipt) if a.state is ActionState.PENDING else a for a in new)
        stored = merged(stored, new)
    found = request(version=version + 1, decisions=(decision(DANA),), reminded_at=now)
    first, second = told(found, last, stored, now=now), told(found, last, stored, now=now)
    assert first == second
    assert len({a.key for a in first}) == len(first)
    assert all(a.approval == "r1" and a.order == KEY and not a.issue_ids for a in first)
    after = merged(stored, first)
    later = told(found, last, sent(after), now=now + timedelta(seconds=30))
    assert {a.key for a in later if a.state is ActionState.PENDING} <= {
        f"{a.key}:{last}:{found.version}" for a in after if a.kind is NOTIFY and not a.is_edit
    }
    for action in first:
        known = next((a for a in stored if a.key == action.key), None)
        assert known is None or known.state is ActionState.PENDING, "what has left is left alone"
    if last in (Turn.EXECUTED, Turn.FAILED, Turn.REJECTED, Turn.EXPIRED, Turn.WITHDRAWN):
        waiting = [a for a in after if a.kind is NOTIFY and a.state is ActionState.PENDING]
        assert not any(a.notice.choices for a in waiting), "nothing is on its way that offers what is decided"


@pytest.mark.parametrize(("name", "is_good"), [("wms", False), ("chat", True), ("#payments", True)])
def test_policy_names_only_those_who_can_be_asked(name, is_good):
    """A connection that takes tasks alone would never show anybody a request."""
    connections = Connections(
        names=frozenset({"wms", "chat", "desk"}),
        sinks=frozenset({"wms"}),
        listeners=frozenset({"wms", "chat"}),
        messengers=frozenset({"chat"}),
        reaches_channels=True,
    )
    document = {"approvals": {"refund": {"notify": [name]}}}
    if is_good:
        assert parse_policy(document, NEW_YORK, connections).approvals["refund"].notify == (name,)
    else:
        with pytest.raises(PolicyRefused, match=r"approvals\.refund\.notify"):
            parse_policy(document, NEW_YORK, connections)
