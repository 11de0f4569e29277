"""This file is how the commands about the policy look in a terminal."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from server.flows.policy_check import Checked
from server.model import JsonObject
from server.rules.explain import Answers
from server.terminal import harmless, out

_QUESTIONS = ("owns the ticket", "what triggers it", "who is alerted", "customer is told", "later scans", "logged back")
_WIDTHS = (2, 5, 3, 3, 4, 2)
_NARROW = 130
"""Columns of a terminal below which a table of seven columns cannot be read."""


def show_checked(checked: Checked) -> None:
    """Good or not, and every mistake on a line of its own."""
    if checked.ok:
        _line(f"{checked.path}: good")
    for mistake in checked.mistakes:
        _line(f"{checked.path}: {mistake}", style="bold red")
    for remark in checked.remarks:
        _line(f"{checked.path}: {remark}", style="yellow")


def show_answers(answers: Sequence[Answers]) -> None:
    """One row a kind, one column a question; in a narrow terminal one paragraph a kind."""
    if out.width < _NARROW:
        for each in answers:
            _line(f"\n{each.kind} ({_state(each)})", style="bold")
            for question, answer in zip(_QUESTIONS, _six(each), strict=True):
                out.print(f"  {question + ':':<18}{harmless(answer)}", highlight=False)
        return
    table = Table(header_style="bold", show_lines=True)
    table.add_column("kind", no_wrap=True)
    for question, width in zip(_QUESTIONS, _WIDTHS, strict=True):
        table.add_column(question, overflow="fold", ratio=width)
    for each in answers:
        table.add_row(f"{each.kind}\n{_state(each)}", *map(harmless, _six(each)), style="" if each.enabled else "dim")
    out.print(table)


def _six(each: Answers) -> tuple[str, ...]:
    return each.owner, each.trigger, each.alerted, each.customer, each.later_scan, each.logged_back


def _state(each: Answers) -> str:
    if not each.enabled:
        return "off"
    return f"dry run, {each.severity}" if each.dry_run else each.severity.value


def show_news(answer: JsonObject) -> None:
    """What came of reading policy files again."""
    if not answer["running"]:
        _line("no server is running: the policy is read when it starts")
    for each in answer["policies"]:
        place = f"{each['workspace']}: {each['path'] or 'every default'}"
        refused = f" (the policy before it stays): {each['message']}" if each["outcome"] == "refused" else ""
        _line(f"{place}: {each['outcome']}{refused}", style="bold red" if refused else "")


def show_tried(tried: JsonObject) -> None:
    """What would happen to an order, part by part."""
    _line(f"Order {tried['name']} ({tried['shop']}/{tried['order']}) at {tried['at']}", style="bold")
    _line(f"promise: {tried['promise']}")
    for table, facts in tried["facts"].items():
        _line(f"{table}: " + ", ".join(f"{name} = {value!r}" for name, value in facts.items()))
    _part("Found", tried["signals"], _show_signal)
    _part("Silent", tried["silent"], lambda each: _line(f"- {each['kind']}: {each['why']}"))
    _part("Issues", tried["issues"], _show_issue)
    _part("Would be sent", tried["actions"], _show_action)
    if tried["review_at"]:
        _line(f"\nSilence alone may change this at {tried['review_at']}")


def _part(title: str, entries: Sequence[Any], show: Any) -> None:
    _line(f"\n{title}", style="bold")
    for entry in entries:
        show(entry)
    if not entries:
        _line("nothing")


def _show_signal(signal: JsonObject) -> None:
    opens = "opens now" if signal["opens_now"] else f"opens at {signal['opens_at']} if it holds"
    _line(f"- {signal['kind']} ({signal['severity']}): {signal['headline']}; {opens}")
    for reason in signal["reasons"]:
        _line(f"    because: {reason}")
    answers = signal["answers"]
    for name in ("owner", "alerted", "customer", "later_scan", "logged_back"):
        _line(f"    {name.replace('_', ' ')}: {answers[name]}")


def _show_issue(issue: JsonObject) -> None:
    _line(f"- {issue['kind']} {issue['change']}{' (dry run: nobody is told)' if issue['dry_run'] else ''}")


def _show_action(action: JsonObject) -> None:
    where = " ".join(part for part in (action["connection"], action["to"]) if part)
    extra = ", ".join(f"{name} {action[name]}" for name in ("group", "priority") if action[name])
    _line(f"- {action['kind']} through {where}{f' ({extra})' if extra else ''}, not before {action['not_before']}")
    if action["subject"]:
        _line(f"    {action['subject']}")
    for line in action["text"].splitlines():
        _line(f"    | {line}")


def _line(text: str, style: str = "") -> None:
    printable = "\n".join("".join(c if c.isprintable() else " " for c in line) for line in text.split("\n"))
    out.print(printable, style=style, highlight=False, soft_wrap=True, markup=False)
