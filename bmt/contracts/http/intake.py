"""The requests and answers of intake over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bmt.contracts.events import Granted
from bmt.contracts.faults import GENERAL, OF_MESSAGES, FaultValue
from bmt.contracts.http.approval import Decision
from bmt.contracts.http.assignments import Assignable
from bmt.contracts.problems import FieldError, code_sentences, is_empty
from bmt.contracts.topics import FaultyField
from bmt.contracts.values import (
    Applicant,
    Channel,
    Document,
    DocumentId,
    Kind,
    Moment,
    NotShown,
    Officer,
    Reason,
    ReplyChannel,
    RequestWarning,
    Status,
    Value,
)

DOCUMENT_BYTES: Final = 25 * 1024 * 1024
"""The largest document, unless an installation says otherwise."""

InboxStatus = Literal["waiting", "registered", "dismissed", "set_aside"]


def _is_absent(value: object) -> bool:
    return value is None


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReasonGiven(Value):
    """Body of a withdrawal and of a dismissal."""

    reason: Reason = Field(description="kept in the record, word for word")


class DocumentStored(_Answer):
    """Answer of `POST /v1/documents`."""

    document_id: DocumentId = Field(description="the SHA-256 of its bytes: name it in a request")
    size_bytes: int
    media_type: str = Field(description="as its content shows")
    filename: str


class DocumentLimits(_Answer):
    """Answer of `GET /v1/document-limits`."""

    max_bytes: int = Field(description="of one document")
    media_types: tuple[str, ...] = Field(description="the kinds that are taken in")


class RequestAccepted(_Answer):
    """Answer to a request that was stored: durable when this is read."""

    request_id: str
    reference: str = Field(description="what people call it", examples=["BMT-MAMPU-2026-7K3QF9ZT"])
    status: Literal["received"]
    received_at: Moment


class InboxItemAccepted(_Answer):
    """Answer to an e-mail that a person must read; it becomes a request under this same id."""

    inbox_item_id: str


class WithdrawalAccepted(_Answer):
    """Answer to a withdrawal: approval decides whether it came before the decision."""

    request_id: str
    withdrawal: Literal["requested"] = "requested"


class SubmissionOutcome(_Answer):
    """What became of an integrator's submission."""

    submission_id: str = Field(
        description="its `ce_id`; of a record that is no event, its origin as "
        "`topic:partition:offset`"
    )
    source_reference: str | None = Field(description="null where it could not be read")
    outcome: Literal["accepted", "refused"]
    request_id: str | None = Field(default=None, description="the request that it became")
    reference: str | None = Field(default=None, description="what people call that request")
    status: Status | None = Field(default=None, description="where that request stands")
    reason: str | None = Field(
        default=None,
        description="why it was refused: a problem's name, `malformed`, `unknown_type` or `discarded`; else "
        "why the request was returned, rejected or withdrawn, or why its configuration failed",
    )
    detail: str | None = Field(default=None, description="what is wrong with what was refused")
    errors: tuple[FaultyField, ...] = Field(default=(), description="its wrong fields")


class Step(_Answer):
    """One thing that happened to a request."""

    step: str = Field(
        description="`received`, `corrected` (before anybody asked for it), `review_opened`, `returned`, `approved`, `rejected`, "
        "`withdrawal_requested`, `withdrawn`, `configuring`, `awaiting_operator`, `configured`, "
        "`configuration_failed`, `acknowledged`, `notification_prepared`, `notified`, "
        "`notification_failed`, `filed`"
    )
    at: Moment
    by: str = Field(description="the person's name or account, or the service")
    detail: str = Field(description="a reason, a channel, what is in force; may be empty")


class ApprovalBefore(_Answer):
    """An approval that more had to follow."""

    by: Officer
    at: Moment


class RequestStatus(_Answer):
    """A request and what happened to it so far."""

    request_id: str
    reference: str
    kind: Kind
    agency: str
    applicant: Applicant
    status: Status
    steps: tuple[Step, ...]
    warnings: tuple[RequestWarning, ...]
    received_at: Moment = Field(description="when it was received first")
    channel: Channel = Field(description="by which it was received")
    reply_through: ReplyChannel = Field(description="how the applicant is told")
    quota_bytes: int | None = Field(description="as asked for; null for a termination")
    max_file_size_bytes: int | None = Field(description="as asked for; null for a termination")
    granted: Granted | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="what was approved; not there before",
    )
    decision: Decision | None = Field(
        default=None, exclude_if=_is_absent, description="the one that stands; not there before"
    )
    approvals_before: tuple[ApprovalBefore, ...] = Field(
        default=(),
        exclude_if=is_empty,
        description="those before that one, where several must approve",
    )
    due_at: Moment | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="when the client charter promises what it waits for: the decision, the configuration or the "
        "notice; not there where nothing is promised",
    )


class SizesGiven(_Answer):
    """Answer of `GET /v1/sizes`; sizes are in bytes."""

    quota_bytes: int = Field(description="what is usually given")
    largest_quota_bytes: int
    max_file_size_bytes: int
    decide_working_days: int | None = Field(
        default=None, description="in how many working days it is decided (client charter)"
    )


class RequestChecked(_Answer):
    """Answer of `POST /v1/request-checks`."""

    errors: tuple[FieldError, ...] = Field(
        description="what it would be refused for; empty: it would be taken in"
    )
    warnings: tuple[RequestWarning, ...] = Field(
        description="what an administrator would have to weigh"
    )


