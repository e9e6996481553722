"""What integrators may not publish, and what becomes of it: nothing is lost, and nobody is held up."""

import json
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from fixtures.outside import Observer, application, as_principal, headers_of

pytestmark = pytest.mark.e2e

INBOUND = "bmt.inbound.hrmis.v1"
DEAD_LETTERS = "bmt.dead-letters.v1"
SUBMITTED = "my.gov.bmt.RequestSubmitted.v1"


@pytest.fixture
async def hrmis(ready) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(**as_principal(ready, "hrmis"), acks="all") as producer:
        yield producer


def submission(account: str, **changes) -> dict:
    """The data of a submission: an application without its channel, and where it comes from."""
    return application(account, **{"channel": ..., "source_reference": "HR/1", **changes})


def binary(value: bytes, **attributes: str) -> dict:
    """A record in binary mode; an attribute that is empty is left out."""
    said = {"specversion": "1.0", "id": uuid.uuid4().hex, "source": "/hrmis", "type": SUBMITTED}
    said |= attributes
    headers = [(f"ce_{name}", text.encode()) for name, text in said.items() if text]
    headers.append(("content-type", b"application/json"))
    return {"value": value, "key": b"HR/1", "headers": headers}


def structured(data: dict, event_id: str) -> dict:
    """A record in structured mode."""
    event = {"specversion": "1.0", "id": event_id, "source": "/hrmis", "type": SUBMITTED}
    event |= {"datacontenttype": "application/json", "data": data}
    headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]
    return {"value": json.dumps(event).encode(), "key": b"HR/1", "headers": headers}


async def received(ready, *accounts: str) -> dict[str, list[dict]]:
    """What was received for each of these accounts, once there is something for all of them."""

    def all_there(records) -> dict[str, list[dict]]:
        found: dict[str, dict[str, dict]] = {account: {} for account in accounts}
        for record in records:
            headers, data = headers_of(record), json.loads(record.value)
            account = data["request"]["applicant"]["account"]
            if account in found and headers["ce_type"] == "my.gov.bmt.RequestReceived.v1":
                found[account][headers["ce_id"]] = data
        assert all(found.values()), {account: len(events) for account, events in found.items()}
        return {account: list(events.values()) for account, events in found.items()}

    async with Observer(ready, "bmt.requests.v1") as observer:
        return await observer.until(all_there)


async def buried(ready, *places: tuple[int, int]) -> list:
    """The dead letters of what stood at these partitions and offsets of the inbound topic."""

    def all_there(records) -> list:
        by_place = {}
        for record in records:
            headers = headers_of(record)
            if headers["bmt_origin_topic"] == INBOUND:
                place = (int(headers["bmt_origin_partition"]), int(headers["bmt_origin_offset"]))
                by_place[place] = record
        assert set(places) <= set(by_place)
        return [by_place[place] for place in places]

    async with Observer(ready, DEAD_LETTERS) as observer:
        return await observer.until(all_there)


def _stranger() -> str:
    """An account of MAMPU that nobody registered."""
    return f"u{uuid.uuid4().hex}.mampu@mygovuc.gov.my"


async def test_a_submission_is_a_request_in_both_modes_and_once_for_its_id(ready, hrmis):
    mine, theirs = _stranger(), _stranger()
    people = {name: {"account": name, "name": "Siti", "email": name}
              for name in (mine, theirs)}  # fmt: skip
    once = binary(json.dumps(submission(mine, applicant=people[mine])).encode())
    other = structured(submission(theirs, applicant=people[theirs]), uuid.uuid4().hex)
    for record in (once, other, once, other):
        await hrmis.send_and_wait(INBOUND, **record)
    last = _stranger()
    person = {"account": last, "name": "Siti", "email": last}
    await hrmis.send_and_wait(
        INBOUND, **binary(json.dumps(submission(last, applicant=person)).encode())
    )

    events = await received(ready, mine, theirs, last)

    for account in (mine, theirs):
        (data,) = events[account]
        assert data["request"]["channel"] == "event"
        assert data["request"]["agency"] == "MAMPU"
        assert data["submitted_by"] == {"subject": "hrmis", "role": "integrator"}
        assert data["warnings"] == ["not_registered"]


