"""Evidence of a small sound run, put together by hand: what each bug's footprint is then pressed into."""

import base64
import json
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sound_services import answers_of, samples_of

from bmt.contracts import topics
from prove.books import Books
from prove.evidence import (
    PUBLISHED,
    Account,
    Call,
    Change,
    Evidence,
    Mail,
    Record,
    StoredCommit,
    StoredEvent,
    Volume,
)

GB = 10**9
BEGIN = datetime(2026, 11, 24, 9, tzinfo=UTC)
ONE, TWO = "one.mampu@mygovuc.gov.my", "two.mampu@mygovuc.gov.my"
TOPIC_OF = {
    event.TYPE.split(".")[-2]: (topic, service)
    for topic, service in topics.WRITERS.items()
    for event in topics.EVENTS[topic]
}
INBOUND = topics.inbound("hrmis")


@dataclass
class Scene:
    """What is known so far; every step happens a second after the one before."""

    calls: list[Call] = field(default_factory=list)
    commits: list[StoredCommit] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    volumes: dict[str, Volume] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    seconds: int = 0
    offsets: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def now(self) -> datetime:
        self.seconds += 1
        return BEGIN + timedelta(seconds=self.seconds)

    def register(self, account: str) -> None:
        self.set_ipms(account, enabled=False, largest=None)
        self.volumes[account] = Volume(account, open=False, quota_bytes=None)

    def set_ipms(self, account: str, *, enabled: bool, largest: int | None) -> None:
        at = self.now().isoformat()
        self.changes.append(Change(len(self.changes), account, at, enabled, largest))
        self.accounts[account] = Account(account, True, enabled, largest)

    def commit(self, service: str, request: dict, cause: str, *events: tuple[str, dict]) -> str:
        """Store and say; the id of the last event."""
        stream = f"request-{request['request_id']}"
        before = [each for each in self.commits if (each.service, each.stream) == (service, stream)]
        sequence = before[-1].sequence if before else 0
        at, stored = self.now(), []
        for name, data in events:
            said = name in TOPIC_OF
            sequence += said
            whole = {"request": request, **data}
            type_ = f"my.gov.bmt.{name}.v1" if said else f"my.gov.bmt.{service}.{name}.v1"
            id_ = str(uuid.uuid4())
            stored.append(StoredEvent(id_, type_, at, sequence if said else 0, whole))
            if said:
                self._say(service, stored[-1], cause, request["request_id"], sequence)
        commit = StoredCommit(
            service, cause, stream, len(before) + 1, sequence, tuple(stored), cause, at
        )
        self.commits.append(commit)
        return stored[-1].id if stored else ""

    def _say(
        self, service: str, event: StoredEvent, cause: str, subject: str, sequence: int
    ) -> None:
        headers = {
            "ce_specversion": "1.0",
            "ce_id": event.id,
            "ce_source": f"/bmt/{service}",
            "ce_type": event.type,
            "ce_subject": subject,
            "ce_time": event.time.isoformat(),
            "ce_sequence": str(sequence),
            "ce_causationid": cause,
        }
        topic = TOPIC_OF[event.type.split(".")[-2]][0]
        self.write(topic, headers, json.dumps(event.data).encode())

    def write(self, topic: str, headers: dict[str, str], value: bytes) -> int:
        offset = self.offsets[topic]
        self.offsets[topic] += 1
        raw = tuple((name, text.encode()) for name, text in headers.items())
        at = int(BEGIN.timestamp() * 1000) + self.seconds * 1000
        self.records.append(Record(topic, 0, offset, at, b"key", raw, value))
        return offset

    def call(self, action: str, by: str, sent: Any, status: int, answer: Any, **more: Any) -> Call:
        """Sent, then answered."""
        key = more.pop("key", None) or str(uuid.uuid4())
        asked = Call(self.now().isoformat(), "story", action, key, by, more.get("about"), sent)
        done = Call(
            self.now().isoformat(),
            "story",
            action,
            key,
            by,
            more.get("about"),
            sent,
            status,
            answer,
        )
        self.calls += [asked, done]
        return done

    def file(self, request: dict) -> None:
        """Every event of the request that records did not take in yet, each by a commit of its own."""
        id_ = request["request_id"]
        known = {each.id for each in self.commits if each.service == "records"}
        events = [
            (event, commit)
            for commit in self.commits
            for event in commit.events
            if commit.stream == f"request-{id_}" and commit.service != "records" and event.sequence
        ]
        for event, _ in events:
            if event.id not in known:
                self.commit("records", request, event.id, ("EventFiled", {"event_id": event.id}))

    def evidence(self) -> Evidence:
        """With answers that say what the events say."""
        raw = Evidence(
            calls=tuple(self.calls),
            records=tuple(self.records),
            commits=tuple(self.commits),
            accounts=tuple(self.accounts.values()),
            changes=tuple(self.changes),
            volumes=tuple(self.volumes.values()),
            mails=tuple(self.mails),
            gathered_at=self.now(),
        )
        books = Books(raw)
        answers = {name: answers_of(books, name) for name in books.by_request}
        return Evidence(**{**_fields(raw), "answers": answers, "samples": samples_of(books)})


def _fields(evidence: Evidence) -> dict[str, Any]:
    return {name: getattr(evidence, name) for name in evidence.__slots__}


def request_of(account: str, kind: str = "application") -> dict:
    applicant = {"account": account, "name": "Siti", "email": account}
    size = 5 * GB if kind == "application" else None
    return {
        "request_id": str(uuid.uuid4()),
        "kind": kind,
        "agency": "MAMPU",
        "applicant": applicant,
        "quota_bytes": size,
        "max_file_size_bytes": GB if kind == "application" else None,
    }


def decided(by: str, at: datetime) -> dict:
    officer = {"subject": by, "name": by, "role": "administrator"}
    return {"decided_by": officer, "decided_at": at.isoformat(), "reason": "Baik"}


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def poisoned(scene: Scene, value: bytes = b"{") -> None:
    """A record on the integrator's topic that nobody can read, and its dead letter."""
    headers = {"ce_id": str(uuid.uuid4())}
    sent = {"topic": INBOUND, "headers": headers, "value": encoded(value)}
    place = {"topic": INBOUND, "partition": 0, "offset": scene.offsets[INBOUND]}
    scene.offsets[INBOUND] += 1
    scene.call("poison", "hrmis", sent, PUBLISHED, place)
    why = {
        "bmt_reason": "malformed",
        "bmt_detail": "the value is not JSON",
        "bmt_origin_topic": INBOUND,
        "bmt_origin_partition": "0",
        "bmt_origin_offset": str(place["offset"]),
        "bmt_refused_by": "intake",
    }
    scene.write(topics.DEAD_LETTERS, headers | why, value)
