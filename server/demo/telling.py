"""This file prints what happens in the demo, calmly: the time on its clock, the order, and what came of it."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import Console

from server.demo.happenings import Step
from server.demo.sender import Sender
from server.demo.stories import NEW_YORK
from server.demo.world import WORKSPACE
from server.demo.zendesk_state import Ticket
from server.flows.deliver import Happened

_MARKS = {
    "ticket_opened": ("bold red", "ticket opened"),
    "ticket_joined": ("bold yellow", "note in the customer's own ticket"),
    "follow_up_opened": ("bold red", "follow-up opened"),
    "note_added": ("yellow", "note added"),
    "ticket_solved": ("bold green", "ticket solved"),
    "ticket_reopened": ("bold red", "ticket re-opened"),
    "team_told": ("cyan", "team told in Slack"),
    "message_changed": ("green", "message in Slack changed"),
    "task_handed_over": ("cyan", "warehouse told"),
    "action_delayed": ("yellow", "no answer, trying again"),
    "action_failed": ("bold red", "could not be delivered"),
}
_INDENT = " " * 27


class Teller:
    """Writes to the terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    @property
    def is_watched(self) -> bool:
        """Whether a person may be reading along."""
        return self._console.is_terminal

    def introduce(self, desk_url: str, server_url: str) -> None:
        """What there is, and where."""
        self._console.print(
            "[bold]Beforehand[/] with a simulated shop, payment processor, two carriers, two helpdesks, Slack, "
            "warehouse and sign-in."
        )
        self._console.print(f"  Helpdesk, with the sidebar beside each ticket  [bold cyan]{desk_url}[/]")
        queue = f"{server_url}/app/{WORKSPACE}/approvals"
        self._console.print(f"  Requests that wait for a decision              {queue}")
        self._console.print(f"  Beforehand's own server                        {server_url}")
        self._console.print(f"  What it can be asked                           {server_url}/schema")
        self._console.print("Several orders' lives follow. The clock leaps from one event to the next.\n", style="dim")

    def tell_step(self, at: datetime, step: Step) -> None:
        """What happens in the world."""
        self._console.print(f"[dim]{_time(at)}[/]  {step.order}  ", end="")
        self._console.print(step.text, markup=False)

    def tell_happened(self, happened: Happened) -> None:
        """What Beforehand made of it."""
        if happened.kind not in _MARKS:
            return
        style, words = _MARKS[happened.kind]
        number = f" {happened.ticket_id}" if happened.ticket_id else ""
        self._console.print(f"[dim]{_time(happened.at)}[/]           [{style}]▸ {words}{number}[/]")
        first, _, _ = happened.text.partition("\n")
        self._console.print(f"{_INDENT}{first}", style="dim", markup=False)

    def conclude(self, sender: Sender, tickets: Iterable[Ticket]) -> None:
        """What has become of it all."""
        repeats = f"{sender.duplicates} more were repeats and changed nothing"
        self._console.print(f"\n{sender.accepted} webhooks were taken in, {repeats}.")
        self._console.print("Tickets in the helpdesk now:")
        for ticket in tickets:
            self._console.print(f"  {ticket.id}  {ticket.status:8}{ticket.subject}", markup=False)

    def invite(self, desk_url: str, context_url: str, token: str) -> None:
        """Where to go on."""
        self._console.print(f"\nOpen [bold cyan]{desk_url}[/] and choose a ticket. Or ask as a program would:")
        self._console.print(f"  curl -s -H 'Authorization: Bearer {token}' {context_url}", markup=False)

    def wait(self) -> None:
        """It goes on."""
        self._console.print("\nEverything keeps running. Ctrl-C ends it and throws it away.", style="dim")


def _time(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M}"
