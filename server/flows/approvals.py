"""This file takes approval requests and decisions: who may, what the order allows now, and one turn at a time.

Whatever is refused is refused with a sentence, and the attempt is in the audit log. What is stored is decided anew
within one transaction, so that of many who decide at once one is right and the others are told.
"""

import secrets
from collections.abc import Callable, Iterable
from hashlib import blake2b

import msgspec
import structlog
from msgspec import Struct

from connectors.money import Money
from connectors.order_actions import ActionItem, OrderActionKind
from connectors.transport import Clock
from server.approval_model import (
    ApprovalRequest,
    ApprovalState,
    AuditFact,
    TicketPlace,
    Turn,
    Verdict,
)
from server.errors import BadInput, BeforehandError, Conflict, Forbidden, Gone, NotFound, NotNow
from server.flows import approval_changes as changes
from server.flows import approval_checks as checks
from server.flows.approval_turns import record_turn
from server.flows.directory import Directory
from server.flows.gather import Gathering
from server.flows.look import SeenNow
from server.flows.refused import Quota, masked
from server.model import Principal
from server.rules.approval_asking import LONGEST_REASON, Wanted, make_request
from server.rules.approval_deciding import withdrawn
from server.rules.who import written_as
from server.store.contract import Store, StoreUnavailable, Writing
from server.workspaces import Workspace, Workspaces

log = structlog.get_logger()

MOST_REFUSALS = 120
"""A minute, of one principal, that go to the audit log one by one."""
LONGEST_SUBJECT = 200


class Ask(Struct, frozen=True, kw_only=True):
    """What somebody asks for. `order` is a reference as in the API (`shop` says whose, where several have it)."""

    order: str
    kind: OrderActionKind
    reason: str
    shop: str = ""
    amount: Money | None = None
    """None for a refund: all that can be given back."""
    items: tuple[ActionItem, ...] = ()
    details: dict[str, str] = {}
    ticket: TicketPlace | None = None


