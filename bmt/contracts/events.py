"""What is asked for, the published events (facts in the past tense, stored as they are published), and a request's progress.

Type strings are explicit and for ever; fields are only added. Readers ignore what they do not know.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.values import (
    BY_HAND,
    AgencyCode,
    Applicant,
    Bytes,
    Channel,
    Document,
    DocumentId,
    EmailAddress,
    Justification,
    Kind,
    Moment,
    Name,
    NamedApplicant,
    NotShown,
    Officer,
    PostedChannel,
    Reason,
    ReplyChannel,
    RequestId,
    RequestWarning,
    Status,
    Submitter,
    Value,
)


class RequestedService(Value):
    """What a request says, whichever way it comes in (SOP 4.1.1 and 4.2.1, step 1)."""

    kind: Kind
    agency: AgencyCode
    reply_through: ReplyChannel | None = Field(
        default=None, description="default: the channel in, else the agency's first channel out"
    )
    applicant: NamedApplicant
    justification: Justification
    quota_bytes: Bytes | None = Field(
        default=None, description="storage quota; applications only; default: the agency's"
    )
    max_file_size_bytes: Bytes | None = Field(
        default=None, description="largest file; applications only; default: the agency's"
    )
    documents: Annotated[tuple[DocumentId, ...], Field(max_length=50)] = ()


class SubmitRequest(RequestedService):
    """Body of `POST /v1/requests`."""

    channel: PostedChannel


class CorrectionHandedIn(SubmitRequest):
    """Body of a correction: the whole request, as it should have been."""

    correction_reason: Reason | None = Field(
        default=None,
        description="why it is corrected, kept in the record; needed where nobody returned the request",
    )


class RegisterItem(SubmitRequest):
    """Body of a registration: what stands in a message; a scan in it may be another channel's paper."""

    channel: PostedChannel = "email"


class RequestSubmission(RequestedService):
    """Data of `RequestSubmitted`: what another agency's system asks for; its channel is `event`."""

    source_reference: Name


class RequestFacts(BaseModel):
    """The `request` block of every event, so that no hearer has to ask another service.

    `quota_bytes` and `max_file_size_bytes` are what was asked for (the agency's default where nothing
    was); a termination has neither. Unknown fields are ignored: later versions only add.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    request_id: RequestId
    reference: str
    kind: Kind
    agency: AgencyCode
    applicant: Applicant
    channel: Channel
    reply_through: ReplyChannel
    quota_bytes: int | None
    max_file_size_bytes: int | None
    received_at: Moment
    policy_version: str
    directory_email: EmailAddress | None = Field(
        default=None,
        exclude_if=lambda address: address is None,
        description="the address that the directory has, where the applicant's is another: notices "
        "by e-mail go to both",
    )


Target = Literal["ipms", "storage"]
About = Literal[
    "acknowledgement", "approved", "rejected", "returned", "withdrawn", "configured", "terminated"
]


class Event(BaseModel):
    """A fact. `TYPE` is its CloudEvents type."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    TYPE: ClassVar[str]


class RequestEvent(Event):
    """A fact about one request, carrying that request's facts."""

    request: RequestFacts


def _is_empty(value: object) -> bool:
    return not value


class RequestReceived(RequestEvent):
    """A request was stored (SOP 4.1.1 and 4.2.1, step 1); again with each correction.

    A correction replaces what the request asked for before; that stays on record in the event before it.
    """

    TYPE = "my.gov.bmt.RequestReceived.v1"
    submitted_by: Submitter
    justification: str
    warnings: tuple[RequestWarning, ...]
    documents: tuple[Document, ...]
    email_message_id: str | None = Field(
        default=None, description="Message-ID of the e-mail it came by, for answers in its thread"
    )
    source_reference: str | None = Field(
        default=None, description="what the integrator that submitted it calls it"
    )
    not_shown: tuple[NotShown, ...] = Field(
        default=(),
        exclude_if=_is_empty,
        description="attachments of the e-mail that are not shown apart, by name",
    )
    corrected_by: Submitter | None = Field(
        default=None,
        exclude_if=_is_empty,
        description="who corrected the request; absent where it was handed in for the first time",
    )
    correction_reason: str | None = Field(
        default=None, exclude_if=_is_empty, description="why it was corrected, in their words"
    )
    while_open: bool = Field(
        default=False,
        exclude_if=_is_empty,
        description="a correction that nobody asked for: it came while the request was open",
    )


