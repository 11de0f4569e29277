"""This file says the figures of a replay in words, for the terminal and the report."""

from datetime import datetime
from zoneinfo import ZoneInfo

from server.flows.replay import Replayed


def summary(found: Replayed, zone: ZoneInfo) -> str:
    """The walk in a few sentences."""
    figures = found.figures
    begins, ends = (day(moment, zone) for moment in (figures.begins, figures.ends))
    text = (
        f"{figures.orders:,.0f} orders, {begins} to {ends}. Of {figures.measured:,.0f} promises whose day has come, "
        f"{figures.missed:,.0f} were missed{_of(figures.missed, figures.measured)}. "
    )
    if figures.censored or figures.without_promise:
        text += (
            f"Left out: {figures.censored:,.0f} whose promise lies after the end of the history, "
            f"{figures.without_promise:,.0f} without a promise. "
        )
    text += f"{figures.orders_with_alerts_per_1000:.1f} of 1,000 orders had an alert"
    if figures.complaints_preceded is None:
        return f"{text}."
    return f"{text}; {figures.complaints_preceded:.0%} of {figures.complaints:,.0f} complaints came after one."


def _of(part: float, whole: float) -> str:
    return f" ({part / whole:.1%})" if whole else ""


def share(found: float | None) -> str:
    return "" if found is None else f"{found:.1%}"


def lead(hours: float | None) -> str:
    """`2.5 days`, or hours where it is less than two."""
    if hours is None:
        return ""
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.0f} hours"


def day(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d}"


def time(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""
