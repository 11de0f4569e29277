"""Six questions, answered for every kind by what the policy says."""

from server.model import Kind
from server.rules.explain import answers_for, explain


def stalled(build, **keys):
    policy = build.policy(
        teams={"logistics": {"group": "36", "slack": "#logistics", "email": "l@example.com"}},
        messages={"late": {"subject": "{order}", "body": "Sorry"}},
        detectors={"tracking_stalled": keys},
        tickets={"customer_told_within": "2d"},
    )
    return answers_for(Kind.TRACKING_STALLED, policy)


def test_every_kind_is_answered_in_full_sentences(build) -> None:
    answers = explain(build.policy())
    assert [each.kind for each in answers] == list(Kind)
    for each in answers:
        six = (each.owner, each.trigger, each.alerted, each.customer, each.later_scan, each.logged_back)
        assert all(text and "{" not in text for text in six), each.kind


def test_the_defaults_tell_nobody(build) -> None:
    found = answers_for(Kind.TRACKING_STALLED, build.policy())
    assert (found.owner, found.alerted, found.customer) == ("whoever takes it", "nobody", "not told")
    assert found.logged_back == "nothing"
    assert "Threshold: 48h (of working time without a scan)." in found.trigger
    assert found.later_scan.endswith("is solved, unless a person has worked on it.")
    assert Kind.CARRIER_EXCEPTION in found.silent_while


def test_what_the_policy_says_is_what_is_answered(build) -> None:
    found = stalled(
        build,
        owner="logistics",
        wait="45m",
        threshold="3d",
        when="customer.vip",
        notify=[
            "logistics",
            {"who": "#bosses", "when": ["deadline", "solved"]},
            {"who": "#x", "when": "opened", "after": "2h"},
        ],
        customer_message="late",
        customer_wait="1h",
        on_recovery="note",
        log_back=["wms", "erp"],
    )
    assert found.owner == "logistics (group 36)"
    assert found.trigger.endswith(
        "Threshold: 72h (of working time without a scan). A ticket opens once it has held for 45m. Only if customer.vip"
    )
    assert found.alerted == (
        "logistics (#logistics, l@example.com) when opened or escalated; #bosses when deadline or solved; "
        "#x 2h after it is opened"
    )
    assert (
        found.customer == '"late" 1h after the ticket has opened, in the ticket, unless told anything in the last 48h'
    )
    assert "stays open for a person to solve" in found.later_scan
    assert found.logged_back == "opening and end, to wms, erp"


def test_kinds_that_count_say_within_what_time(build) -> None:
    found = answers_for(Kind.INCIDENT, build.policy())
    assert "Threshold: 10 (orders with one cause) within 6h." in found.trigger
    assert (found.threshold, found.within) == ("10", "6h")


def test_tickets_of_nobody_go_to_everybodys_group(build) -> None:
    found = answers_for(Kind.PAYMENT_FAILED, build.policy(tickets={"group": "Support"}))
    assert found.owner == "group Support"
