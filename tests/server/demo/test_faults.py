"""The stories through the real server while something goes wrong: no second ticket, nothing lost, nothing hidden."""

from datetime import timedelta
from random import Random

import pytest

from server.demo import zendesk_app
from server.demo.fake import DOWN, HTML, LOST, REFUSED, Fake, too_many
from server.demo.sender import Sender
from server.demo.world import WORKSPACE
from server.demo.zendesk_state import written

DECLINED = "#48207"
STALLED = "#48219"


async def silent(*_):
    """Nobody watches."""


def writes(fake: Fake):
    return [(call.method, call.path) for call in fake.calls if call.method in ("POST", "PUT")]


def state(world):
    """All that agents can see."""
    return {number: (ticket.body(), ticket.comments) for number, ticket in world.zendesk.desk.tickets.items()}


class Remembering(Sender):
    """Keeps what it has sent."""

    def __init__(self, server, seed):
        super().__init__(server.client, WORKSPACE, Random(seed))
        self.sent = []

    async def send(self, letters):
        new = list(letters)
        self.sent += new
        await super().send(new)


async def test_everything_sent_once_more_in_another_order_changes_nothing(server):
    sender = Remembering(server, 7)
    await server.player(sender=sender).play(silent)
    before, written = state(server.world), writes(server.world.zendesk)
    again = Sender(server.client, WORKSPACE, Random(8))
    await again.send(_signed_again(letter, server) for letter in sender.sent)
    await server.engine.settle()
    assert (again.accepted, again.duplicates > len(sender.sent)) == (0, True)
    assert (state(server.world), writes(server.world.zendesk)) == (before, written)


def _signed_again(letter, server):
    """Signatures that cover a time hold for some minutes only."""
    if letter.connection == "payments":
        return server.world.stripe.signed_again(letter)
    if letter.connection == "desk":
        return zendesk_app.signed(letter, written(server.clock()), "sent again")
    return letter


def first_times(many, mishap, *, method, ending):
    """Happens to the first *many* of such calls."""
    left = [mishap] * many

    def misbehaves(call):
        return left.pop() if left and call.method == method and call.path.endswith(ending) else None

    return misbehaves


@pytest.mark.parametrize("mishap", [LOST, DOWN, HTML, too_many(20)], ids=["lost", "down", "HTML", "too many"])
async def test_a_creation_that_goes_wrong_makes_one_ticket(server, mishap):
    server.world.zendesk.misbehaves = first_times(2, mishap, method="POST", ending="/tickets")
    await server.player(only=DECLINED).play(silent)
    assert [ticket.subject for ticket in server.world.zendesk.desk.tickets.values()] == [
        "Order #48207 has a failed payment of $145.00"
    ]
    bodies = {call.body for call in server.world.zendesk.calls if call.method == "POST"}
    keys = {call.headers["idempotency-key"] for call in server.world.zendesk.calls if call.method == "POST"}
    assert (len(bodies), len(keys)) == (1, 1)


async def test_a_note_whose_answer_was_lost_is_written_once(server):
    server.world.zendesk.misbehaves = first_times(1, LOST, method="PUT", ending="")
    await server.player(only=STALLED).play(silent)
    (ticket,) = server.world.zendesk.desk.tickets.values()
    assert ticket.status == "solved"
    # One note for the risk that joined in, one as it was solved.
    assert len(ticket.comments) == len({comment.body for comment in ticket.comments}) == 3


async def test_a_helpdesk_that_refuses_our_access_is_written_to_once_it_takes_us_again(server):
    desk = server.world.zendesk
    desk.standing_mishap = REFUSED
    await server.player(only=DECLINED).play(silent)
    assert desk.desk.tickets == {}
    desk.standing_mishap = None
    server.clock.advance(timedelta(hours=1))
    await server.engine.settle()
    assert [ticket.status for ticket in desk.desk.tickets.values()] == ["open"]


@pytest.mark.parametrize(
    ("name", "mishap"), [("shop", HTML), ("shop", REFUSED), ("payments", DOWN), ("ups", too_many(30))]
)
async def test_a_source_that_fails_says_so_and_the_others_answer(server, name, mishap):
    await server.player(only=STALLED).play(silent)
    server.world.fakes[name].standing_mishap = mishap
    found = (await server.get("/v1/orders/acme/48219/context")).json()
    told = {source["connection"]: source for source in found["sources"]}
    assert told[name]["status"] in ("error", "stale")
    assert told[name]["error"]
    # EasyPost is asked in the place of UPS, and has no tracker for this parcel.
    others = {other: each["status"] for other, each in told.items() if other not in (name, "tracking")}
    assert others == dict.fromkeys({"shop", "payments", "ups", "desk", "inbox"} - {name}, "ok")
    assert found["order"]["name"] == STALLED


async def test_a_carrier_that_never_answers_is_named_and_keeps_nobody_waiting(server):
    await server.player(only="#48230").play(silent)
    found = (await server.get("/v1/orders/acme/48230/context?wait=0.3")).json()
    told = {source["connection"]: source for source in found["sources"]}
    assert (told["ups"]["status"], told["shop"]["status"], told["payments"]["status"]) == ("timeout", "ok", "ok")
    assert "UPS" in told["ups"]["error"]
    server.world.ups.patience.set()


@pytest.mark.parametrize(("number", "state", "tries"), [("48204", "paid", 2), ("48207", "failed", 2)])
async def test_one_payment_told_by_shop_and_processor_stays_one(server, number, state, tries):
    await server.player(only=f"#{number}").play(silent)
    for live in ("false", "true"):
        found = (await server.get(f"/v1/orders/acme/{number}/context?live={live}")).json()
        assert [(payment["state"], len(payment["attempts"])) for payment in found["payments"]] == [(state, tries)]
