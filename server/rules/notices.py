"""This file decides whom else to tell of an order's issues, when and how: teams, other systems, the customer.

It follows what `plan` has decided, from the same facts, and is as pure. Nobody is told of one turn of one issue twice,
by whatever way; a notice that nobody has sent yet is written anew, or given up when the order recovers. What several
issues have to say to the same people at the same moment is one notice.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from connectors.model import TicketChange
from server.model import Action, ActionKind, ActionState, Assessment, Issue, IssueState, Kind, OrderView, Severity
from server.rules import routing, wording
from server.rules.notice_audience import Audience, audiences
from server.rules.notice_edits import edits
from server.rules.notice_text import NoticeText
from server.rules.outbox import marker_of
from server.rules.outlets import Outlets
from server.rules.policy import Message, Occasion, Policy
from server.rules.ticket_text import TicketText
from server.rules.told import CUSTOMER, customer_told_at, is_settled, sent_at, was_sent

RECOVERED = "recovered before it was sent"
NEEDS = "the message needs"
"""How a reason begins that may go away: what is missing today may be known tomorrow."""
STILL_NEWS = timedelta(hours=1)
"""So long after the end of an issue somebody may still be told of it for the first time."""


def plan_notices(
    order: OrderView,
    assessment: Assessment,
    issues: Sequence[Issue],
    actions: Sequence[Action],
    policy: Policy,
    *,
    outlets: Outlets,
    now: datetime,
) -> tuple[Action, ...]:
    """The notices to store, new or changed. *issues* and *actions* are all of this order as `plan` leaves them."""
    known = [action for action in actions if action.kind.is_notice and not action.approval]
    if not known and not any(_is_told(issue, policy) for issue in issues):
        return ()
    planning = _Planning(order, assessment, issues, actions, policy, outlets, now)
    planning.run()
    return planning.changed


def _is_told(issue: Issue, policy: Policy) -> bool:
    detector = policy.detectors[issue.kind]
    return bool(detector.notify or detector.log_back or detector.customer_message) and not issue.is_quiet


class _Turn(Struct, frozen=True):
    """Somebody is to be told of one turn of one issue, *after* it."""

    issue: Issue
    occasion: Occasion
    name: str
    """By which it is told once."""
    at: datetime | None = None
    """When it comes, where that is not now."""


class _Planning:
    """One run of `plan_notices`; collects changes."""

    def __init__(
        self,
        order: OrderView,
        assessment: Assessment,
        issues: Sequence[Issue],
        actions: Sequence[Action],
        policy: Policy,
        outlets: Outlets,
        now: datetime,
    ) -> None:
        self._order = order
        self._actions = {action.key: action for action in actions if action.kind.is_notice and not action.approval}
        self._before = dict(self._actions)
        self._policy = policy
        self._outlets = outlets
        self._now = now
        self._assessment = assessment
        self._text = self._written()
        self._signals = {signal.kind: signal for signal in assessment.signals}
        found = list(self._signals)
        # As the ticket has them: what leads comes first.
        self._issues = sorted(issues, key=lambda i: found.index(i.kind) if i.kind in found else len(found))
        self._owed: set[str] = set()

    @property
    def changed(self) -> tuple[Action, ...]:
        return tuple(action for action in self._actions.values() if action != self._before.get(action.key))

    def run(self) -> None:
        self._tell_customer()
        # Others are told, too, what the customer has and has not been told.
        self._text = self._written()
        self._tell_listeners()
        for key, action in list(self._actions.items()):
            if action.state is ActionState.PENDING and key not in self._owed and not action.is_edit:
                self._put(replace(action, state=ActionState.DONE, error=self._why(action), finished_at=self._now))
        for edit in edits(self._actions.values(), self._issues, self._outlets, self._text, self._now):
            self._put(edit)

    def _written(self) -> NoticeText:
        actions = tuple(self._actions.values())
        text = TicketText(self._order, self._assessment, self._now, self._policy, actions)
        return NoticeText(self._order, self._assessment, self._policy, self._now, text)

    def _put(self, action: Action) -> None:
        self._actions[action.key] = action

    def _why(self, action: Action) -> str:
        """Why a notice is not owed any more."""
        names = {turn.partition(":")[0] for turn in action.tells}
        lasting = any(issue.id in names and issue.state is IssueState.OPEN for issue in self._issues)
        return "no longer called for" if lasting else RECOVERED

    # --- teams and other systems --------------------------------------------------------------------------------------

    def _tell_listeners(self) -> None:
        """One notice for every audience that has not heard of something yet."""
        gathered: dict[tuple[str, Occasion, timedelta], tuple[Audience, list[_Turn]]] = {}
        for turn in self._turns():
            for audience in audiences(turn.issue, turn.occasion, self._policy, self._outlets):
                if not self._is_due(turn, audience):
                    continue
                if audience.is_sink:
                    self._hand_over(turn, audience)
                else:
                    place = (audience.name, turn.occasion, audience.after)
                    gathered.setdefault(place, (audience, []))[1].append(turn)
        for audience, turns in gathered.values():
            self._notify(audience, turns)

    def _turns(self) -> Iterable[_Turn]:
        """What there may be to tell of each issue as it stands."""
        for issue in self._issues:
            if issue.is_quiet or issue.reopened > self._policy.most_reopenings:
                continue
            time = issue.reopened
            if issue.state is IssueState.SOLVED:
                yield _Turn(issue, Occasion.SOLVED, f"{issue.id}:solved:{time}")
                continue
            if issue.kind not in self._signals:
                continue
            yield _Turn(issue, Occasion.OPENED, f"{issue.id}:opened:{time}")
            if issue.escalated_at is not None:
                yield _Turn(issue, Occasion.ESCALATED, f"{issue.id}:escalated:{issue.severity}:{time}")
            # As it is by now: the issue keeps the one that was told in its ticket.
            if (deadline := self._signals[issue.kind].deadline) is not None and deadline > issue.opened_at:
                yield _Turn(issue, Occasion.DEADLINE, f"{issue.id}:deadline:{time}", deadline)

    def _is_due(self, turn: _Turn, audience: Audience) -> bool:
        """Whether this audience is still to hear of it."""
        heard = [a for a in self._actions.values() if a.audience == audience.name and is_settled(a)]
        if any(turn.name in action.tells for action in heard):
            return False
        of_issue = [a for a in heard if any(told.startswith(f"{turn.issue.id}:") for told in a.tells)]
        if turn.occasion is Occasion.SOLVED:
            time = f":{turn.issue.reopened}"
            is_news = self._now - (turn.issue.solved_at or self._now) < STILL_NEWS
            was_told = any(was_sent(a) and any(told.endswith(time) for told in a.tells) for a in of_issue)
            return was_told and (is_news or self._waiting(_key(turn.name, audience.name)))
        if turn.occasion is Occasion.ESCALATED:
            # Who hears of it only now, or heard of it as it is by now, needs no second word.
            listens = audiences(turn.issue, Occasion.OPENED, self._policy, self._outlets)
            is_told = any(each.name == audience.name for each in listens)
            return not is_told or any(sent_at(action) < _escalated_at(turn.issue) for action in of_issue)
        return True

    def _notify(self, audience: Audience, turns: Sequence[_Turn]) -> None:
        leading = next((t for t in turns if self._waiting(_key(t.name, audience.name))), turns[0])
        ordered = [leading.issue, *(turn.issue for turn in turns if turn is not leading)]
        key, severity = _key(leading.name, audience.name), max((i.severity for i in ordered), key=lambda s: s.rank)
        self._owe(
            self._action(
                key,
                ActionKind.NOTIFY_TEAM,
                audience.connection,
                ordered,
                audience=audience.name,
                occasion=leading.occasion,
                tells=tuple(turn.name for turn in turns),
                notice=self._text.notice(key, audience.address, ordered, leading.occasion),
            ),
            lambda planned_at: routing.told_at(
                max(planned_at, leading.at or planned_at) + audience.after, severity, self._policy
            ),
        )

    def _hand_over(self, turn: _Turn, audience: Audience) -> None:
        key = _key(turn.name, audience.name)
        first = next((a for a in self._actions.values() if a.audience == audience.name and _is_of(a, turn.issue)), None)
        self._owe(
            self._action(
                key,
                ActionKind.LOG_BACK,
                audience.connection,
                [turn.issue],
                audience=audience.name,
                occasion=turn.occasion,
                tells=(turn.name,),
                # In sequence: no system should hear of an end before it hears of the beginning.
                follows=first.key if first is not None and first.key != key and turn.at is None else "",
                task=self._text.task(key, turn.issue, turn.occasion),
            ),
            lambda planned_at: max(planned_at, turn.at or planned_at) + audience.after,
        )

    # --- the customer -------------------------------------------------------------------------------------------------

    def _tell_customer(self) -> None:
        """At most one message is on its way at a time; the customer hears of one trouble once."""
        for issue in self._issues:
            message = routing.message_for(issue.kind, self._policy)
            if issue.state is not IssueState.OPEN or issue.is_quiet or message is None or issue.kind is Kind.INCIDENT:
                continue
            connection = self._outlets.for_customer(message)
            turn = f"{issue.id}:{CUSTOMER}"
            known = self._actions.get(_key(turn, CUSTOMER))
            if (
                not connection
                or issue.kind not in self._signals
                or (known and is_settled(known) and not _may_change(known))
            ):
                continue
            if any(self._is_on_its_way(action) for action in self._actions.values()):
                continue
            self._message(issue, message, connection, turn)

    def _is_on_its_way(self, action: Action) -> bool:
        """Whether it may reach the customer soon, or not: what else there is to say waits for that."""
        is_message = action.kind is ActionKind.MESSAGE_CUSTOMER
        return is_message and (action.key in self._owed or action.state is ActionState.SENDING)

    def _message(self, issue: Issue, message: Message, connection: str, turn: str) -> None:
        key = _key(turn, CUSTOMER)
        in_ticket = connection == self._outlets.helpdesk
        if in_ticket and issue.ticket is not None:
            connection = issue.ticket.connection
        action = self._action(
            key, ActionKind.MESSAGE_CUSTOMER, connection, [issue], audience=CUSTOMER, occasion="opened", tells=(turn,)
        )
        if reason := self._why_not_customer(message):
            known = self._actions.get(key)
            if known is None or known.state is ActionState.PENDING or known.error != reason:
                base = known or action
                self._put(replace(base, state=ActionState.HELD, error=reason, finished_at=self._now, request=None))
            return
        if in_ticket:
            action = replace(action, change=TicketChange(marker=marker_of(key), reply=self._text.reply(message)))
        else:
            action = replace(action, letter=self._text.letter(key, message))
        wait = self._policy.detectors[issue.kind].customer_wait
        # Nobody wakes a customer, however urgent it is for us.
        self._owe(action, lambda planned_at: routing.told_at(planned_at + wait, Severity.NORMAL, self._policy))

    def _why_not_customer(self, message: Message) -> str:
        if not self._text.email:
            return f"{NEEDS} the customer's e-mail address, which is not known"
        if missing := self._text.missing(message):
            return f'{NEEDS} {wording.listed([f"{{{name}}}" for name in missing])}, not known for "{message.name}"'
        told_at = customer_told_at(self._order, self._actions.values())
        if told_at is not None and told_at + self._policy.customer_told_within > self._now:
            return f"the customer was told something {wording.span(self._now - told_at)} before"
        return ""

    # --- the outbox of notices ----------------------------------------------------------------------------------------

    def _action(
        self,
        key: str,
        kind: ActionKind,
        connection: str,
        issues: Sequence[Issue],
        **facts: object,
    ) -> Action:
        values: dict[str, object] = {
            "key": key,
            "order": self._order.key,
            "kind": kind,
            "connection": connection,
            "issue_ids": tuple(issue.id for issue in issues),
            "lead": issues[0].lead or issues[0].id,
            "created_at": self._now,
            "not_before": self._now,
        }
        return Action(**values, **facts)  # type: ignore[arg-type]

    def _waiting(self, key: str) -> bool:
        return key in self._actions and self._actions[key].state is ActionState.PENDING

    def _owe(self, action: Action, when: Callable[[datetime], datetime]) -> None:
        """Plan it, write it anew where it waits unsent, or take it up again where it was given up unsent."""
        self._owed.add(action.key)
        known = self._actions.get(action.key)
        if known is None or known.state in (ActionState.DONE, ActionState.HELD):
            self._put(replace(action, not_before=when(self._now)))
        elif known.state is ActionState.PENDING:
            # As long as a system is in trouble its courier knows best when to try again.
            moment = known.not_before if known.error else when(known.created_at)
            kept = replace(
                action,
                created_at=known.created_at,
                not_before=moment,
                attempts=known.attempts,
                attempt_started_at=known.attempt_started_at,
                error=known.error,
            )
            self._put(_at_its_time(kept, known))


def _at_its_time(action: Action, known: Action) -> Action:
    """With the time at which a task was first planned: it says when the turn came."""
    if action.task is None or known.task is None:
        return action
    return replace(action, task=replace(action.task, at=known.task.at))


def _may_change(held: Action) -> bool:
    return held.state is ActionState.HELD and held.error.startswith(NEEDS)


def _escalated_at(issue: Issue) -> datetime:
    return issue.escalated_at or issue.opened_at


def _is_of(action: Action, issue: Issue) -> bool:
    return issue.id in action.issue_ids


def _key(turn: str, audience: str) -> str:
    return f"{turn}:{blake2b(audience.encode(), digest_size=5).hexdigest()}"
