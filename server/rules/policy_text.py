"""This file is the policy that `beforehand init` writes: every key with its default.

The tables of the detectors are written from the defaults themselves and from `kinds.py`, so that they cannot differ.
"""

from datetime import timedelta

from server.model import Kind
from server.rules.kinds import SUMMARY
from server.rules.placeholders import PLACEHOLDERS
from server.rules.policy import APPROVAL_KINDS, DEFAULT_DETECTORS, DetectorPolicy

_HEAD = """\
# When does Beforehand open a ticket, and how. What a file leaves out has the default shown here.
# `beforehand policy check` reads it and names every mistake; a running server takes up a good file within seconds.
# docs/policy.md explains every key, with examples. Durations are "45m", "48h", "2d".

[calendar]
# Stalled tracking counts working time: weekends and holidays do not make a parcel late.
working_days = ["mon", "tue", "wed", "thu", "fri"]
opens = "00:00"
closes = "24:00"
holidays = ""                   # "US", or "US-CA" for a state: public holidays do not count either

[promise]
# The date that the customer was given. The shop's own date comes first, then a note of the checkout, then a rule.
attribute = ""                  # name of the order note that holds it, for example "delivery date"
# business_days = 5             # this many working days after the order was placed
notice = "24h"                  # the mere approach of the date warns nobody in its last hours; news still does

[high_value]
amount = "200.00"
currency = ""                   # empty: whatever the order's currency is

[vip]
tags = ["vip"]                  # of the customer or the order, in any case
# total_spent = "1000.00"
# orders_count = 10

[tickets]
join_customer_ticket = true     # put the finding into the customer's own open ticket about the order
note_every = "10m"              # at most one note in this time; what comes sooner is gathered
reopen_within = "72h"           # trouble that returns sooner re-opens its ticket, later gets a new one
most_reopenings = 3             # trouble that comes and goes more often stays in its ticket as notes
escalate_before = "24h"         # how long before its deadline an open issue is escalated
customer_told_within = "24h"    # a customer who was told anything about the order in this time is not told again
helpdesk = ""                   # name of the connection; needed only where a workspace has several helpdesks
group = ""                      # the helpdesk's group for tickets whose kind has no owner
ignore_after = "120d"           # an order without any news for this long is left alone

[quiet_hours]
# In this time of the day (of the workspace) people are told only what is urgent; the rest waits until it ends.
begins = "00:00"
ends = "00:00"                  # the same as begins: never quiet

# Who looks after tickets. Once there is one team, `owner` and `notify` below must name teams that are here.
# [teams.logistics]
# group = "360001234567"        # the helpdesk's id of the group, or its name where the connection knows it
# slack = "#logistics"
# email = "logistics@example.com"

# What customers may be told. In braces: {placeholders}
# [messages.delay]
# subject = "Your order {{order}}"
# body = "Hello {{first_name}}, {{carrier}} is slower than we promised. We are on it, and will write again."
# via = "helpdesk"              # or the name of an SMTP connection

# Who works here. However they come (helpdesk, chat, token, sign-in), they are one person.
# [people.dana]
# name = "Dana Reyes"
# email = "dana@example.com"    # whom a helpdesk or the sign-in vouches for with it is Dana
# role = "approver"             # agent asks, approver decides, admin configures
# identities = ["desk:9001", "chat:U02DANA", "token:dana"]   # a connection and the user's id there
# teams = ["logistics"]
# max_amount = "200.00"         # the most of one kind that Dana may approve on one order

# [approvals]
# helpdesk_admins_approve = true   # an admin of the helpdesk counts as an approver without being named

# Who may approve what: {approvals}
# [approvals.refund]
# enabled = true                # false: it cannot be asked for
# approvers = ["dana", "logistics"] # people or teams; empty: everybody with the role approver
# max_amount = "500.00"         # the most that may be approved here
# second_above = "200.00"       # more than this needs a second person
# max_per_order = "500.00"      # of all requests of this kind on one order together; else max_amount
# max_per_day = "2000.00"       # what one person may approve within 24 hours
# expires_after = "7d"
# remind_after = "4h"           # again and again; "0s": never
# record_only = false           # true: agreed to here, carried out by a person elsewhere
# notify = ["logistics"]          # teams, channels or connections that are told of a new request
# [[approvals.refund.rules]]    # the first whose condition holds replaces what it names
# when = "customer.vip"
# approvers = ["dana"]
# max_amount = "1000.00"
# second_above = "500.00"

# How each kind of trouble is treated.
#   enabled           false: it is not looked for
#   dry_run           true: record what would have been done, tell nobody
#   wait              how long it must hold before a ticket opens
#   threshold         what must be reached; each kind says what it measures
#   when              a condition in CEL: order.value > 200 && customer.vip
#   severity          low, normal, high, urgent; raised for VIPs, high values and near deadlines
#   owner             the team whose tickets they are
#   notify            teams, channels ("#alerts") or connections that are told when it opens or escalates; or with more:
#                     {{who = "logistics", when = ["opened", "escalated", "deadline", "solved"], after = "2h"}}
#   customer_message  which message the customer is sent; empty: none
#   customer_wait     how long after the ticket has opened
#   on_recovery       "solve" the ticket when it is over, or only "note" it
#   log_back          connections (webhook, CSV) that are told when it opens and ends
"""


def duration_text(length: timedelta) -> str:
    """A duration as a policy spells it."""
    minutes, seconds = divmod(length // timedelta(seconds=1), 60)
    if seconds or not minutes:
        return f"{60 * minutes + seconds}s"
    if minutes % 60:
        return f"{minutes}m"
    hours = minutes // 60
    return f"{hours}h" if hours % 24 or hours <= 96 else f"{hours // 24}d"


def threshold_text(detector: DetectorPolicy) -> str:
    """A threshold as a policy spells it: a duration in quotes, a whole number, or a share."""
    found = detector.threshold
    if isinstance(found, timedelta):
        return f'"{duration_text(found)}"'
    return f"{found:.0f}" if detector.within else str(found)


def _table(kind: Kind, detector: DetectorPolicy) -> str:
    lines = ["", f"# {SUMMARY[kind].trigger}", f"[detectors.{kind}]"]
    lines += [f"enabled = {str(detector.enabled).lower()}", f"dry_run = {str(detector.dry_run).lower()}"]
    lines += [f'wait = "{duration_text(detector.wait)}"']
    if detector.threshold is not None:
        lines.append(f"{f'threshold = {threshold_text(detector)}':<31} # {SUMMARY[kind].threshold}")
    if detector.within:
        lines.append(f'within = "{duration_text(detector.within)}"')
    lines += ['when = ""', f'severity = "{detector.severity}"', 'owner = ""', "notify = []", 'customer_message = ""']
    lines += [f'customer_wait = "{duration_text(detector.customer_wait)}"']
    lines += [f'on_recovery = "{detector.on_recovery}"', "log_back = []", ""]
    return "\n".join(lines)


DEFAULT_POLICY_TOML = _HEAD.format(placeholders=", ".join(PLACEHOLDERS), approvals=", ".join(APPROVAL_KINDS)) + "".join(
    _table(kind, DEFAULT_DETECTORS[kind]) for kind in Kind
)
