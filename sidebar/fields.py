"""This file draws a panel as flat fields, for helpdesks that show plain rows and links and no page of ours (Gorgias).

Every value is plain text that means nothing to whoever shows it: no markup, no template, no control characters.
"""

import re
from collections.abc import Sequence

from sidebar.html import safe_link, showable
from sidebar.panel import Candidate, Panel, Trouble
from sidebar.tones import Tone

LONGEST_VALUE = 300
MOST_SHIPMENTS = 3
MOST_ORDERS = 5
FIELDS = {
    "order": "Order",
    "status": "Status",
    "customer": "Customer",
    "total": "Total",
    "payment": "Payment",
    "payment_problem": "Payment problem",
    "refundable": "Can be refunded",
    "promise": "Delivery promise",
    "risk": "Risk",
    "shipment": "Shipment",
    "last_scan": "Last scan",
    "tracking": "Tracking",
    "issues": "Open issues",
    "told": "Customer was told",
    "requests": "Approvals",
    "message": "Note",
    "orders": "Orders that may be meant",
    "trouble": "Not up to date",
    "as_of": "As of",
    "link": "Open in Beforehand",
}
"""Every field that there may be, with what people call it. All are there every time, empty where nothing is known."""
_TEMPLATE = re.compile(r"\{(?=[{%#])")
_SPACE = re.compile(r"\s+")


def fields(panel: Panel, link: str) -> dict[str, str]:
    """The order of a panel as rows. *link* is the address of our own page about it."""
    header, promise = panel.header, panel.promise
    shipment = panel.shipments[0] if panel.shipments else None
    more = len(panel.shipments) - 1
    payments = panel.payments
    values = {
        "order": header.name if header else "",
        "status": ", ".join(pill.text for pill in header.pills) if header else "",
        "customer": header.line if header else "",
        "total": _row(header.rows, "Total") if header else "",
        "payment": "; ".join(f"{paid.title}: {paid.pill.text}" for paid in payments),
        "payment_problem": "; ".join(paid.problem for paid in payments if paid.problem),
        "refundable": "; ".join(filter(None, (_row(paid.rows, "Can be refunded") for paid in payments))),
        "promise": f"{promise.pill.text}: {promise.line}" if promise else "",
        "risk": ". ".join(filter(None, (promise.risk, *promise.reasons))) if promise else "",
        "shipment": f"{shipment.title}: {shipment.pill.text}{f' (and {more} more)' if more > 0 else ''}"
        if shipment
        else "",
        "last_scan": _last_scan(panel),
        "tracking": ", ".join(found.number for found in panel.shipments[:MOST_SHIPMENTS] if found.number),
        "issues": "; ".join(map(_issue, panel.troubles)),
        "told": "; ".join(f"{told.when}: {told.text}" for told in panel.notifications[:2]),
        "requests": "; ".join(f"{found.title}: {found.pill.text}" for found in panel.requests[:3]),
        "message": panel.message,
        "orders": "; ".join(map(_candidate, panel.candidates[:MOST_ORDERS])),
        "trouble": "; ".join(f"{found.name}: {found.text}" for found in panel.sources if found.tone is Tone.BAD),
        "as_of": panel.as_of,
        "link": safe_link(link),
    }
    return {name: values[name] if name == "link" else plain(values[name]) for name in FIELDS}


def plain(text: str) -> str:
    """A text that stays a text: on one line, not endless, and with nothing in it to be filled in."""
    line = _TEMPLATE.sub("{ ", _SPACE.sub(" ", str(showable(text))).strip())
    line = line.replace("<", "\u2039").replace(">", "\u203a")
    return line if len(line) <= LONGEST_VALUE else f"{line[: LONGEST_VALUE - 1]}…"


def _row(rows: Sequence[object], label: str) -> str:
    return next((getattr(row, "value", "") for row in rows if getattr(row, "label", "") == label), "")


def _issue(trouble: Trouble) -> str:
    return f"{trouble.headline} ({trouble.pill.text})"


def _candidate(found: Candidate) -> str:
    match = f" (found by {found.match})" if found.match else ""
    return f"{found.title}, {found.line}{match}" if found.line else f"{found.title}{match}"


def _last_scan(panel: Panel) -> str:
    scans = [scan for shipment in panel.shipments for scan in shipment.scans[:1]]
    if not scans:
        return ""
    scan = scans[0]
    return " · ".join(part for part in (scan.when, scan.text, scan.place, scan.gap or scan.ago) if part)
