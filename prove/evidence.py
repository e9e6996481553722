"""What is left of a run, seen from outside, and the log of its clients, one JSON object a line: the audit's raw material, not judged here.

Only `answers` comes through the services' own code, over HTTP; it is compared with the rest.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

Action = Literal[
    "submit",
    "submit_event",
    "submit_email",
    "decide",
    "withdraw",
    "correct",
    "complete_task",
    "dispatch",
    "poison",
    "upload",
]

PUBLISHED: Final = 202
"""The status of a record that the broker acknowledged; its answer is the record's place."""


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of one client.

    Attributes:
        at: when it was sent or answered, RFC 3339 in UTC.
        story: the story of the workload, or what a poison record is.
        key: the Idempotency-Key; the `ce_id` of an event; any name of a poison record.
        by: `sub` of the token, or the Kafka principal.
        request_id: null if only the answer names it.
        sent: the body as JSON; of an e-mail `{"message": text}`; of a record
            `{"topic", "headers": {name: text}, "value": base64 or null}`.
        status: null when sent, else the HTTP status or `PUBLISHED`.
        answer: the body as JSON; of a record `{"topic", "partition", "offset"}`.
        replayed: the answer had `Idempotent-Replayed: true`.
    """

    at: str
    story: str
    action: Action
    key: str
    by: str
    request_id: str | None
    sent: Any
    status: int | None = None
    answer: Any = None
    replayed: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the answer was a yes, which must stand."""
        return self.status is not None and self.status in range(200, 300)


class Log:
    """An append-only file. Each line is with the kernel before `append` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def append(self, call: Call) -> None:
        os.write(self._file, json.dumps(asdict(call), ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


def read(path: Path) -> list[Call]:
    """The calls in order, without a last line that a kill cut short."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [Call(**json.loads(line)) for line in lines]


def now() -> str:
    """The present time, as in `at`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


REFUSALS: Final = range(400, 500)
"""The HTTP statuses that mean no; 5xx leaves it open."""


@dataclass(frozen=True, slots=True)
class Intention:
    """One client's calls with one key, in order."""

    by: str
    key: str
    calls: tuple[Call, ...]

    @property
    def action(self) -> str:
        return self.calls[0].action

    @property
    def story(self) -> str:
        return self.calls[0].story

    @property
    def answers(self) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.status is not None)

    @property
    def accepted(self) -> tuple[Call, ...]:
        """The answers that must stand."""
        return tuple(call for call in self.calls if call.accepted)

    @property
    def settled(self) -> bool:
        """Whether the client was answered yes or no, not `later`."""
        return any(call.accepted or (call.status or 0) in REFUSALS for call in self.calls)

    @property
    def bodies(self) -> tuple[Any, ...]:
        """The different bodies that were accepted under the key."""
        return tuple({_canonical(call.sent): call.sent for call in self.accepted}.values())

    @property
    def request_ids(self) -> frozenset[str]:
        """The requests that the accepted answers name."""
        named = (call.answer.get("request_id") for call in self.accepted if _is_object(call))
        return frozenset(name for name in named if name)


def intentions(calls: Iterable[Call]) -> tuple[Intention, ...]:
    """The calls grouped by caller and key."""
    found: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        found.setdefault((call.by, call.key), []).append(call)
    return tuple(Intention(by, key, tuple(calls)) for (by, key), calls in found.items())


def _is_object(call: Call) -> bool:
    return isinstance(call.answer, dict)


def _canonical(body: Any) -> str:
    return json.dumps(body, sort_keys=True)


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
    """An account's volume as the storage shows it; `quota_bytes` is null if closed."""

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