REFUSED = {
    "no JSON": binary(b"{"),
    "no object": binary(b"[]"),
    "no UTF-8": binary(b"\xff\xfe"),
    "empty": binary(b""),
    "no value": binary(b"") | {"value": None},
    "no attributes": {"value": b"{}", "key": None, "headers": []},
    "no id": binary(b"{}", id=""),
    "no source": binary(b"{}", source=""),
    "another specification": binary(b"{}", specversion="0.3"),
    "an unknown type": binary(b"{}", type="my.gov.bmt.RequestCancelled.v1"),
    "an unknown version": binary(b"{}", type="my.gov.bmt.RequestSubmitted.v2"),
    "somebody else's event": binary(b"{}", type="my.gov.bmt.Approved.v1"),
}
SIAPA = "siapa.mampu@mygovuc.gov.my"
WRONG_DATA = {
    "another agency's": submission("lim.jpa@mygovuc.gov.my", agency="JPA"),
    "an agency that nobody knows": submission(SIAPA, agency="JKR"),
    "with a channel": submission(SIAPA, channel="form"),
    "without a source reference": submission(SIAPA, source_reference=...),
    "without an applicant": submission(SIAPA, applicant=...),
    "with an unknown field": submission(SIAPA, prioriti="segera"),
    "with too large a quota": submission(SIAPA, quota_bytes=100_000_000_001),
    "with too large a file": submission(SIAPA, max_file_size_bytes=2_000_000_001),
    "with a document that was never stored": submission(SIAPA, documents=["sha256:" + "0" * 64]),
    "answered through a channel there is not": submission(SIAPA, reply_through="merpati"),
}


async def test_what_is_refused_is_buried_whole_with_its_reason_and_its_origin(ready, hrmis):
    wrong = {name: binary(json.dumps(data).encode()) for name, data in WRONG_DATA.items()}
    sent = {}
    for name, record in (REFUSED | wrong).items():
        place = await hrmis.send_and_wait(INBOUND, **record)
        sent[name] = (place.partition, place.offset)

    letters = await buried(ready, *sent.values())

    for (name, record), letter in zip((REFUSED | wrong).items(), letters, strict=True):
        assert letter.value == record["value"] or (not letter.value and not record["value"]), name
        headers = headers_of(letter)
        assert headers["bmt_reason"], name
        assert headers["bmt_detail"], name
        for attribute, said in record["headers"]:
            assert headers[attribute] == said.decode(), name


async def test_the_same_id_with_other_data_is_refused(ready, hrmis):
    account, event_id = f"x{uuid.uuid4().hex}.mampu", uuid.uuid4().hex
    person = {"account": account, "name": "Siti", "email": f"{account}@mygovuc.gov.my"}
    first = submission(account, applicant=person)
    await hrmis.send_and_wait(INBOUND, **binary(json.dumps(first).encode(), id=event_id))
    await received(ready, account)

    changed = json.dumps(first | {"justification": "Lain."}).encode()
    place = await hrmis.send_and_wait(INBOUND, **binary(changed, id=event_id))

    (letter,) = await buried(ready, (place.partition, place.offset))
    assert letter.value == changed


@pytest.mark.parametrize(
    ("principal", "topics"),
    [
        (
            "hrmis",
            [
                "bmt.requests.v1",
                "bmt.decisions.v1",
                "bmt.configurations.v1",
                "bmt.notifications.v1",
                "bmt.records.v1",
                DEAD_LETTERS,
                "bmt.inbound.payroll.v1",
            ],
        ),
        ("observer", ["bmt.requests.v1", "bmt.decisions.v1", INBOUND, DEAD_LETTERS, "new"]),
    ],
)
async def test_nobody_writes_where_others_do(ready, principal, topics):
    """The producer is not idempotent: that right is asked for before the topic's."""
    async with AIOKafkaProducer(**as_principal(ready, principal)) as producer:
        for topic in topics:
            with pytest.raises(TopicAuthorizationFailedError):
                await producer.send_and_wait(topic, b"{}")
