"""This file takes what somebody pressed in a chat: who it is, what they decide, and a sentence on what came of it.

Whoever the policy does not name decides nothing, and the attempt is in the audit log.
"""

from collections import OrderedDict

import structlog
from msgspec import Struct

from connectors.contract import Press
from server.approval_model import ApprovalRequest, ApprovalState, Verdict
from server.errors import BadInput, BeforehandError, Conflict, Forbidden, Gone, NotFound
from server.flows.approvals import Approvals
from server.flows.chat_choices import Chosen
from server.flows.directory import Directory
from server.model import Principal, Role
from server.rules import telling_approvals
from server.store.contract import StoreUnavailable
from server.workspaces import Workspace

log = structlog.get_logger()

MOST_REMEMBERED = 2000
"""Presses: a chat that got no answer in time sends the same one again."""

NO_BUTTON = (
    "Nothing was decided: this button is not (or no longer) one of ours. Open the request from its link instead."
)
NO_REASON = "Nothing was decided: write a reason beside the buttons first. Whoever asked reads it. Then press again."
NO_REQUEST = "Nothing was decided: there is no such request any more."
NO_STORAGE = "Nothing was decided: storage is not available right now. Try again in a moment."
OUR_FAULT = "Something went wrong on our side. Open the request from its link to see how it stands, then try again."


class ChatDecisions:
    """Decisions from the chats of all workspaces."""

    def __init__(self, approvals: Approvals, directory: Directory) -> None:
        self._approvals = approvals
        self._directory = directory
        self._seen: OrderedDict[str, None] = OrderedDict()

    def is_repeat(self, workspace: Workspace, connection: str, press: Press) -> bool:
        """Whether this very press has come before. It is remembered from now on."""
        key = f"{workspace.name}.{connection}|{press.id}"
        if key in self._seen:
            return True
        self._seen[key] = None
        while len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return False

    async def take(self, workspace: Workspace, connection: str, press: Press) -> str:
        """Decide, if they may. A sentence for whoever pressed; nothing is raised."""
        try:
            return await self._take(workspace, connection, press)
        except StoreUnavailable as error:
            log.warning("chat_decision_not_stored", workspace=workspace.name, reason=str(error))
            return NO_STORAGE
        except Exception:
            log.exception("chat_decision_broke", workspace=workspace.name, connection=connection)
            return OUR_FAULT

    async def _take(self, workspace: Workspace, connection: str, press: Press) -> str:
        chosen = workspace.choices.open(press.value, workspace.name, connection) if workspace.choices else None
        who = _Presser(workspace.name, connection, press.user)
        if chosen is None:
            await self._approvals.refused(who.principal, "", Forbidden("a button that is none of ours"))
            return NO_BUTTON
        try:
            await self._directory.person(who.principal)
        except Forbidden as error:
            await self._approvals.refused(who.principal, chosen.request, error)
            return f"Nothing was decided. {_sentence(str(error))}"
        if not press.reason.strip():
            return NO_REASON
        try:
            after = await self._approvals.decide(
                who.principal, chosen.request, chosen.verdict, press.reason.strip(), chosen.version
            )
        except BeforehandError as error:
            return await self._refused(who, chosen, error)
        return decided(after, chosen.verdict)

    async def _refused(self, who: "_Presser", chosen: Chosen, error: BeforehandError) -> str:
        """What whoever pressed is told of a refusal, which the audit log has already."""
        if isinstance(error, NotFound):
            return NO_REQUEST
        if isinstance(error, Conflict) and await self._has_decided(who, chosen):
            return "You have decided this already: it counts once."
        said = _sentence(str(error))
        if isinstance(error, Conflict):
            changes = " ".join(f"{_sentence(found)}" for found in error.differences)
            return f"Nothing was decided. {said} {changes}".strip()
        if isinstance(error, BadInput | Forbidden):
            return f"Nothing was decided. {said}"
        return said if isinstance(error, Gone) or said.startswith("Nothing") else f"Nothing was decided. {said}"

    async def _has_decided(self, who: "_Presser", chosen: Chosen) -> bool:
        """Whether they had said the same of the same version before: a second press, or a press in another window."""
        try:
            request = await self._approvals.read(who.principal, chosen.request)
            person = await self._directory.person(who.principal)
        except BeforehandError:
            return False
        return any(
            each.person.is_same_as(person) and each.version == chosen.version and each.verdict is chosen.verdict
            for each in request.decisions
        )


class _Presser(Struct, frozen=True):
    """Whose signature vouches for whom."""

    workspace: str
    connection: str
    user: str

    @property
    def principal(self) -> Principal:
        return Principal(workspace=self.workspace, user=self.user, role=Role.AGENT, via=self.connection)


def decided(request: ApprovalRequest, verdict: Verdict) -> str:
    """What came of a decision that counted, for whoever took it."""
    about = telling_approvals.subject(request)
    if verdict is Verdict.REJECT:
        return f"You rejected this: {about}."
    if request.state is ApprovalState.PENDING:
        return f"You agreed to this: {about}. Somebody else has to agree as well."
    if request.is_record_only:
        return f"You approved this: {about}. A person has to carry it out now."
    return f"You approved this: {about}. It is being carried out, and the ticket is told what comes of it."


def _sentence(text: str) -> str:
    found = text.strip()
    return found if found.endswith((".", "!", "?")) else f"{found}."
