"""What records answers over HTTP."""

from collections.abc import Mapping
from math import floor
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from bmt.contracts.events import About, Effective, Granted, Target
from bmt.contracts.values import (
    SHA256,
    Account,
    AgencyCode,
    Applicant,
    Channel,
    CharterStep,
    Kind,
    Moment,
    Officer,
    Reason,
    ReplyChannel,
    RequestWarning,
    Status,
    Submitter,
    Value,
)

Sha256 = Annotated[str, Field(description="SHA-256 in lower-case hex.", pattern=SHA256)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class MissingDocument(_Answer):
    """A document that is named and cannot be filed yet; it keeps the file open."""

    document_id: str
    reason: str = Field(
        description="`not_stored`: nobody stored it yet; `content_differs`: its bytes are not those "
        "it is named for; `pending`: it is being fetched"
    )


class RecordItem(_Answer):
    """One file in a list."""

    request_id: str
    reference: str
    kind: Kind
    agency: AgencyCode
    applicant: Applicant
    status: Status
    file_number: str
    volume: int
    folios: int = Field(description="how many documents are filed")
    missing: tuple[MissingDocument, ...]
    received_at: Moment
    filed_at: Moment | None
    held: bool = Field(default=False, description="it is kept, whatever its age")


class RecordFolio(_Answer):
    """A document of the file."""

    number: int = Field(description="1, 2, … without gaps within the file")
    document_id: str
    event_id: str = Field(description="the event that named it first")
    volume: int
    filename: str
    media_type: str
    size_bytes: int
    filed_at: Moment


class RecordedEvent(_Answer):
    """One leaf of the file's chain: a CloudEvent, whole, and its place.

    `hash` is SHA-256 over a zero byte and the canonical JSON (RFC 8785) of `request_id`, `index`,
    `previous`, `topic`, `recorded_at` and `event`, which is this object's CloudEvents attributes that
    are not null, and `data`, in which each value that `salts` names stands as `{"commitment": hash}`:
    SHA-256 over the salt's bytes and the value's canonical JSON.
    """

    index: int = Field(description="1, 2, … without gaps within the file")
    hash: Sha256
    previous: Sha256 | None = Field(description="the hash of the leaf before; null for the first")
    topic: str
    recorded_at: str = Field(description="when the ledger wrote it, RFC 3339 in UTC")
    specversion: str
    id: str
    source: str
    type: str
    subject: str | None = None
    time: str
    dataschema: str | None = None
    sequence: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    data: dict[str, Any]
    salts: dict[str, Sha256] = Field(
        default={}, description="of each personal value, by its JSON pointer (RFC 6901) into `data`"
    )
    disposed_of: bool = Field(
        default=False, description="the personal values are gone, each with its salt"
    )


class DecisionTaken(_Answer):
    """What was decided, by whom, on whose behalf and why."""

    decision: Literal["approved", "rejected", "returned", "withdrawn"]
    decided_by: Officer | None = None
    decided_at: Moment | None = None
    requested_by: Submitter | None = None
    reason: str | None = None
    exception_reason: str | None = None
    on_behalf_of: str | None = None
    approved: Granted | None = None


class Notice(_Answer):
    """A message to the user, as far as it came."""

    about: About
    channel: ReplyChannel
    recipient: str
    status: Literal["prepared", "notified", "failed"]
    at: Moment
    message_id: str | None = None
    document_id: str | None = None
    reason: str | None = None


class RecordState(_Answer):
    """What was so of the request, told from its events alone; null: not known then."""

    status: Status
    reference: str
    kind: Kind
    agency: AgencyCode
    applicant: Applicant
    channel: Channel
    reply_through: ReplyChannel
    quota_bytes: int | None
    max_file_size_bytes: int | None
    received_at: Moment
    policy_version: str = Field(description="the agency's rules that the request is held to")
    submitted_by: Submitter | None = None
    justification: str | None = None
    warnings: tuple[RequestWarning, ...] = ()
    due_at: Moment | None = None
    decision: DecisionTaken | None = None
    configured_by: Officer | None = None
    configured_at: Moment | None = None
    effective: Effective | None = None
    not_read_back: tuple[Target, ...] = Field(
        default=(), description="what of `effective` an officer confirmed, and nobody read back"
    )
    notices: tuple[Notice, ...] = ()
    filed_at: Moment | None = None


class Hold(_Answer):
    """Who keeps a file whatever its age, and why."""

    by: str
    reason: str
    at: Moment


class Record(_Answer):
    """A request's designated file (SOP 6.0), now or as it was."""

    request_id: str
    file_number: str
    volume: int
    version: int = Field(description="the index of the last event shown; `?version=` takes it")
    folios: tuple[RecordFolio, ...]
    missing: tuple[MissingDocument, ...] = Field(description="as it is now, whenever is asked for")
    events: tuple[RecordedEvent, ...]
    state: RecordState
    holds: tuple[Hold, ...] = Field(
        default=(),
        description="as they are now, whenever is asked for; each lasts until it is lifted",
    )


class VerificationFinding(_Answer):
    """One thing that is wrong."""

    where: str = Field(description="a file of the bundle", examples=["proofs/000003.json"])
    wrong: str = Field(examples=["proof_wrong"])
    detail: str


class ProvenLeaf(_Answer):
    """The proof that one event of the file stands in the tree over all files."""

    index: int = Field(description="the event's place in the file, from 1")
    sequence: int = Field(description="its leaf's place in the tree, from 0")
    hashes: tuple[Sha256, ...] = Field(
        description="the path to the checkpoint's root, as RFC 6962, section 2.1.1, orders it"
    )


class EventProof(_Answer):
    """The proof that an event is on record as it was published. It holds no personal value: who asks has the event."""

    leaf: str = Field(
        description="canonical JSON (RFC 8785): commitments stand for personal values"
    )
    salts: Mapping[str, str] | None = Field(
        description="of each commitment, by its place in the data (RFC 6901), in hex; null: the "
        "personal values were disposed of, and can no longer be proven"
    )
    sequence: int = Field(description="the leaf's place in the tree, from 0")
    hashes: tuple[Sha256, ...] = Field(
        description="the path to the checkpoint's root, as RFC 6962, section 2.1.1, orders it"
    )
    checkpoint: str = Field(description="the signed note (c2sp.org/tlog-checkpoint)")


class RecordVerification(_Answer):
    """What a file's verification read and found, as `bmt records verify` does elsewhere."""

    request_id: str
    file_number: str
    valid: bool
    findings: tuple[VerificationFinding, ...] = Field(description="empty where it is valid")
    leaves: int = Field(description="events that were looked at")
    documents: int
    disposed_of: int = Field(description="events whose personal values are gone")
    checkpoint_size: int = Field(description="leaves in the tree that was signed")
    checkpoint: str = Field(description="the signed note (c2sp.org/tlog-checkpoint)")
    keys: tuple[str, ...] = Field(description="the public keys that it was held against")
    proofs: tuple[ProvenLeaf, ...]


class StateChange(_Answer):
    """One field of a file's state that differs."""

    pointer: str = Field(description="RFC 6901, into `state`", examples=["/decision/reason"])
    before: Any = Field(description="null: nothing was known")
    after: Any


class RecordChanges(_Answer):
    """What happened to a file between two moments."""

    request_id: str
    from_version: int = Field(description="the last event at the first moment; 0: no file yet")
    to_version: int
    changes: tuple[StateChange, ...]
    events: tuple[RecordedEvent, ...] = Field(description="those in between")


class ConformanceDeviation(_Answer):
    """One thing that was not as the procedure wants it."""

    code: str
    detail: str = Field(description="no personal data")


class ConformanceLine(_Answer):
    """One request held against the steps of the procedure; null: not done, or not needed."""

    reference: str
    request_id: str
    file_number: str
    kind: Kind
    status: Status
    received_at: Moment
    decided_at: Moment | None
    configured_at: Moment | None
    notified_at: Moment | None = Field(description="when the user was told of the outcome")
    filed_at: Moment | None
    decision: str | None
    decided_by: str | None
    configured_by: str | None
    folios: int
    deviations: tuple[ConformanceDeviation, ...]
    not_read_back: tuple[Target, ...] = Field(
        default=(), description="what an officer configured by hand, and nobody read back"
    )


class ConformanceReport(_Answer):
    """Every request that an agency received in a period (SOP OPERASI/009, ISO/IEC 27001)."""

    agency: AgencyCode
    since: Moment
    before: Moment
    made_at: Moment
    requests: int
    conforming: int
    by_code: dict[str, int] = Field(description="how often each deviation was found")
    lines: tuple[ConformanceLine, ...]


class Consistency(_Answer):
    """The proof that the tree of `first` leaves begins the tree of `second` leaves."""

    first: int
    second: int
    hashes: tuple[Sha256, ...] = Field(description="as RFC 6962, section 2.1.2, orders them")


DisposalStatus = Literal["proposed", "approved", "rejected", "begun", "carried_out", "stopped"]


class HoldReason(Value):
    """Body of `POST /v1/records/{id}/hold` and `…/hold/release`: why it must be kept, or need not be."""

    reason: Reason


class HoldStands(BaseModel):
    """Whether a file is held."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    held: bool


class DisposalProposal(Value):
    """Body of `POST /v1/disposals`: whose personal data shall go, and on what ground."""

    account: Account
    reason: Reason


class DisposalRuling(Value):
    """Body of `POST /v1/disposals/{id}/decision`."""

    decision: Literal["approved", "rejected"]
    reason: Reason | None = None


class DisposalStands(BaseModel):
    """How far a disposal is."""

    model_config = ConfigDict(frozen=True)

    disposal_id: str
    status: DisposalStatus


class DisposalItem(DisposalStands):
    """A disposal in a list. Account and reason go with the rest once it is carried out."""

    agency: AgencyCode
    account: str
    reason: str
    request_ids: tuple[str, ...] = Field(description="the files that hold something of the person")
    proposed_by: str
    proposed_at: Moment
    decided_by: str | None = None
    decided_at: Moment | None = None
    ended_at: Moment | None = None


class Tally(_Answer):
    """How many requests reached a step, and what became of its promise."""

    kept: int = Field(default=0, description="done by the due time")
    late: int = Field(
        default=0,
        description="done after it; a decision also where one before a correction was late",
    )
    overdue: int = Field(default=0, description="not done, and past the due time")
    pending: int = Field(
        default=0, description="not done, and not due yet; or back with the applicant"
    )

    @computed_field(  # type: ignore[prop-decorator]
        description="`kept` of all that was due (`kept`, `late`, `overdue`), rounded down to a tenth; "
        "null: nothing was due. What is not decided is never kept."
    )
    @property
    def kept_percent(self) -> float | None:
        due = self.kept + self.late + self.overdue
        return floor(self.kept * 1000 / due) / 10 if due else None


WorkingSeconds = Annotated[
    int | None,
    Field(description="office hours (8 to 17, working days) until it was done; null: none was"),
]


class StepFigures(Tally):
    """One step of the charter."""

    step: CharterStep
    median_seconds: WorkingSeconds
    p90_seconds: WorkingSeconds


class Steps(_Answer):
    """Requests that have something in common."""

    requests: int
    decide: Tally
    configure: Tally
    notify: Tally


class OfMonth(Steps):
    """Those of one month."""

    month: str = Field(description="in which they were received", examples=["2026-11"])


class OfChannel(Steps):
    """Those that came by one channel."""

    channel: Channel


class OfKind(Steps):
    """Those of one kind."""

    kind: Kind


class OfAgency(Steps):
    """Those of one agency."""

    agency: AgencyCode


class OpenOfAge(_Answer):
    """Requests that are open now and were received so many working days ago, by what they wait for."""

    from_days: int
    to_days: int | None = Field(description="included; null: or more")
    decide: int
    configure: int
    notify: int
    applicant: int = Field(description="returned: they wait for their applicants")
    overdue: int = Field(description="how many of these are past the due time of their step")


class Returns(_Answer):
    """How often requests were returned for a reason."""

    reason: str | None = Field(description="of the agency's prepared ones; null: in own words")
    returns: int


class CharterFigures(_Answer):
    """How the client charter was kept with the requests received in a period."""

    agency: AgencyCode | None = Field(description="null: all agencies")
    since: Moment
    before: Moment
    made_at: Moment
    requests: int
    withdrawn: int = Field(description="by their applicants before a decision was due: not counted")
    judged_by_todays_rules: int = Field(
        description="received before due times were on record: today's rules stand in"
    )
    steps: tuple[StepFigures, ...]
    months: tuple[OfMonth, ...]
    channels: tuple[OfChannel, ...]
    kinds: tuple[OfKind, ...]
    agencies: tuple[OfAgency, ...] = Field(description="empty where one agency is asked for")
    open: tuple[OpenOfAge, ...] = Field(description="all that are open now, whenever received")
    returns: tuple[Returns, ...] = Field(description="the most frequent first")
