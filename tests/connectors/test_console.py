"""This file tests the helpdesk that prints: what it shows, and that it is as strict as a real one."""

from datetime import UTC, datetime

import pytest

from connectors.connection import Connection
from connectors.console import Console, Settings, connect
from connectors.contract import Arrival, Collided, Helpdesk, Mailer, Missing, Notifier, Rejected, TaskSink
from connectors.model import Letter, Notice, Task, Ticket, TicketChange, TicketDraft

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONNECTION = Connection(workspace="acme", name="desk", clock=lambda: NOON)
DRAFT = TicketDraft(
    external_id="beforehand:acme:ab12",
    subject="Order #1001 has had no carrier scan for 48 hours",
    body="Evidence:\nlast scan in \x1b[31mReno",
    tags=("beforehand",),
    priority="high",
    requester_email="ann@example.com",
    order_reference="#1001",
)


class Screen:
    def __init__(self, settings: Settings | None = None) -> None:
        self.text = ""
        self.desk = Console(settings or Settings(), CONNECTION, self.write)

    def write(self, text: str) -> None:
        self.text += text


async def test_tickets_and_changes_are_shown_without_steering_the_terminal() -> None:
    screen = Screen()
    ticket = await screen.desk.open_ticket(screen.desk.render_open(DRAFT), "k")
    change = TicketChange(marker="bh-1", note="It moves again.", state="solved")
    await screen.desk.change_ticket(ticket, screen.desk.render_change(change))
    assert screen.text == (
        "[desk] ticket 1 opened, high: Order #1001 has had no carrier scan for 48 hours\n"
        "    Evidence:\n"
        "    last scan in  [31mReno\n"
        "[desk] ticket 1 solved: Order #1001 has had no carrier scan for 48 hours\n"
        "    It moves again.\n"
        "    Ref bh-1\n"
    )


async def test_quiet_one_prints_nothing() -> None:
    screen = Screen(Settings(quiet=True))
    await screen.desk.open_ticket(screen.desk.render_open(DRAFT), "k")
    assert screen.text == ""


async def test_it_prints_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    desk = connect(Settings(), CONNECTION)
    await desk.open_ticket(desk.render_open(DRAFT), "k")
    assert capsys.readouterr().out.startswith("[desk] ticket 1 opened")
    assert isinstance(desk, Helpdesk)


async def test_ticket_is_kept_as_it_was_opened() -> None:
    desk = Screen().desk
    opened = await desk.open_ticket(desk.render_open(DRAFT), "k")
    assert opened == Ticket(
        id="1",
        state="open",
        subject=DRAFT.subject,
        description=DRAFT.body,
        external_id=DRAFT.external_id,
        requester_email="ann@example.com",
        tags=("beforehand",),
        created_at=NOON,
        updated_at=NOON,
        version="1",
        order_references=("#1001",),
    )
    assert await desk.read_ticket("1") == await desk.find_ticket(DRAFT.external_id) == opened


async def test_customers_own_tickets_are_not_those_that_we_opened() -> None:
    desk = Screen().desk
    await desk.open_ticket(desk.render_open(DRAFT), "ours")
    for number in (1, 2):
        theirs = TicketDraft(external_id="", subject=f"{number}", body="b", requester_email="ann@example.com")
        await desk.open_ticket(desk.render_open(theirs), f"theirs {number}")
    await desk.change_by_hand("2", "closed")
    assert [ticket.id for ticket in await desk.tickets_of(" ANN@example.com")] == ["3"]


async def test_agent_at_work_is_noticed() -> None:
    desk = Screen().desk
    opened = await desk.open_ticket(desk.render_open(DRAFT), "k")
    assert not await desk.was_touched_by_a_person(opened)
    solved = await desk.change_by_hand("1", "solved")
    assert await desk.was_touched_by_a_person(solved)
    with pytest.raises(Collided):
        await desk.change_ticket(opened, desk.render_change(TicketChange(marker="m")))
    closed = await desk.change_by_hand("1", "closed")
    with pytest.raises(Rejected, match="closed"):
        await desk.change_ticket(closed, desk.render_change(TicketChange(marker="m")))


async def test_bytes_of_something_else_are_rejected() -> None:
    desk = Screen().desk
    with pytest.raises(Rejected):
        await desk.open_ticket(b"{}", "k")
    with pytest.raises(Missing):
        await desk.change_by_hand("1", "open")
    assert await desk.check() == "tickets are printed here and kept until the process ends"


async def test_messages_and_tasks_are_shown_once_each() -> None:
    screen = Screen()
    notice = Notice(key="a", to="#logistics", headline="Order #1 is late", text="Order #1 is late.\x1b[31m")
    letter = Letter(key="b", to="ann@example.com", subject="Your order", body="Hello", written_at=NOON)
    facts = {"event": "issue.opened", "issue": "i", "kind": "k", "severity": "high", "order": "1", "workspace": "acme"}
    task = Task(key="c", at=NOON, order_name="#1", text="Stop it.", **facts)
    desk = screen.desk
    for _ in range(2):
        await desk.send(desk.render_notice(notice), notice.key)
        await desk.send(desk.render_letter(letter), letter.key)
        await desk.send(desk.render_task(task), task.key)
    assert screen.text == (
        "[desk] to #logistics: Order #1 is late\n    Order #1 is late. [31m\n"
        "[desk] to ann@example.com: Your order\n    Hello\n"
        "[desk] task issue.opened #1\n    Stop it.\n"
    )
    assert await desk.arrival(b"", "a", NOON) is Arrival.REPEATABLE
    assert isinstance(desk, Notifier)
    assert isinstance(desk, Mailer)
    assert isinstance(desk, TaskSink)


async def test_reply_is_shown_as_one_to_the_customer() -> None:
    screen = Screen()
    ticket = await screen.desk.open_ticket(screen.desk.render_open(DRAFT), "k")
    screen.text = ""
    await screen.desk.change_ticket(ticket, screen.desk.render_change(TicketChange(marker="bh-1", reply="Hello Ann")))
    assert screen.text.startswith("[desk] ticket 1 to the customer: Order #1001")
    assert "Hello Ann" in screen.text