class WithdrawalRequested(RequestEvent):
    """The applicant no longer wants it; approval decides which came first."""

    TYPE = "my.gov.bmt.WithdrawalRequested.v1"
    reason: str
    requested_by: Submitter


class ReviewOpened(RequestEvent):
    """The request stands on the agency's worklist until `due_at` (client charter)."""

    TYPE = "my.gov.bmt.ReviewOpened.v1"
    due_at: Moment
    warnings: tuple[RequestWarning, ...]


class Granted(BaseModel):
    """What was approved, in bytes; a termination grants nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    quota_bytes: int | None
    max_file_size_bytes: int | None


class Endorsement(BaseModel):
    """An approval that is not the last: more administrators must approve."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    level: int = Field(description="1 is the first")
    endorsed_by: Officer
    endorsed_at: Moment
    approved: Granted
    reason: str | None = None
    exception_reason: str | None = None
    on_behalf_of: str | None = None


class Approved(RequestEvent):
    """An administrator approved (SOP step 2, and 5.0): the last who must, where several must."""

    TYPE = "my.gov.bmt.Approved.v1"
    decided_by: Officer
    decided_at: Moment
    approved: Granted
    reason: str | None = None
    exception_reason: str | None = None
    on_behalf_of: str | None = None
    endorsements: tuple[Endorsement, ...] = Field(
        default=(),
        exclude_if=_is_empty,
        description="the approvals before this one, at an agency where several must approve",
    )


class Rejected(RequestEvent):
    """An administrator refused, and says why."""

    TYPE = "my.gov.bmt.Rejected.v1"
    decided_by: Officer
    decided_at: Moment
    reason: str
    on_behalf_of: str | None = None


class ReturnedForCorrection(RequestEvent):
    """An administrator asks for a correction; the same request comes back."""

    TYPE = "my.gov.bmt.ReturnedForCorrection.v1"
    decided_by: Officer
    decided_at: Moment
    reason: str
    on_behalf_of: str | None = None


class Withdrawn(RequestEvent):
    """The withdrawal came before any decision."""

    TYPE = "my.gov.bmt.Withdrawn.v1"
    reason: str
    requested_by: Submitter


class PlannedChange(BaseModel):
    """One setting of one target, from what it is to what it shall be (absolute values)."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
    target: Target
    setting: str
    from_: bool | int | None = Field(alias="from")
    to: bool | int | None


class Retried(BaseModel):
    """Who had a failed configuration tried again, when and why."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    by: Officer
    at: Moment
    reason: str | None = None


class ConfigurationStarted(RequestEvent):
    """The change is about to be made: `plan` says what will be different (SOP step 3)."""

    TYPE = "my.gov.bmt.ConfigurationStarted.v1"
    plan: tuple[PlannedChange, ...]
    retry: Retried | None = Field(
        default=None, exclude_if=_is_empty, description="the retry that this began with"
    )


class AwaitingOperator(RequestEvent):
    """A person must do it in the portal; `instructions` say what."""

    TYPE = "my.gov.bmt.AwaitingOperator.v1"
    task_id: str
    target: Target
    instructions: str
    settings: tuple[PlannedChange, ...] = Field(
        default=(), description="what to set, one by one; `from` is null: nobody can read it"
    )
    due_at: Moment | None = Field(default=None, description="client charter")


class EffectiveIpms(BaseModel):
    """What IPMS answered when read back."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    bmt_enabled: bool
    max_file_size_bytes: int | None


class EffectiveStorage(BaseModel):
    """What the transfer storage answered when read back."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    enabled: bool
    quota_bytes: int | None
    max_file_size_bytes: int | None


