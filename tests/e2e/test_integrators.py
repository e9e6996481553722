"""An integrator as it meets the system: it publishes, and reads what becomes of it, and nothing else."""

import json
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from eventually import eventually
from fixtures.outside import SECONDS, application, as_principal, headers_of

from bmt.contracts import topics

pytestmark = pytest.mark.e2e

INBOUND, OUTBOUND = topics.inbound("hrmis"), topics.outbound("hrmis")


@pytest.fixture
async def answers(ready):
    """`await answers(event_id, check)`: what hrmis read about this submission, once it is so."""
    who = as_principal(ready, "hrmis")
    group = f"hrmis.{uuid.uuid4().hex}"
    read = []
    async with AIOKafkaConsumer(
        OUTBOUND, **who, group_id=group, auto_offset_reset="earliest"
    ) as consumer:

        async def until(event_id: str, check) -> list[tuple[str, dict]]:
            async def look() -> list[tuple[str, dict]]:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    read.extend(records)
                found = [
                    (headers_of(one)["ce_type"].split(".")[-2], json.loads(one.value))
                    for one in read
                    if one.key == event_id.encode()
                ]
                check(found)
                return found

            return await eventually(look, SECONDS)

        yield until


async def submit(ready, data: dict) -> str:
    event = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": "/hrmis",
        "type": "my.gov.bmt.RequestSubmitted.v1",
    }
    headers = [(f"ce_{name}", text.encode()) for name, text in event.items()]
    async with AIOKafkaProducer(**as_principal(ready, "hrmis"), acks="all") as producer:
        await producer.send_and_wait(INBOUND, json.dumps(data).encode(), headers=headers)
    return event["id"]


async def test_an_integrator_follows_its_request_to_the_file(ready, answers, account, caller):
    data = application(account, channel=..., reply_through=..., source_reference="HR/2026/1")
    event_id = await submit(ready, data)

    def is_accepted(found) -> None:
        assert [name for name, _ in found] == ["SubmissionAccepted"]

    ((_, accepted),) = await answers(event_id, is_accepted)
    mampu = caller("administrator", "MAMPU")
    request_id = accepted["request_id"]
    await mampu.once_known("approval", f"/v1/requests/{request_id}")
    assert (await mampu.decide(request_id, "approve")).status_code == 201

    def is_filed(found) -> None:
        assert found[-1][1].get("status") == "filed"

    _, *progressed = await answers(event_id, is_filed)
    statuses = [said["status"] for _, said in progressed]
    in_order = ["approved", "configuring", "configured", "notified", "filed"]
    # Topics are not ordered among each other: what comes after a later status changes it no more.
    assert statuses == [one for one in in_order if one in statuses]
    asked = await caller("integrator").get("intake", f"/v1/submissions/{event_id}")
    assert asked.json() | accepted | {"status": "filed"} == asked.json() | accepted
    assert account not in json.dumps([said for _, said in progressed])


async def test_an_integrator_is_told_why_a_submission_is_refused(ready, answers, account):
    data = application(account, channel=..., source_reference="HR/2", agency="JKR")
    event_id = await submit(ready, data)

    def is_refused(found) -> None:
        assert [name for name, _ in found] == ["SubmissionRefused"]

    ((_, refused),) = await answers(event_id, is_refused)
    assert refused["reason"] == "validation_failed"
    assert [error["pointer"] for error in refused["errors"]] == ["/agency"]


async def test_an_integrator_reads_no_public_topic(ready):
    async def read() -> None:
        await consumer.start()
        await consumer.getone()

    consumer = AIOKafkaConsumer(topics.REQUESTS, **as_principal(ready, "hrmis"), group_id="hrmis.x")
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await read()
    finally:
        await consumer.stop()
