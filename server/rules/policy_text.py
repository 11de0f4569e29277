"""This file is the policy that `beforehand init` writes: every key with its default."""

DEFAULT_POLICY_TOML = """\
# When does Beforehand open a ticket, and how. What a file leaves out has the default shown here.
# Durations are "45m", "48h", "2d". Conditions are CEL over `order` (value, currency, name, tags, country,
# shipping_method, items) and `customer` (vip, orders_count), as in: order.value > 200.0 && customer.vip
# `owner`, `notify` and `customer_message` are kept for what is to come: nothing acts on them yet.

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
notice = "18h"                  # the mere approach of the date warns nobody in its last hours; news still does

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
helpdesk = ""                   # name of the connection; needed only where a workspace has several helpdesks
group = ""                      # the helpdesk's id of the group that new tickets go to
ignore_after = "120d"           # an order without any news for this long is left alone

[detectors.payment_failed]
enabled = true
dry_run = false                 # true: record what would have been done, open nothing
wait = "45m"                    # a later attempt that succeeds within this time opens no ticket
when = ""
severity = "normal"             # low, normal, high, urgent; raised for VIPs, high values and near deadlines
owner = ""
notify = []
customer_message = ""

[detectors.tracking_stalled]
enabled = true
dry_run = false
wait = "0s"
threshold = "48h"               # of working time without a scan
when = ""
severity = "normal"
owner = ""
notify = []
customer_message = ""

[detectors.promise_at_risk]
enabled = true
dry_run = false
wait = "0s"
threshold = 0.6                 # how likely a missed promise must be, 0 to 1
when = ""
severity = "normal"
owner = ""
notify = []
customer_message = ""

[detectors.cancellation_after_fulfillment]
enabled = true
dry_run = false
wait = "0s"
when = ""
severity = "high"
owner = ""
notify = []
customer_message = ""
"""