class Effective(BaseModel):
    """What is in force, as read back from each target, or as an officer confirms it: see the evidence."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    ipms: EffectiveIpms
    storage: EffectiveStorage


class Evidence(BaseModel):
    """How a target's state was proven: read back by a connector, or confirmed by a person with a document."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    target: Target
    connector: str
    read_back_at: Moment | None = Field(
        default=None, description="null: nothing was read back, an officer confirmed it"
    )
    document_id: DocumentId | None = None
    confirmed_by: Officer | None = Field(
        default=None, exclude_if=_is_empty, description="the officer who set it by hand"
    )
    confirmed_at: Moment | None = Field(default=None, exclude_if=_is_empty)

    @property
    def was_read_back(self) -> bool:
        """Whether the target itself was asked; events from before claim it of manual tasks too."""
        return self.read_back_at is not None and self.connector not in BY_HAND


def not_read_back(configured: Mapping[str, Any]) -> tuple[str, ...]:
    """The targets of a `Configured`'s data that an officer confirmed by hand, each once.

    It reads recorded data as it is: any field may be missing from an event that was tampered with.
    """
    evidence = configured.get("evidence")
    given = evidence if isinstance(evidence, list | tuple) else ()
    proofs = [one for one in given if isinstance(one, Mapping)]
    by_hand = (
        str(one.get("target"))
        for one in proofs
        if not one.get("read_back_at") or one.get("connector") in BY_HAND
    )
    return tuple(dict.fromkeys(by_hand))


class Configured(RequestEvent):
    """The change is in force: read back, or confirmed by an officer where nothing can be (SOP step 3)."""

    TYPE = "my.gov.bmt.Configured.v1"
    configured_by: Officer
    configured_at: Moment
    effective: Effective
    evidence: tuple[Evidence, ...]
    approval_reason: str | None = Field(
        default=None,
        exclude_if=_is_empty,
        description="the approver's reason; the applicant is told it",
    )


class ConfigurationFailed(RequestEvent):
    """A target refused for good; an administrator or operator can retry where `retryable`."""

    TYPE = "my.gov.bmt.ConfigurationFailed.v1"
    target: Target
    reason: str
    retryable: bool
    retry: Retried | None = Field(
        default=None, exclude_if=_is_empty, description="the retry that began nothing"
    )
    code: str | None = Field(
        default=None,
        exclude_if=_is_empty,
        description="the reason, under a name that keeps its meaning; absent where it has none",
    )


ConfirmationCause = Literal["rule", "not_serving", "not_registered"]
"""Why an agency is asked about a grant: its rule says how often, or the directory no longer shows who has it as serving."""


class ConfirmationDue(RequestEvent):
    """The agency is asked whether the account still needs what this request granted; a person answers."""

    TYPE = "my.gov.bmt.ConfirmationDue.v1"
    campaign: str = Field(description="the month in Malaysia, such as 2027-01; asked once in it")
    cause: ConfirmationCause
    in_force_since: Moment = Field(description="configured, or last answered about")
    answer_by: Moment
    directory_read_at: Moment | None = Field(
        default=None, exclude_if=_is_empty, description="when the directory gave the cause"
    )


class GrantConfirmed(RequestEvent):
    """An administrator of the agency confirms that the account still needs the service."""

    TYPE = "my.gov.bmt.GrantConfirmed.v1"
    confirmed_by: Officer
    confirmed_at: Moment
    reason: str


class TerminationProposed(RequestEvent):
    """The grant is not confirmed: a request for its termination goes through the procedure, and is approved or not."""

    TYPE = "my.gov.bmt.TerminationProposed.v1"
    proposed_by: Officer = Field(description="role `service`: by the agency's rule")
    proposed_at: Moment
    reason: str
    termination_id: RequestId = Field(description="id of the request that follows")
    justification: str = Field(description="of that request, with the evidence")


