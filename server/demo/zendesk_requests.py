"""This file is what may be written to the simulated helpdesk: the fields of Zendesk's Ticketing API, and their types.

Zendesk itself ignores a field that it does not have. Here it is refused, so that a misspelt one is noticed.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from server.demo.zendesk_state import Refusal

LONGEST_SUBJECT = 255
LONGEST_BODY = 65_535
LONGEST_EXTERNAL_ID = 255

Id = int
Status = Literal["new", "open", "pending", "hold", "solved", "closed"]
Value = str | int | float | bool | list[str] | None


class CommentInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Public unless it says otherwise, as at Zendesk."""

    body: str | None = None
    html_body: str | None = None
    public: bool | None = None
    author_id: Id | None = None
    uploads: list[str] | None = None

    @property
    def text(self) -> str:
        return self.body or self.html_body or ""

    @property
    def is_public(self) -> bool:
        return self.public is not False


class RequesterInput(Struct, frozen=True, forbid_unknown_fields=True):
    email: str
    name: str | None = None
    locale_id: Id | None = None


class FieldInput(Struct, frozen=True, forbid_unknown_fields=True):
    id: Id
    value: Value = None


class TicketInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a creation or an update may say."""

    subject: str | None = None
    raw_subject: str | None = None
    comment: CommentInput | None = None
    requester: RequesterInput | None = None
    requester_id: Id | None = None
    submitter_id: Id | None = None
    external_id: str | None = None
    priority: Literal["urgent", "high", "normal", "low"] | None = None
    type: Literal["problem", "incident", "question", "task"] | None = None
    status: Status | None = None
    custom_status_id: Id | None = None
    tags: list[str] | None = None
    custom_fields: list[FieldInput] | None = None
    group_id: Id | None = None
    assignee_id: Id | None = None
    assignee_email: str | None = None
    organization_id: Id | None = None
    problem_id: Id | None = None
    brand_id: Id | None = None
    ticket_form_id: Id | None = None
    due_at: str | None = None
    recipient: str | None = None
    via_followup_source_id: Id | None = None
    collaborator_ids: list[Id] | None = None
    follower_ids: list[Id] | None = None
    email_cc_ids: list[Id] | None = None
    macro_ids: list[Id] | None = None
    safe_update: bool | None = None
    updated_stamp: str | None = None


class TicketRequest(Struct, frozen=True, forbid_unknown_fields=True):
    ticket: TicketInput


class TagsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """With `safe_update` it is refused when the ticket has changed since `updated_stamp`."""

    tags: list[str]
    safe_update: bool | str | None = None
    updated_stamp: str | None = None


def checked_ticket(raw: bytes) -> TicketInput:
    """The ticket's values. Raises Refusal for fields, types and words that Zendesk does not have."""
    try:
        values = msgspec.json.decode(raw, type=TicketRequest).ticket
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(422, "RecordInvalid", f"Record validation errors: {error}") from error
    comment = values.comment or CommentInput()
    for what, said, longest in (
        ("Subject", values.subject, LONGEST_SUBJECT),
        ("External", values.external_id, LONGEST_EXTERNAL_ID),
        ("Description", comment.text, LONGEST_BODY),
    ):
        if len((said or "").encode()) > longest and (what != "Subject" or len(said or "") > longest):
            raise Refusal(422, "RecordInvalid", f"{what}: is too long (maximum is {longest} characters)")
    check_tags(values.tags or [])
    return values


def checked_tags(raw: bytes) -> TagsRequest:
    """The tags. Raises Refusal."""
    try:
        found = msgspec.json.decode(raw, type=TagsRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(422, "RecordInvalid", f"Record validation errors: {error}") from error
    check_tags(found.tags)
    return found


def check_tags(tags: list[str]) -> None:
    """Raises Refusal for what would become several tags."""
    if any(not tag or tag.split() != [tag] for tag in tags):
        raise Refusal(422, "RecordInvalid", "Tags: expected words without spaces")
