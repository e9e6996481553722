"""`bmt trace` on the databases of a test."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from bmt.chassis.eventsourcing.event_store import Commit, EventRecord, MongoEventStore
from bmt.chassis.messaging.parking import Parked, ParkingLot, Record
from bmt.chassis.work import WorkItem, WorkQueue
from bmt.contracts import topics

pytestmark = pytest.mark.integration

SAMPLES = Path(__file__).parents[2] / "contract"
REFERENCE = "BMT-MAMPU-2026-7K3QF9ZT"
SERVICES = tuple(topics.WRITERS.values())
numbers = count(1)


@pytest.fixture
def decided(databases):
    """`await decided("intake", request, "RequestReceived")`: a commit of that stream, as its service stores it."""
    ends: dict[str, int] = {}

    async def decide(service, request, *names, cause=None, at=None, outbox=False, data=None):
        stream, at = f"request-{request}", at or datetime.now(UTC)
        version = ends[service] = ends.get(service, 0) + 1
        events = tuple(
            EventRecord(
                f"{service}-{name}",
                f"my.gov.bmt.{name}.v1",
                at,
                0 if "." in name else version,
                json.dumps(data or {}),
            )
            for name in names
        )
        store = MongoEventStore(databases(service)["commits"])
        await store.prepare()
        cause = cause or f"cmd:{next(numbers):040}"
        await store.append([Commit(cause, stream, version, version, events, "f", at, outbox)])

    return decide


@pytest.fixture
def shown(databases):
    """`await shown(request, "approved")`: intake's view shows the request so, and has all that others published."""

    async def show(request, status):
        applied = {f"/bmt/{service}/{request}": 1_000 for service in SERVICES}
        facts = {
            "reference": REFERENCE,
            "agency": "MAMPU",
            "kind": "application",
            "applicant": {"name": "Siti binti Ali", "email": "siti@mampu.gov.my"},
        }
        document = {"_id": request, "status": status, "facts": facts, "_applied": applied}
        await databases("intake")["requests"].insert_one(document)

    return show


@pytest.fixture
def request_id():
    return str(uuid.uuid4())


async def test_a_request_is_followed_over_all_services_by_id_and_by_reference(
    bmt, decided, shown, request_id
):
    began = datetime.now(UTC)
    at = [began + timedelta(milliseconds=step) for step in range(5)]
    await decided("intake", request_id, "RequestReceived", at=at[0])
    received = "intake-RequestReceived"
    await decided("notification", request_id, "notification.Got", cause=received, at=at[2])
    filed = {
        "leaf_index": 1,
        "event_id": received,
        "event_type": "my.gov.bmt.RequestReceived.v1",
        "file_number": "MAMPU.BMT.600-1/2/1",
        "number": 1,
        "volume": 1,
    }
    names = ("records.FileOpened", "records.EventFiled", "records.FolioFiled")
    await decided("records", request_id, *names, cause=received, at=at[3], data=filed)
    await decided("approval", request_id, "ReviewOpened", cause=received, at=at[1])
    opened = "approval-ReviewOpened"
    await decided("records", request_id, "records.Noted", cause=opened, at=at[4])
    await shown(request_id, "received")

    answer = await bmt("trace", "bmt mampu 2026 7k3q f9zt", "--json")

    assert answer.code == 0, answer.err
    found = answer.json
    assert (found["request_id"], found["reference"]) == (request_id, REFERENCE)
    assert found["waits_for"] == "It waits for an administrator of MAMPU to decide."
    services = [one["service"] for one in found["commits"]]
    assert services == ["intake", "approval", "notification", "records", "records"]
    causes = [one["causation"] for one in found["commits"][1:]]
    assert causes == [received, received, received, opened]
    first, filing = found["commits"][0], found["commits"][3]
    assert (first["version"], first["outbox"]) == (1, False)
    assert first["stream"] == f"request-{request_id}"
    assert first["events"][0]["public"]
    assert [event["public"] for event in filing["events"]] == [False, False, False]
    assert found["record"]["file_number"] == "MAMPU.BMT.600-1/2/1"
    assert found["record"]["leaves"][0]["number"] == 1
    assert found["record"]["folios"] == [{"number": 1, "volume": 1, "event_id": received}]
    text = await bmt("trace", request_id)
    assert "ReviewOpened (public); caused by intake's RequestReceived" in text.out
    assert text.out.splitlines()[-1] == found["waits_for"]


async def test_nothing_of_what_the_events_say_about_people_is_shown(
    bmt, databases, decided, shown, request_id
):
    """Every sample of every event, a parked one, a notice and open work, with all that they say."""
    personal: set[str] = set()
    now = datetime.now(UTC)
    for folder, service in (("samples", "intake"), ("private", "approval")):
        for sample in sorted((SAMPLES / folder).glob("*.json")):
            data = json.loads(sample.read_text())
            personal |= set(said(data))
            name = sample.name.partition(".v1")[0].removeprefix("my.gov.bmt.")
            await decided(service, request_id, name, data=data)
    lot = ParkingLot(databases("records")["parked"])
    value = json.dumps({"name": "Siti binti Ali"}).encode()
    headers = (("ce_type", b"my.gov.bmt.RequestReceived.v1"),)
    record = Record(topics.REQUESTS, 0, 1, request_id, headers, value, request_id.encode())
    await lot.park([Parked(record, "KeyError", 6, None, now)])
    reason = "550 siti@mampu.gov.my is unknown"
    work = WorkItem(f"{request_id}:1", "smtp", request_id, now, 3, reason)
    await WorkQueue(databases("notification")["work"]).change([work])
    notice = {
        "_id": "1",
        "request_id": request_id,
        "place": "1",
        "refusal": reason,
        "about": "configured",
        "channel": "email",
        "status": "prepared",
        "account": "siti.mampu@mygovuc.gov.my",
    }
    await databases("notification")["told"].insert_one(notice)
    await shown(request_id, "configured")

    text, as_json = await bmt("trace", request_id), await bmt("trace", request_id, "--json")

    assert (text.code, as_json.code) == (1, 1)
    assert as_json.json["notices"] == [
        {
            "notification_id": "1",
            "about": "configured",
            "channel": "email",
            "status": "prepared",
        }
    ]
    assert as_json.json["work"][0]["attempts"] == 3
    assert as_json.json["parked"][0]["waits_for"] == "operator"
    assert len(as_json.json["commits"]) > 30
    assert len(personal) > 30
    for answer in (text, as_json):
        told = answer.out + answer.err
        assert [one for one in personal if one in told] == []
        assert not [one for one in ("Siti", "@", "is unknown") if one in told]


def said(data) -> Iterator[str]:
    """Each text of a person or about one: it has a space or an @."""
    if isinstance(data, dict):
        for value in data.values():
            yield from said(value)
    elif isinstance(data, list):
        for value in data:
            yield from said(value)
    elif isinstance(data, str) and (" " in data.strip() or "@" in data):
        yield data


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        (str(uuid.UUID(int=7)), f"no service knows a request {uuid.UUID(int=7)}"),
        (REFERENCE, f"no request has the reference {REFERENCE}: name the request's id"),
        ("my request", "my request is neither a request's id nor a reference"),
    ],
)
async def test_a_request_that_nobody_knows_is_told_in_one_line(bmt, typed, fault):
    answer = await bmt("trace", typed)
    assert (answer.code, answer.err) == (1, f"bmt: {fault}\n")
