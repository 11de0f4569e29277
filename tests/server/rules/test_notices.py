"""Whom else to tell of trouble, when, and above all: never twice."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.model import Contact
from server.model import ActionKind, ActionState, Kind, Severity
from tests.server.rules.noticing import OUTLETS, Noticing

STALLED = Kind.TRACKING_STALLED
TEAM, CUSTOMER, TASK = ActionKind.NOTIFY_TEAM, ActionKind.MESSAGE_CUSTOMER, ActionKind.LOG_BACK


@pytest.fixture
def noticing(build):
    def make(outlets=OUTLETS, tables=None, **detectors):
        made = Noticing(build, outlets, **(detectors or {}))
        made.tables = made.tables | (tables or {})
        return made

    return make


def only(found):
    assert len(found) == 1, found
    return found[0]


# --- teams --------------------------------------------------------------------------------------------------------


def test_team_hears_the_sentence_of_the_ticket_in_its_channel_once(noticing):
    bench = noticing(tracking_stalled={"notify": ["logistics"]})
    bench.plan(bench.signal())
    told = only(bench.of(TEAM))
    assert (told.connection, told.audience, told.notice.to) == ("slack", "#logistics", "#logistics")
    assert told.notice.headline == "Order #1001 has tracking_stalled number 1"
    ticket = next(a for a in bench.actions.values() if a.kind is ActionKind.OPEN_TICKET)
    assert ticket.draft.body.startswith(told.notice.text)
    assert [link.url for link in told.notice.links] == ["https://shop.example/1001"]
    bench.send_due()
    bench.pass_(5)
    bench.plan(bench.signal(version=2))
    assert bench.due() == []
    assert [heard[0] for heard in bench.heard] == ["#logistics"]


def test_team_without_a_chat_is_mailed(noticing):
    bench = noticing(replace(OUTLETS, chat="", editable=frozenset()), tracking_stalled={"notify": ["logistics"]})
    bench.plan(bench.signal())
    assert [(a.connection, a.notice.to) for a in bench.of(TEAM)] == [("mail", "logistics@example.com")]


@pytest.mark.parametrize(
    "notify",
    [
        ["logistics", "#logistics"],
        ["#Logistics", "logistics"],
        ["logistics", {"who": "logistics", "after": "2h"}],
        ["logistics", "twin"],
    ],
)
def test_whoever_is_named_twice_is_told_once(noticing, notify):
    bench = noticing(tracking_stalled={"notify": notify})
    teams = bench.tables["teams"] | {"twin": {"email": "logistics@example.com"}}
    bench.tables = bench.tables | {"teams": teams}
    bench.plan(bench.signal())
    assert only(bench.of(TEAM)).not_before == bench.now


def test_nobody_is_told_without_a_way_to_tell_them(noticing):
    bench = noticing(
        replace(OUTLETS, chat="", mail="", notifiers=frozenset()), tracking_stalled={"notify": ["finance"]}
    )
    bench.plan(bench.signal())
    assert bench.notices == []


def test_several_troubles_at_once_are_one_message(noticing):
    bench = noticing(tracking_stalled={"notify": ["logistics"]}, payment_failed={"notify": ["logistics"]})
    bench.plan(bench.signal(), bench.signal(Kind.PAYMENT_FAILED))
    told = only(bench.of(TEAM))
    assert told.notice.text.startswith("Order #1001 has tracking_stalled number 1, it has payment_failed")
    assert len(told.tells) == 2
    bench.send_due()
    bench.plan(bench.signal(), bench.signal(Kind.PAYMENT_FAILED))
    assert len(bench.of(TEAM)) == 1


def test_recovered_before_it_was_sent_is_not_sent(noticing):
    bench = noticing(tracking_stalled={"notify": [{"who": "logistics", "after": "2h"}]})
    bench.plan(bench.signal())
    assert only(bench.of(TEAM)).not_before == bench.build.at(2)
    bench.pass_(1)
    bench.plan()
    gone = only(bench.of(TEAM))
    assert (gone.state, gone.error) == (ActionState.DONE, "recovered before it was sent")
    bench.pass_(5)
    assert bench.due() == []
    bench.plan(bench.signal())
    assert bench.of(TEAM, ActionState.PENDING), "it is back, and nobody has heard of it yet"


def test_dry_run_tells_nobody(noticing):
    detector = {"notify": ["logistics"], "customer_message": "delay", "log_back": ["wms"], "dry_run": True}
    bench = noticing(tracking_stalled=detector)
    bench.plan(bench.signal())
    assert bench.notices == []
    bench.tables["detectors"]["tracking_stalled"] = {**detector, "dry_run": False}
    bench.plan(bench.signal())
    assert {a.kind for a in bench.notices} == {TEAM, CUSTOMER, TASK}


def test_switching_to_dry_run_takes_back_what_was_not_sent(noticing):
    bench = noticing(tracking_stalled={"notify": [{"who": "logistics", "after": "2h"}]})
    bench.plan(bench.signal(), helpdesk=None)
    bench.tables["detectors"]["tracking_stalled"] = {"dry_run": True, "notify": ["logistics"]}
    bench.plan(bench.signal(), helpdesk=None)
    assert bench.of(TEAM, ActionState.PENDING) == []


# --- quiet hours --------------------------------------------------------------------------------------------------

QUIET = {"quiet_hours": {"begins": "20:00", "ends": "08:00"}}


def test_at_night_what_can_wait_waits_and_what_is_urgent_does_not(noticing):
    bench = noticing(tables=QUIET, tracking_stalled={"notify": ["logistics"]}, payment_failed={"notify": ["finance"]})
    bench.pass_(14)  # 23:00
    bench.plan(bench.signal(severity=Severity.HIGH), bench.signal(Kind.PAYMENT_FAILED, severity=Severity.URGENT))
    assert {a.audience: a.not_before for a in bench.of(TEAM)} == {
        "#logistics": bench.build.at(23),  # 8:00
        "finance@example.com": bench.now,
    }


def test_what_waits_for_the_morning_goes_at_once_when_it_becomes_urgent(noticing):
    bench = noticing(tables=QUIET, tracking_stalled={"notify": ["logistics"]})
    bench.pass_(14)
    bench.plan(bench.signal())
    bench.pass_(2)
    assert bench.due() == []
    bench.plan(bench.signal(severity=Severity.URGENT))
    assert only(bench.send_due()).occasion == "opened", "one message, as it is by now"
    bench.pass_(1)
    bench.plan(bench.signal(severity=Severity.URGENT))
    assert bench.due() == []


def test_customer_is_never_written_to_at_night_and_systems_never_sleep(noticing):
    bench = noticing(tables=QUIET, tracking_stalled={"customer_message": "mail", "log_back": ["wms"]})
    bench.pass_(14)
    bench.plan(bench.signal(severity=Severity.URGENT))
    assert only(bench.of(CUSTOMER)).not_before == bench.build.at(23)
    assert only(bench.of(TASK)).not_before == bench.now


# --- the rest of an issue's life ----------------------------------------------------------------------------------


def test_escalation_is_told_to_those_who_knew_it_milder(noticing):
    bench = noticing(tracking_stalled={"notify": ["logistics"]})
    bench.plan(bench.signal())
    bench.send_due()
    bench.pass_(3)
    bench.plan(bench.signal(severity=Severity.HIGH))
    told = only(bench.send_due())
    assert (told.occasion, told.notice.headline[:17]) == ("escalated", "More urgent now: ")
    bench.pass_(3)
    bench.plan(bench.signal(severity=Severity.HIGH, version=3))
    assert bench.due() == []


def test_deadline_that_passes_is_told_unless_it_recovered(noticing):
    rule = {"who": "finance", "when": ["deadline"], "after": "1h"}
    bench = noticing(tracking_stalled={"notify": [rule]})
    bench.plan(bench.signal(deadline=10))
    assert only(bench.of(TEAM)).not_before == bench.build.at(11)
    bench.plan(bench.signal(deadline=20))
    assert only(bench.of(TEAM)).not_before == bench.build.at(21)
    bench.pass_(12)
    bench.plan()
    assert only(bench.of(TEAM)).error == "recovered before it was sent"


def test_message_in_a_channel_is_written_anew_when_it_is_over_and_when_it_is_back(noticing):
    bench = noticing(tracking_stalled={"notify": ["logistics"]})
    bench.plan(bench.signal())
    first = only(bench.send_due())
    bench.pass_(1)
    bench.plan()
    edit = only(bench.due())
    assert (edit.follows, edit.is_edit, edit.lane) == (first.key, True, first.lane)
    assert edit.notice.headline.startswith("Solved: ")
    assert edit.notice.key == first.notice.key
    bench.send(edit)
    bench.pass_(1)
    bench.tables["detectors"]["tracking_stalled"] = {"notify": []}
    bench.plan(bench.signal())
    assert only(bench.due()).occasion == "returned"


def test_those_who_want_to_hear_of_the_end_do_and_only_they(noticing):
    rules = [{"who": "logistics", "when": ["opened", "solved"]}, "finance"]
    bench = noticing(tracking_stalled={"notify": rules})
    bench.plan(bench.signal())
    bench.send_due()
    bench.pass_(1)
    bench.plan()
    told = only(bench.due())
    assert (told.audience, told.occasion, told.is_edit) == ("#logistics", "solved", False)


def test_who_never_heard_of_it_does_not_hear_of_its_end(noticing):
    late, end = {"who": "logistics", "after": "2h"}, {"who": "logistics", "when": ["solved"]}
    bench = noticing(tracking_stalled={"notify": [late, end]})
    bench.plan(bench.signal())
    bench.plan()
    assert bench.of(TEAM, ActionState.PENDING) == []


def test_an_old_end_is_no_news(noticing):
    bench = noticing(tracking_stalled={"notify": ["logistics"]})
    bench.plan(bench.signal())
    bench.send_due()
    bench.plan()
    bench.send_due()
    bench.pass_(40)
    bench.tables["detectors"]["tracking_stalled"] = {"notify": [{"who": "logistics", "when": ["opened", "solved"]}]}
    bench.plan()
    assert bench.due() == []


# --- other systems ------------------------------------------------------------------------------------------------


def test_system_is_told_of_the_beginning_and_the_end_in_sequence(noticing):
    bench = noticing(tracking_stalled={"log_back": ["wms"], "owner": "logistics", "notify": ["wms"]})
    bench.plan(bench.signal())
    opened = only(bench.of(TASK))
    assert (opened.task.event, opened.task.order_name, opened.task.owner) == ("issue.opened", "#1001", "logistics")
    assert [(p.carrier, p.tracking_number) for p in opened.task.parcels] == [("ups", "1Z1")]
    bench.begin(opened)
    bench.plan()
    solved = bench.of(TASK)[1]
    assert (solved.task.event, solved.task.issue, solved.lane) == ("issue.solved", opened.task.issue, opened.lane)


def test_system_hears_nothing_of_what_was_over_before_it_was_told(noticing):
    bench = noticing(tracking_stalled={"log_back": ["wms", "erp"]})
    bench.plan(bench.signal())
    bench.plan()
    assert [a.state for a in bench.of(TASK)] == [ActionState.DONE] * 2
    assert all(a.error for a in bench.of(TASK))


# --- the customer -------------------------------------------------------------------------------------------------


def test_customer_is_told_nothing_by_default(noticing):
    bench = noticing(tracking_stalled={"notify": ["logistics"], "log_back": ["wms"]})
    bench.plan(bench.signal())
    assert bench.of(CUSTOMER) == []


def test_customer_is_answered_in_the_ticket_with_the_merchants_words(noticing):
    bench = noticing(tracking_stalled={"customer_message": "delay", "customer_wait": "4h"})
    bench.plan(bench.signal())
    told = only(bench.of(CUSTOMER))
    assert (told.connection, told.change.reply) == ("desk", "Hello Jane, UPS is slow with #1001.")
    assert (told.change.note, told.not_before) == ("", bench.build.at(4))
    assert told.lane != next(a for a in bench.actions.values() if a.kind is ActionKind.OPEN_TICKET).lane


def test_customer_hears_of_one_trouble_once_and_of_two_not_at_once(noticing):
    bench = noticing(tracking_stalled={"customer_message": "delay"}, payment_failed={"customer_message": "mail"})
    both = (bench.signal(), bench.signal(Kind.PAYMENT_FAILED))
    bench.plan(*both)
    first = only(bench.send_due())
    bench.pass_(1)
    bench.plan(*both)
    held = only(bench.of(CUSTOMER, ActionState.HELD))
    assert held.error == "the customer was told something 1 hour before"
    bench.pass_(30)
    bench.plan(*both)
    assert bench.due() == []
    assert [heard[1] for heard in bench.heard] == list(first.tells)


def test_customer_who_was_answered_just_now_is_not_told_again(noticing):
    bench = noticing(tracking_stalled={"customer_message": "delay", "customer_wait": "2h"})
    bench.plan(bench.signal())
    bench.pass_(1)
    answered = Contact(id="9", at=bench.build.at(0), channel="desk", answered_at=bench.now)
    bench.order = replace(bench.order, contacts=(answered,))
    bench.plan(bench.signal())
    assert only(bench.of(CUSTOMER)).state is ActionState.HELD
    assert any("an agent answered the customer 0 minutes ago" in text for text in bench.ticket_texts) or any(
        "has not been told by a message of ours" in text for text in bench.ticket_texts
    )


def test_message_with_a_gap_is_not_sent_and_the_ticket_says_why(noticing):
    bench = noticing(tracking_stalled={"customer_message": "date"})
    bench.plan(bench.signal())
    held = only(bench.of(CUSTOMER))
    assert held.state is ActionState.HELD
    assert held.error == 'the message needs {estimated_delivery}, not known for "date"'
    assert held.error in only(bench.ticket_texts)
    shipment = replace(bench.order.shipments[0], estimated_current=bench.build.at(200))
    bench.order = replace(bench.order, shipments=(shipment,))
    bench.plan(bench.signal())
    told = only(bench.of(CUSTOMER))
    assert (told.state, told.change.reply) == (ActionState.PENDING, "It comes Tue 24 Nov, track 1Z1.")


def test_message_that_cannot_be_addressed_is_held_back(noticing):
    bench = noticing(tracking_stalled={"customer_message": "mail"})
    bench.order = replace(bench.order, order=replace(bench.order.order, customer=None, email=None))
    bench.plan(bench.signal())
    assert only(bench.of(CUSTOMER)).error == "the message needs the customer's e-mail address, which is not known"


def test_ticket_that_exists_gets_one_note_about_a_message_held_back(noticing):
    bench = noticing(tracking_stalled={"customer_message": "date"})
    bench.tables["detectors"]["tracking_stalled"] = {}
    bench.plan(bench.signal())
    bench.open_ticket()
    bench.tables["detectors"]["tracking_stalled"] = {"customer_message": "date"}
    bench.plan(bench.signal())
    notes = [a for a in bench.actions.values() if a.kind is ActionKind.ADD_NOTE]
    assert "has not been told" in only(notes).change.note
    bench.open_ticket()
    bench.pass_(2)
    bench.plan(bench.signal(version=2))
    assert sum("has not been told by a message of ours" in text for text in bench.ticket_texts) == 1


def test_ticket_says_truly_what_the_customer_has_heard(noticing):
    bench = noticing(tracking_stalled={"customer_message": "mail"})
    bench.plan(bench.signal())
    assert "no previous notification has been sent." in only(bench.ticket_texts)
    bench.open_ticket()
    bench.send_due()
    bench.pass_(2)
    bench.plan(bench.signal(version=2))
    assert "and the customer was told 2 hours ago by e-mail." in bench.ticket_texts[-1]


def test_what_others_wrote_stays_on_one_line_and_without_braces(noticing):
    bench = noticing(tracking_stalled={"customer_message": "mail"})
    facts = bench.order.order
    customer = replace(facts.customer, name="Jane\r\nBcc: all@example.com {{ticket.requester.email}}")
    bench.order = replace(bench.order, order=replace(facts, customer=customer))
    bench.plan(bench.signal())
    body = only(bench.of(CUSTOMER)).letter.body
    assert body == "Hello Jane Bcc: all@example.com { {ticket.requester.email} }."


def test_nothing_is_planned_quickly_where_nobody_listens(noticing):
    bench = noticing()
    bench.plan(bench.signal())
    assert bench.notices == []


def test_failed_notice_is_left_to_people(noticing):
    bench = noticing(tracking_stalled={"notify": ["logistics"]})
    bench.plan(bench.signal())
    bench.finish(only(bench.of(TEAM)), ActionState.FAILED, error="no such channel")
    bench.pass_(1)
    bench.plan(bench.signal(version=2))
    assert only(bench.of(TEAM)).state is ActionState.FAILED


def test_a_courier_in_trouble_is_not_hurried(noticing):
    bench = noticing(tracking_stalled={"notify": ["logistics"]})
    bench.plan(bench.signal())
    told = only(bench.of(TEAM))
    later = bench.now + timedelta(minutes=5)
    bench.actions[told.key] = replace(told, error="Slack cannot be reached", not_before=later)
    bench.plan(bench.signal(version=2))
    assert only(bench.of(TEAM)).not_before == later
    assert "number 2" in only(bench.of(TEAM)).notice.headline