class LastSubmission(_Answer):
    """What was handed in last, by which a request is decided: a correction begins with it."""

    request_id: str
    kind: Kind
    agency: str
    channel: Channel
    reply_through: ReplyChannel
    applicant: Applicant
    justification: str
    quota_bytes: int | None
    max_file_size_bytes: int | None
    documents: tuple[Document, ...] = Field(
        description="those that it named; a correction names those that it keeps"
    )
    came_with: tuple[Document, ...] = Field(
        description="those that it came by, such as a message; they stay with it"
    )


class ReferenceAndCode(Value):
    """Body of `POST /v1/status-lookups`; both are read as people type them."""

    reference: Annotated[str, StringConstraints(strict=True, max_length=100)] = Field(
        examples=["BMT-MAMPU-2026-7K3QF9ZT"]
    )
    code: Annotated[str, StringConstraints(strict=True, max_length=100)] = Field(
        description="of the acknowledgement", examples=["7K3Q-F9ZT-0ABC"]
    )


class PublicStep(_Answer):
    """One thing that happened to a request, without persons and reasons."""

    step: str = Field(description="as of `Step`")
    at: Moment


class PublicStatus(_Answer):
    """Where a request stands, for whoever has its reference and code: no person, reason, size or document."""

    reference: str
    status: Status
    steps: tuple[PublicStep, ...]
    decision_due_at: Moment | None = Field(
        description="when the client charter promises the decision; null where none is promised, or it is made"
    )
    due_at: Moment | None = Field(default=None, description="as of `RequestStatus`, or null")
    kind: Kind | None = Field(default=None, description="`application` or `termination`")
    agency: str | None = Field(default=None, description="its code")
    reply_through: ReplyChannel | None = Field(
        default=None, description="how the applicant is told"
    )


class MissingField(_Answer):
    """Why a message is no filled request."""

    field: str = Field(description="of a request; `message`: the message as a whole")
    detail: str
    code: str = Field(
        default=GENERAL,
        description="What is missing or wrong, under a name that keeps its meaning; later versions may have "
        "more, and a field may have any that a field of a call has. " + code_sentences(OF_MESSAGES),
        examples=["line_missing"],
    )
    values: Mapping[str, FaultValue] = Field(
        default_factory=dict,
        exclude_if=is_empty,
        description="what stands in the places of the code's sentence",
    )


class BouncedNotice(_Answer):
    """A notice of ours that could not be delivered: its recipient must be told another way."""

    message_id: str | None = Field(description="its Message-ID; null: the report does not name it")
    request_id: str | None = Field(description="the request that it told of, where that is known")


class ScanTold(_Answer):
    """Where a scanned paper comes from."""

    batch: Document = Field(description="the scan as it was handed in, whole")
    pages: tuple[int, ...] = Field(description="the paper's pages in it, from 1")
    request_id: str | None = Field(
        default=None, description="the agency's request that a code on the paper leads to"
    )
    request_reference: str | None = Field(default=None, description="what people call it")


class ScanAccepted(_Answer):
    """Answer to a scan: each of its papers waits in the inbox under its own id."""

    inbox_items: tuple[str, ...]
    pages: int = Field(description="of the whole scan")


class InboxItem(Assignable):
    """A message or a scanned paper that a person must read, in a list."""

    inbox_item_id: str
    agency: str
    status: InboxStatus = Field(
        description="`set_aside`: a machine sent it to the mailbox, and nobody needs to read it"
    )
    received_at: Moment
    sender: str = Field(
        description="whom the message says it is from; not verified; empty for a scanned paper"
    )
    handed_in_by: str | None = Field(
        default=None, description="who handed it in, or scanned it; `mailbox`: it was found there"
    )
    subject: str
    kind: Kind | None = Field(default=None, description="what it seems to ask for")
    person: str | None = Field(
        default=None,
        description="account or e-mail address of whom it seems to be for, else of whom it is from, in lower "
        "case: items of one person have the same",
    )
    document_id: DocumentId = Field(description="the message itself, or the scanned paper, whole")
    scan: ScanTold | None = Field(default=None, description="of a scanned paper")
    bounce: BouncedNotice | None = Field(
        default=None,
        description="the notice that it says was not delivered; null for any other message",
    )


class InboxItemInFull(InboxItem):
    """A message with what was understood of it."""

    documents: tuple[Document, ...] = Field(description="the message, then its attachments")
    understood: dict[str, str] = Field(description="what its labelled lines say, by field")
    missing: tuple[MissingField, ...]
    not_shown: tuple[NotShown, ...] = Field(
        default=(), description="attachments that are not shown apart, by name"
    )
    settled_by: str | None = Field(description="who registered or dismissed it")
    settled_at: Moment | None
    reason: str | None = Field(description="why it was dismissed, or set aside")
    reason_code: str | None = Field(
        default=None, description="why it was set aside, as a code of `missing` is"
    )


class InboxText(_Answer):
    """Answer of `GET /v1/inbox/{id}/text`."""

    text: str = Field(description="what a reader of the message sees, without markup; may be empty")
    reason: str | None = Field(
        default=None,
        description="why it waits for a person, in one sentence in the language of `Accept-Language` "
        "(`ms` or `en`; Malay where neither is asked for); null where it does not",
    )


class InboxItemDismissed(_Answer):
    """Answer to a dismissal; the message stays where it is."""

    inbox_item_id: str
    status: Literal["dismissed"] = "dismissed"


class AccountOwner(_Answer):
    """Answer of `GET /v1/accounts/{account}`."""

    account: str
    name: str | None = Field(description="of whose it is; null: the directory has no name")
    serving: bool = Field(description="whether they are active in the directory")