class Approvals:
    """Requests of all workspaces. *wake* tells the engine that something may be carried out."""

    def __init__(
        self,
        workspaces: Workspaces,
        store: Store,
        clock: Clock,
        gathering: Gathering,
        directory: Directory,
        wake: Callable[[], None],
    ) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._gathering = gathering
        self._directory = directory
        self._wake = wake
        self._quota = Quota(MOST_REFUSALS)

    # --- asking -----------------------------------------------------------------------------------------------------

    async def ask(self, principal: Principal, ask: Ask, key: str) -> ApprovalRequest:
        """Make a request, or give the one that the same client made under the same *key*.

        Raises BadInput, NotFound, Forbidden, NotNow, Conflict (the key was used for something else, or the order does
        not allow it now). Every refusal is in the audit log.
        """
        try:
            made = await self._ask(principal, ask, key)
        except BeforehandError as error:
            await self.refused(principal, ask.order, error, kind=ask.kind)
            raise
        self._wake()
        return made

    async def _ask(self, principal: Principal, ask: Ask, key: str) -> ApprovalRequest:
        workspace = self._workspace(principal)
        person = await self._directory.person(principal, is_fresh=True)
        ask_key = blake2b(f"{person.id}\n{key}".encode(), digest_size=16).hexdigest()
        digest = blake2b(msgspec.json.encode(ask, order="deterministic"), digest_size=16).digest()
        if before := await self._store.read(lambda tx: tx.approval_by_key(workspace.name, ask_key)):
            return checks.must_be_same(before, digest)
        since = self._clock()
        seen = await self._gathering.read_now(workspace.name, ask.order, shop=ask.shop)
        if trouble := checks.unread(ask.kind, seen, workspace, is_decision=False):
            raise NotNow(f"{trouble}. Nothing was asked for, since the payment could not be read: try again.")
        wanted = Wanted(
            kind=ask.kind,
            reason=ask.reason,
            amount=ask.amount,
            items=ask.items,
            details=ask.details,
            ticket=ask.ticket,
        )

        def work(tx: Writing) -> ApprovalRequest:
            if before := tx.approval_by_key(workspace.name, ask_key):
                return checks.must_be_same(before, digest)
            checks.must_be_still(tx, seen.view.key, since)
            now = self._clock()
            request = make_request(
                wanted,
                seen.view,
                tx.approvals_of(seen.view.key),
                workspace.policy,
                now,
                request_id=secrets.token_hex(8),
                requester=person,
                ask_key=ask_key,
                ask_digest=digest,
            )
            record_turn(tx, request, Turn.REQUESTED, workspace, now, by=person)
            return request

        return await self._store.write(work)

    # --- deciding ---------------------------------------------------------------------------------------------------

    async def decide(
        self, principal: Principal, request_id: str, verdict: Verdict, reason: str, version: int
    ) -> ApprovalRequest:
        """Approve or reject the request as of *version*, after the order was read again.

        Raises NotFound, Forbidden, BadInput, NotNow, Conflict (with the differences), Gone (it has expired). Every
        refusal is in the audit log.
        """
        try:
            after = await self._decide(principal, request_id, verdict, reason.strip(), version)
        except BeforehandError as error:
            await self.refused(principal, request_id, error, decision=verdict)
            if isinstance(error, Conflict | Gone):
                self._wake()  # it may have gone back or expired just now: people are to be told
            raise
        self._wake()
        return after

    async def _decide(
        self, principal: Principal, request_id: str, verdict: Verdict, reason: str, version: int
    ) -> ApprovalRequest:
        workspace = self._workspace(principal)
        if not reason or len(reason) > LONGEST_REASON:
            raise BadInput(f"reason: expected 1 to {LONGEST_REASON} characters, for whoever asked")
        request = await self.read(principal, request_id)
        checks.must_be_open(request)
        person = await self._directory.person(principal, is_fresh=True)
        # Whoever may not decide makes nobody look anything up.
        checks.must_be_allowed(
            checks.why_token_may_not(principal)
            or await self._store.read(
                lambda tx: changes.why_not_now(tx, request, person, workspace, self._clock(), verdict)
            )
        )
        since = self._clock()
        seen = await self._seen(request, workspace) if verdict is Verdict.APPROVE else None

        def work(tx: Writing) -> changes.Outcome:
            now, latest = self._clock(), changes.latest(tx, request_id)
            if gone := changes.expired(tx, latest, workspace, now):
                return gone
            checks.must_be(latest, version)
            checks.must_be_allowed(changes.why_not_now(tx, latest, person, workspace, now, verdict, seen))
            if seen is not None:
                checks.must_be_still(tx, latest.order, since)
            if seen is not None and (changed := changes.gone_back(tx, latest, seen, workspace, now)):
                return changed
            return changes.decide_now(tx, latest, person, verdict, reason, workspace, now, seen)

        return await changes.in_one_transaction(self._store, work)

    async def _seen(self, request: ApprovalRequest, workspace: Workspace) -> SeenNow:
        """The order, read again. Raises NotNow where what matters could not be read, Gone where it is too late, and
        Conflict where its shop is not connected any more.
        """
        if request.order.shop not in workspace.connections:
            raise Conflict(f"The shop's connection {request.order.shop} is gone, so this can only be rejected.")
        if self._clock() >= request.expires_at:
            await changes.in_one_transaction(self._store, lambda tx: self._expire(tx, request.id, workspace))
        try:
            seen = await self._gathering.read_again(request.order)
        except NotFound as error:
            raise NotNow("The order could not be read again, so nothing was decided. Try again in a moment.") from error
        if trouble := checks.unread(request.kind, seen, workspace, is_decision=True):
            raise NotNow(f"{trouble}. The order could not be read again, so nothing was decided: try again.")
        return seen

    def _expire(self, tx: Writing, request_id: str, workspace: Workspace) -> changes.Outcome:
        latest = changes.latest(tx, request_id)
        return changes.expired(tx, latest, workspace, self._clock()) or latest

    # --- taking back ------------------------------------------------------------------------------------------------

    async def withdraw(self, principal: Principal, request_id: str, reason: str, version: int) -> ApprovalRequest:
        """Take one's own request back. Raises NotFound, Forbidden, BadInput, Conflict, Gone."""
        try:
            after = await self._withdraw(principal, request_id, reason.strip(), version)
        except BeforehandError as error:
            await self.refused(principal, request_id, error, decision="withdraw")
            raise
        self._wake()
        return after

    async def _withdraw(self, principal: Principal, request_id: str, reason: str, version: int) -> ApprovalRequest:
        workspace = self._workspace(principal)
        if len(reason) > LONGEST_REASON:
            raise BadInput(f"reason: expected at most {LONGEST_REASON} characters")
        checks.must_be_open(await self.read(principal, request_id))
        person = await self._directory.person(principal, is_fresh=True)

        def work(tx: Writing) -> changes.Outcome:
            now, latest = self._clock(), changes.latest(tx, request_id)
            if not latest.requester.is_same_as(person):
                raise Forbidden("Only whoever asked for it can take it back.")
            if gone := changes.expired(tx, latest, workspace, now):
                return gone
            checks.must_be(latest, version)
            after = withdrawn(latest, person, reason, now)
            record_turn(tx, after, Turn.WITHDRAWN, workspace, now, by=person)
            return after

        return await changes.in_one_transaction(self._store, work)

    # --- reading ----------------------------------------------------------------------------------------------------

    async def read(self, principal: Principal, request_id: str) -> ApprovalRequest:
        """One request of the principal's workspace. Raises NotFound."""
        found = await self._store.read(lambda tx: tx.approval(request_id))
        if found is None or found.workspace != principal.workspace:
            raise NotFound(changes.NO_REQUEST)
        return found

    async def list(self, workspace: str, states: Iterable[ApprovalState], limit: int) -> tuple[ApprovalRequest, ...]:
        """Requests in any of *states*, newest first."""
        return await self._store.read(lambda tx: tx.approvals(workspace, states, limit))

    async def why_not(self, principal: Principal, request: ApprovalRequest) -> str:
        """Why the principal may not approve this request now, in words; empty where they may."""
        if request.state is not ApprovalState.PENDING:
            return checks.OVER.get(request.state, checks.EXPIRED)
        if self._clock() >= request.expires_at:
            return checks.EXPIRED
        workspace = self._workspace(principal)
        person = await self._directory.person(principal)
        return checks.why_token_may_not(principal) or await self._store.read(
            lambda tx: changes.why_not_now(tx, request, person, workspace, self._clock())
        )

    # --- refusals ---------------------------------------------------------------------------------------------------

    def _workspace(self, principal: Principal) -> Workspace:
        if principal.workspace not in self._workspaces:
            raise NotFound(f"there is no workspace {principal.workspace}")
        return self._workspaces[principal.workspace]

    async def refused(self, principal: Principal, subject: str, error: BeforehandError, **details: str) -> None:
        """Keep an attempt that was not let through. A log that cannot be written to does not let it through either."""
        now, actor = self._clock(), self._written_as(principal)
        more = self._quota.take((principal.workspace, principal.via, principal.user), now)
        if more is None:
            log.warning("refusal_left_out", workspace=principal.workspace, actor=masked(actor))
            return
        fact = AuditFact(
            workspace=principal.workspace,
            at=now,
            event="approval.refused",
            actor=actor,
            via=principal.via,
            subject=masked(subject, LONGEST_SUBJECT),
            details={
                "refused": masked(f"{type(error).__name__}: {error}"),
                **{name: str(value) for name, value in details.items()},
                **more,
            },
        )
        try:
            await self._store.write(lambda tx: tx.add_audit(fact))
        except StoreUnavailable as trouble:
            log.warning("refusal_not_logged", subject=masked(subject, 40), reason=str(trouble))

    def _written_as(self, principal: Principal) -> str:
        """Who it was, as turns have it: by the policy's name, else by how they came. Asks nobody."""
        workspace = self._workspaces.get(principal.workspace)
        return written_as(principal, workspace.policy) if workspace else principal.user