class ConfirmationsAwaited(RequestEvent):
    """The agency's office is reminded that grants wait for its answer; said once, in the file of one of them."""

    TYPE = "my.gov.bmt.ConfirmationsAwaited.v1"
    campaign: str
    level: Literal["reminder", "escalation"] = Field(
        description="`reminder`: they are asked; `escalation`: the day to answer by has passed"
    )
    answer_by: Moment
    grants: int


class _Notice(RequestEvent):
    about: About
    channel: ReplyChannel
    recipient: str
    message_id: str | None = None
    document_id: DocumentId | None = None
    reason: str | None = None
    notification_id: str | None = Field(
        default=None, description="the notice, as notification's API names it"
    )
    handed_over_by: Submitter | None = Field(
        default=None, description="who said that a paper was handed over; `reason` is the note"
    )


class NotificationPrepared(_Notice):
    """Composed and stored: an e-mail to send, or a paper to hand over."""

    TYPE = "my.gov.bmt.NotificationPrepared.v1"


class Notified(_Notice):
    """The user was told (SOP step 4)."""

    TYPE = "my.gov.bmt.Notified.v1"


class NotificationFailed(_Notice):
    """The message was refused for good; a person must act."""

    TYPE = "my.gov.bmt.NotificationFailed.v1"


class Filed(RequestEvent):
    """Every event and document of the request stands in its designated file (SOP 6.0)."""

    TYPE = "my.gov.bmt.Filed.v1"
    file_number: str
    volume: int
    folios: int
    filed_at: Moment


class RequestSubmitted(RequestSubmission):
    """Heard on an integrator's own inbound topic: a submission, never trusted as a fact."""

    TYPE: ClassVar[str] = "my.gov.bmt.RequestSubmitted.v1"


_DECISIONS: Final[dict[type[BaseModel], Status]] = {
    Approved: "approved",
    Rejected: "rejected",
    Withdrawn: "withdrawn",
}
_CONFIGURATIONS: Final[dict[type[BaseModel], Status]] = {
    ConfigurationStarted: "configuring",
    AwaitingOperator: "awaiting_operator",
    Configured: "configured",
    ConfigurationFailed: "configuration_failed",
}
OUTCOMES: Final = frozenset({"rejected", "withdrawn", "configured", "terminated"})
"""What a request's last notice can be about; one of them ends the procedure."""


class Progress(BaseModel):
    """What is known so far; each event may come late, and twice through different folds only once.

    `received` counts the first time, and the corrections that were asked for.
    """

    model_config = ConfigDict(frozen=True)

    received: int = 0
    returned: int = 0
    decision: Status | None = None
    configuration: Status | None = None
    configuration_sequence: int = 0
    outcome_notified: bool = False
    filed: bool = False

    def after(self, event: BaseModel, sequence: int) -> "Progress":
        """With `event` known too; `sequence` orders the events of one service among themselves."""
        learned = self._learned(event, sequence)
        return self.model_copy(update=learned) if learned else self

    def _learned(self, event: BaseModel, sequence: int) -> dict[str, Any]:
        learned: dict[str, Any] = {}
        kind = type(event)
        if kind in _DECISIONS:
            learned = {"decision": _DECISIONS[kind]}
        elif kind in _CONFIGURATIONS and sequence > self.configuration_sequence:
            status = _CONFIGURATIONS[kind]
            learned = {"configuration": status, "configuration_sequence": sequence}
        elif isinstance(event, RequestReceived) and not event.while_open:
            learned = {"received": self.received + 1}
        elif isinstance(event, ReturnedForCorrection):
            learned = {"returned": self.returned + 1}
        elif isinstance(event, Notified) and event.about in OUTCOMES:
            learned = {"outcome_notified": True}
        elif isinstance(event, Filed):
            learned = {"filed": True}
        return learned

    @property
    def status(self) -> Status:
        """The status of the request: the furthest step that is known."""
        if self.filed:
            return "filed"
        if self.outcome_notified:
            return "notified"
        further = self.configuration or self.decision
        if further is not None:
            return further
        return "returned" if self.returned and self.returned >= self.received else "received"
