"""The requests and answers of approval over HTTP."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from bmt.contracts.events import (
    Approved,
    Endorsement,
    Granted,
    Rejected,
    RequestFacts,
    ReturnedForCorrection,
)
from bmt.contracts.http.assignments import Assignable
from bmt.contracts.values import (
    Applicant,
    Bytes,
    Channel,
    Document,
    DocumentId,
    Kind,
    Minute,
    Moment,
    Name,
    NotShown,
    Officer,
    PostedChannel,
    Reason,
    ReplyChannel,
    RequestWarning,
    Status,
    Submitter,
    Value,
)

MOST_DOCUMENTS: Final = 20


def _each_once(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


class CommentWritten(Value):
    """Body of `POST /v1/requests/{id}/comments`."""

    text: Minute = Field(
        description="for the agency's administrators alone; the applicant never sees it"
    )
    documents: Annotated[
        tuple[DocumentId, ...], Field(max_length=MOST_DOCUMENTS), AfterValidator(_each_once)
    ] = ()


class Comment(BaseModel):
    """What an administrator noted on a request."""

    model_config = ConfigDict(frozen=True)

    by: Officer
    at: Moment
    text: str
    documents: tuple[Document, ...] = ()


class CommentAnswer(Comment):
    """Answer of `POST /v1/requests/{id}/comments`."""

    request_id: str


MOST_RULINGS: Final = 500
"""How many requests one bulk decision may name."""

Choice = Literal["approve", "reject", "return"]

CHOICES: Final[Mapping[str, Choice]] = MappingProxyType(
    {Approved.TYPE: "approve", Rejected.TYPE: "reject", ReturnedForCorrection.TYPE: "return"}
)
"""The choice that led to an event, by the event's type."""


class Ruling(Value):
    """Body of `POST /v1/requests/{id}/decision`: what an administrator decides."""

    decision: Choice
    reason: Reason | None = Field(
        default=None, description="needed to reject and to return; the applicant is told it"
    )
    quota_bytes: Bytes | None = Field(
        default=None, description="approval of an application only; default: as asked"
    )
    max_file_size_bytes: Bytes | None = Field(
        default=None, description="approval of an application only; default: as asked"
    )
    exception_reason: Reason | None = Field(
        default=None, description="approval only; needed when the request has warnings"
    )
    on_behalf_of: Name | None = Field(
        default=None, description="account or name of the officer who is acted for"
    )


class RulingOn(Ruling):
    """One item of `POST /v1/decisions`."""

    request_id: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64)]


class Rulings(Value):
    """Body of `POST /v1/decisions`: each item is decided by itself."""

    items: Annotated[tuple[RulingOn, ...], Field(min_length=1, max_length=MOST_RULINGS)]


class Decision(BaseModel):
    """A decision that stands."""

    model_config = ConfigDict(frozen=True)

    decision: Choice
    decided_by: Officer
    decided_at: Moment
    reason: str | None
    version: int = Field(description="`ce_sequence` of the event that says so")


class DecisionInFull(Decision):
    """As Decision, with all that was said."""

    approved: Granted | None = None
    exception_reason: str | None = None
    on_behalf_of: str | None = None


class Levels(BaseModel):
    """How many administrators approved, and how many must."""

    model_config = ConfigDict(frozen=True)

    given: int
    needed: int


def _is_absent(value: object) -> bool:
    return value is None


def _is_empty(value: object) -> bool:
    return not value


class DecisionMade(BaseModel):
    """Answer of `POST /v1/requests/{id}/decision`."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    decision: Choice
    decided_by: Officer
    decided_at: Moment
    version: int = Field(
        description="`ce_sequence` of the event that says so; of the last one, where none says so yet"
    )
    levels: Levels | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="only where more administrators must approve: the request is still open",
    )


class RulingResult(BaseModel):
    """What became of one item of `POST /v1/decisions`: either `decision` or `problem`."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    status: int = Field(description="HTTP status that the call for this request alone would give")
    decision: DecisionMade | None = Field(default=None, exclude_if=_is_absent)
    problem: dict[str, Any] | None = Field(
        default=None, exclude_if=_is_absent, description="RFC 9457 problem details"
    )


class RulingResults(BaseModel):
    """Answer of `POST /v1/decisions`, in the order of the items."""

    model_config = ConfigDict(frozen=True)

    results: tuple[RulingResult, ...]


class Held(BaseModel):
    """Answer of `POST /v1/requests/{id}/hold`."""

    model_config = ConfigDict(frozen=True)

    until: Moment = Field(description="nobody decides before, unless the correction is heard")
    returns: int = Field(description="how often the request was returned so far")


Withheld = Literal["own_request", "approved_before", "registrar"]
"""Why somebody may not approve: it is theirs; they gave an approval of it; they handed it in, or corrected it."""


class WorklistItem(Assignable):
    """A request that waits for a decision."""

    request_id: str
    reference: str
    kind: Kind
    applicant: Applicant
    received_at: Moment
    due_at: Moment = Field(description="client charter: when the decision is due")
    warnings: tuple[RequestWarning, ...]
    levels: Levels | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="only where several administrators must approve",
    )
    endorsements: tuple[Endorsement, ...] = Field(
        default=(), exclude_if=_is_empty, description="the approvals so far, by whom"
    )
    channel: Channel | None = Field(default=None, description="how it came in")
    quota_bytes: int | None = Field(
        default=None, description="what was asked for; a termination has none"
    )
    withheld: Withheld | None = Field(
        default=None, description="why it does not wait for the caller, who may not approve it"
    )


