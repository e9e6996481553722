"""What records answers over HTTP."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.events import About, Effective, Granted, Target
from bmt.contracts.values import (
    SHA256,
    AgencyCode,
    Applicant,
    Channel,
    Kind,
    Moment,
    Officer,
    ReplyChannel,
    RequestWarning,
    Status,
    Submitter,
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
