"""What is left of a run, seen from outside: the audit's raw material, not judged here.

Only `answers` comes through the services' own code, over HTTP; it is compared with the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from prove.client_log import Call

NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where everything of a system is, and the auditor's credentials.

    Attributes:
        ready: the ready file's document.
        mongodb_uri: of a user who may read everything (root, in an evaluation).
        client_log: the file of the run's clients.
        auditor_token: of an auditor of all agencies.
        administrators: an administrator's token, by agency.
        kafka_user: reads the topics; its password is in the ready file's `principals`.
        ipms_journal: the file of the evaluation's IPMS, if at hand.
    """

    ready: Mapping[str, Any]
    mongodb_uri: str
    client_log: Path
    auditor_token: str
    administrators: Mapping[str, str]
    kafka_user: str = "observer"
    ipms_journal: Path | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record, byte for byte; `timestamp` in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None

    @classmethod
    def of(cls, raw: Any) -> "Record":
        """A record as a client of Kafka has it."""
        headers = tuple((name, bytes(value or b"")) for name, value in raw.headers)
        return cls(raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, headers, raw.value)

    def header(self, name: str) -> str | None:
        """The last header of that name as text."""
        found = [raw for each, raw in self.headers if each == name]
        return found[-1].decode(errors="replace") if found and found[-1] is not None else None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event within a commit; `sequence` 0 marks a private one."""

    id: str
    type: str
    time: datetime
    sequence: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredCommit:
    """One document of a service's `commits`."""

    service: str
    id: str
    stream: str
    version: int
    sequence: int
    events: tuple[StoredEvent, ...]
    fingerprint: str
    recorded_at: datetime
    outbox: bool = False
    refusal: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked event, and why it is parked."""

    service: str
    topic: str
    event_id: str
    request_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Work:
    """A pending item of a service's worker, and why it waits."""

    service: str
    id: str
    target: str
    request_id: str
    due_at: datetime
    attempts: int
    waiting_for: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account of IPMS; `max_file_size_bytes` is null if none was ever set."""

    account: str
    active: bool
    bmt_enabled: bool
    max_file_size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of IPMS's journal, in order: what an account became."""

    number: int
    account: str
    at: str
    bmt_enabled: bool
    max_file_size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Volume:
    """What the storage says of an account's volume; `quota_bytes` is null if closed."""

    account: str
    open: bool
    quota_bytes: int | None
    max_file_size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """One message that the mail server took."""

    file: str
    message_id: str | None
    recipients: tuple[str, ...]
    subject: str
    at: float
    digest: str
    """SHA-256 of the message without the envelope lines of its delivery."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the services answer about one request; null if they know none.

    Attributes:
        status: intake's `GET /v1/requests/{id}`.
        review: approval's.
        record: records' `GET /v1/records/{id}`.
        notifications: notification's list.
        on_worklist: approval lists it as open.
    """

    status: Mapping[str, Any] | None = None
    review: Mapping[str, Any] | None = None
    record: Mapping[str, Any] | None = None
    notifications: tuple[Mapping[str, Any], ...] | None = None
    on_worklist: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a service's `/metrics`."""

    service: str
    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the audit looks at.

    Attributes:
        records: of every topic that the observer may read, each partition in order.
        changes: IPMS's journal, since IPMS was started.
        volumes: of each account that IPMS or a request names.
        answers: by request id.
        documents: ids of the stored documents.
        unfinished: what an approved but unconfigured request waits for, by its id.
        tasks: ids of requests with an open task.
    """

    calls: tuple[Call, ...] = ()
    records: tuple[Record, ...] = ()
    commits: tuple[StoredCommit, ...] = ()
    parked: tuple[Parked, ...] = ()
    work: tuple[Work, ...] = ()
    accounts: tuple[Account, ...] = ()
    changes: tuple[Change, ...] = ()
    volumes: tuple[Volume, ...] = ()
    mails: tuple[Mail, ...] = ()
    answers: Mapping[str, Answers] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    documents: frozenset[str] = frozenset()
    unfinished: Mapping[str, str] = field(default_factory=dict)
    tasks: frozenset[str] = frozenset()
    gathered_at: datetime = NEVER


class Unreachable(Exception):  # noqa: N818  named for what is so
    """A part of the system cannot be audited, because it does not answer."""

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"{part} cannot be looked at: {why}")
        self.part = part
