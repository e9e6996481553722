"""Evidence of a small sound run, put together by hand: what each bug's footprint is then pressed into."""

import base64
import json
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bmt.contracts import topics
from prove.books import Books, status_after
from prove.evidence import (
    PUBLISHED,
    Account,
    Answers,
    Call,
    Change,
    Evidence,
    Mail,
    Record,
    Sample,
    StoredCommit,
    StoredEvent,
    Volume,
)
from prove.invariants import views


def samples_of(books: Books) -> tuple[Sample, ...]:
    """What sound services measure at rest."""
    standing_at = Counter(status_after(events) for events in books.by_request.values())
    counted = [
        Sample("intake", "bmt_requests", {"agency": "MAMPU", "status": status}, count)
        for status, count in standing_at.items()
    ]
    place = {"consumergroup": "bmt.records", "topic": topics.REQUESTS, "partition": "0"}
    lag = Sample("records", "kafka_consumergroup_lag", place, 0)
    return (*counted, lag, Sample("approval", "bmt_outbox_pending", {"service": "approval"}, 0))


def answers_of(books: Books, request_id: str) -> Answers:
    """What sound services answer."""
    events = books.by_request[request_id]
    review = [each for each in events if each.service == "approval"]
    steps = [{"step": views._step(each), "at": each.time} for each in events]
    last = review[-1] if review else None
    decided = last.data.get("decided_by") if last else None
    leaves, before = [], None
    for index, each in enumerate([e for e in events if e.name != "Filed"], start=1):
        leaf = {"id": each.id, "index": index, "previous": before, "hash": f"h{index}"}
        leaves.append(leaf | {"data": each.data, "topic": each.record.topic})
        before = f"h{index}"
    status = {"NotificationPrepared": "prepared", "Notified": "notified"}
    notices = {
        each.data["notification_id"]: {
            "notification_id": each.data["notification_id"],
            "channel": each.data["channel"],
            "status": status[each.name],
        }
        for each in events
        if each.name in status
    }
    return Answers(
        status={"status": status_after(events), "steps": steps},
        review={
            "status": views._REVIEW_OF[last.name],
            "decision": {"version": last.sequence, "decided_by": decided} if decided else None,
        }
        if last
        else None,
        record={"events": leaves, "state": {"status": status_after(events)}},
        notifications=tuple(notices.values()),
        on_worklist=bool(last) and last.name == "ReviewOpened",
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


CHOICE = {"Approved": "approve", "Rejected": "reject", "ReturnedForCorrection": "return"}


def receive(scene: Scene, account: str, kind: str = "application") -> tuple[dict, str]:
    """Submitted twice with one key, answered twice alike; acknowledged; on the worklist."""
    request = request_of(account, kind)
    body = {name: value for name, value in request.items() if name != "request_id"}
    body["justification"] = "Fail besar"
    answer = {"request_id": request["request_id"], "status": "received"}
    first = scene.call("submit", ONE, body, 201, answer)
    scene.call("submit", ONE, body, 201, answer, key=first.key)
    said = {"justification": "Fail besar", "submitted_by": {"subject": ONE}}
    received = scene.commit("intake", request, f"cmd:{first.key}", ("RequestReceived", said))
    scene.commit("approval", request, received, ("ReviewOpened", {}), ("PapersReceived", {}))
    tell(scene, request, received, "acknowledgement")
    return request, received


def tell(scene: Scene, request: dict, event_id: str, about: str) -> None:
    """Prepared, sent, noted."""
    account = request["applicant"]["account"]
    facts = {
        "about": about,
        "channel": "email",
        "recipient": account,
        "message_id": f"<{event_id}@mygovuc.gov.my>",
        "notification_id": event_id,
    }
    notice = {"notice": {"notification_id": event_id}}
    scene.commit("notification", request, event_id, ("NoticeDue", notice))
    prepared = ("NotificationPrepared", facts)
    scene.commit("notification", request, f"work:{event_id}:prepare", prepared)
    at = scene.now().timestamp()
    scene.mails.append(
        Mail(f"{event_id}.eml", facts["message_id"], (account,), about, at, f"digest {event_id}")
    )
    scene.commit("notification", request, f"work:{event_id}:1", ("Notified", facts))


def decide(scene: Scene, request: dict, name: str = "Approved", by: str = ONE) -> str:
    """One officer decides; another is too late and is shown so."""
    request_id = request["request_id"]
    grants = request["kind"] == "application"
    sizes = {
        "quota_bytes": 5 * GB if grants else None,
        "max_file_size_bytes": GB if grants else None,
    }
    facts = decided(by, scene.now()) | ({"approved": sizes} if name == "Approved" else {})
    event = scene.commit("approval", request, f"cmd:{request_id}:{name}", (name, facts))
    version = scene.commits[-1].sequence
    told = {
        "request_id": request_id,
        "decision": CHOICE[name],
        "version": version,
        "decided_by": facts["decided_by"],
    }
    ruling = {"decision": CHOICE[name]}
    scene.call("decide", by, ruling, 201, told, about=request_id)
    late = {"type": "urn:bmt:problem:already_decided", "decision": told}
    scene.call("decide", TWO, {"decision": "reject"}, 409, late, about=request_id)
    return event


def configure(scene: Scene, request: dict, approved: str) -> str:
    """Both targets, read back."""
    account = request["applicant"]["account"]
    on = request["kind"] == "application"
    largest, quota = (GB, 5 * GB) if on else (None, None)
    work = f"work:{request['request_id']}:0"
    scene.commit("provisioning", request, approved, ("ConfigurationDue", {}))
    scene.commit("provisioning", request, f"{work}:started", ("ConfigurationStarted", {}))
    scene.set_ipms(account, enabled=on, largest=largest)
    scene.volumes[account] = Volume(account, on, quota)
    effective = {
        "ipms": {"bmt_enabled": on, "max_file_size_bytes": largest},
        "storage": {"enabled": on, "quota_bytes": quota, "max_file_size_bytes": largest},
    }
    done = ("Configured", {"effective": effective})
    return scene.commit("provisioning", request, f"{work}:configured", done)


def end(scene: Scene, request: dict, event_id: str, about: str) -> None:
    """The outcome is told, the file is closed."""
    tell(scene, request, event_id, about)
    scene.file(request)
    closed = ("Filed", {"file_number": "BMT/1"})
    scene.commit("records", request, f"work:{request['request_id']}:file", closed)


def application(scene: Scene, account: str) -> dict:
    request, _ = receive(scene, account)
    end(scene, request, configure(scene, request, decide(scene, request)), "configured")
    return request


def termination(scene: Scene, account: str) -> dict:
    request, _ = receive(scene, account, "termination")
    end(scene, request, configure(scene, request, decide(scene, request)), "terminated")
    return request


def rejection(scene: Scene, account: str) -> dict:
    request, _ = receive(scene, account)
    end(scene, request, decide(scene, request, "Rejected"), "rejected")
    return request


def withdrawal(scene: Scene, account: str) -> dict:
    request, _ = receive(scene, account)
    request_id = request["request_id"]
    scene.call("withdraw", ONE, {"reason": "Tidak perlu"}, 202, {"request_id": request_id})
    wanted = scene.commit("intake", request, f"cmd:{request_id}:w", ("WithdrawalRequested", {}))
    end(scene, request, scene.commit("approval", request, wanted, ("Withdrawn", {})), "withdrawn")
    return request


def waiting(scene: Scene, account: str) -> dict:
    """Nobody decided yet."""
    request, _ = receive(scene, account)
    scene.file(request)
    return request