class WorklistCounts(BaseModel):
    """Answer of `GET /v1/worklist/counts`."""

    model_config = ConfigDict(frozen=True)

    open: int = Field(description="requests that wait for a decision")
    overdue: int = Field(description="those of them whose decision was due before now")
    for_caller: int = Field(
        description="the open ones that wait for the caller: without those that they may not approve"
    )
    done_by_caller: int = Field(
        description="requests, open or not, on which the caller did something here"
    )
    changed: int | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="requests, open or not, that changed since `changed_since`; only where it is given",
    )


class WorklistChanged(BaseModel):
    """Data of an event `changed` of `GET /v1/worklist/live`."""

    model_config = ConfigDict(frozen=True)

    count: int = Field(description="how many requests changed since `since`")


class FieldChanged(BaseModel):
    """What a correction changed; sizes in bytes, documents by their names."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(
        description="as the body of a submission calls it, `account` for `applicant.account`"
    )
    before: str | int | None
    after: str | int | None


class Step(BaseModel):
    """One thing that happened to a request here."""

    model_config = ConfigDict(frozen=True)

    step: Status
    at: Moment
    by: str | None = Field(description="account of who did it; null for the service itself")
    by_name: str | None = Field(
        default=None, exclude_if=_is_absent, description="their name, where it is known"
    )
    detail: str | None = Field(description="the reason given")
    levels: Levels | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="only of an approval that was not the last",
    )
    corrected: bool = Field(
        default=False, exclude_if=_is_empty, description="it came back corrected, by whom `by` says"
    )
    changes: tuple[FieldChanged, ...] = Field(
        default=(), exclude_if=_is_empty, description="what the correction changed"
    )


class ListedRequest(BaseModel):
    """A request of the agency in a list, whatever its status."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    reference: str
    kind: Kind
    applicant: Applicant
    status: Status
    changed_at: Moment
    last_step: Step = Field(description="what last happened to it here")


class RequestUnderReview(RequestFacts, Assignable):
    """Answer of `GET /v1/requests/{id}`: what the decider needs."""

    submitted_by: Submitter | None
    justification: str
    documents: tuple[Document, ...]
    warnings: tuple[RequestWarning, ...]
    due_at: Moment
    status: Status
    decision: DecisionInFull | None
    history: tuple[Step, ...]
    changed_at: Moment | None = Field(
        default=None, description="When something last happened to it here."
    )
    levels: Levels | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="only where several administrators must approve",
    )
    endorsements: tuple[Endorsement, ...] = Field(
        default=(),
        exclude_if=_is_empty,
        description="the approvals that count so far, beside the decision",
    )
    not_shown: tuple[NotShown, ...] = Field(
        default=(),
        exclude_if=_is_empty,
        description="attachments of the e-mail that are not shown apart, by name",
    )
    withheld: Withheld | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="why the caller may not approve it, where it waits for a decision",
    )
    comments: tuple[Comment, ...] = Field(
        default=(),
        exclude_if=_is_empty,
        description="what administrators noted; never shown to the applicant",
    )


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


_Day = Annotated[
    date,
    PlainSerializer(date.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""Kept as text: a store that knows moments only would make one of it."""


class RulesVersion(_Answer):
    """Rules that came into force, or will, and who says so."""

    agency: str
    number: int = Field(description="1 is the first that was recorded")
    policy_version: str = Field(description="as a request keeps it")
    rules: Mapping[str, JsonValue] = Field(description="all of them, as agencies.yaml has them")
    changed_by: str | None
    changed_on: _Day | None
    why: str | None
    recorded_at: Moment = Field(description="when approval first ran by them, or was sent them")
    changed_by_account: str | None = Field(
        default=None, description="of the officer in the console; null: agencies.yaml changed"
    )
    in_force_from: _Day | None = Field(
        default=None, description="a day in Malaysia; null: since `recorded_at`"
    )
    withdraws: int | None = Field(
        default=None, description="the number of the waiting version that this one takes back"
    )
    file: Mapping[str, JsonValue] = Field(
        default_factory=dict, description="what agencies.yaml says otherwise than `rules`"
    )


class RulesNow(_Answer):
    """Answer of `GET /v1/agencies/own/rules`."""

    number: int = Field(description="the last version's, which a change must name")
    in_force: RulesVersion
    waiting: RulesVersion | None = Field(description="a change whose day has not come")
    own: tuple[str, ...] = Field(
        description="the rules that the agency changes; the others are the operators'"
    )


class RulesPreview(_Answer):
    """Answer of `POST /v1/agencies/own/rules/preview`: nothing is recorded."""

    before: RulesVersion
    after: RulesVersion


class ChannelsAllowed(_Answer):
    """How requests come in and answers go out."""

    in_: tuple[PostedChannel, ...] = Field(alias="in")
    out: tuple[ReplyChannel, ...]


class ReasonsPrepared(_Answer):
    """Reasons that a decision may begin with."""

    reject: tuple[str, ...]
    return_: tuple[str, ...] = Field(alias="return")
    exception: tuple[str, ...]


class ActingNow(_Answer):
    """For whom the caller may act."""

    on_behalf_of: str
    until: date = Field(description="the last day, in Malaysia")


class OwnAgency(_Answer):
    """Answer of `GET /v1/agencies/own`: what an administrator decides by."""

    code: str
    name: str
    policy_version: str
    channels: ChannelsAllowed
    approval_levels: int
    prepared_reasons: ReasonsPrepared
    acting_is_restricted: bool = Field(
        description="whether `on_behalf_of` must be one of `acting`; else it is free"
    )
    acting: tuple[ActingNow, ...] = Field(description="the caller's own appointments in force")
    usual_quota_bytes: int | None = None
    state: str | None = Field(default=None, description="whose weekend and holidays count")
    closed_days: tuple[date, ...] = Field(
        default=(), description="the agency's own, beside the state's holidays"
    )
