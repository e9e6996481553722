"""`bmt.integrator` on a real Kafka: what it publishes, and what it makes of the answers."""

import asyncio
import json
import uuid
from itertools import count

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fixtures.kafka import administering, make_topics

from bmt.contracts.envelope import Envelope, read_kafka
from bmt.contracts.problems import Refused
from bmt.contracts.topics import RequestProgressed, SubmissionAccepted, SubmissionRefused
from bmt.integrator import Connection, Integrator, Unreachable

pytestmark = pytest.mark.integration

SITI = {"account": "siti.mampu@mygovuc.gov.my", "name": "Siti", "email": "siti.mampu@mygovuc.gov.my"}  # fmt: skip
ASKED = {
    "kind": "application",
    "agency": "MAMPU",
    "applicant": SITI,
    "justification": "Fail besar",
    "source_reference": "HR/1",
}
ABOUT = {
    "source_reference": "HR/1",
    "request_id": "01a22e08-2daf-74e7-88f6-4bf745ab0877",
    "reference": "BMT-MAMPU-2026-7K3QF9ZT",
}
SECONDS = 45.0
NOW = "2026-11-30T09:00:00Z"


@pytest.fixture
def connection(kafka) -> Connection:
    """Of an integrator that no other test has."""
    options = kafka.options
    return Connection(
        integrator=f"test-{uuid.uuid4().hex[:8]}",
        bootstrap_servers=options["bootstrap_servers"],
        security_protocol=options.get("security_protocol", "PLAINTEXT"),
        username=options.get("sasl_plain_username", ""),
        password=options.get("sasl_plain_password", ""),
    )


@pytest.fixture
async def integrator(kafka, connection):
    async with administering(kafka.options) as admin:
        names = await make_topics(admin, "", [connection.inbound, connection.outbound], 3)
        async with Integrator(connection) as client:
            yield client
        await admin.delete_topics(names)


@pytest.fixture
async def answer(kafka, connection):
    """`await answer("HR-1", event)`: as intake publishes it; the same `id` is the same answer."""
    numbers = count(1)
    async with AIOKafkaProducer(**kafka.options) as producer:

        async def publish(submission_id, event, *, source="/bmt/intake", sequence=None, id=None):  # noqa: A002
            said = Envelope(
                id=id or str(uuid.uuid4()),
                source=source,
                type=event.TYPE,
                sequence=str(sequence or next(numbers)),
                data={},
            )
            value = event.model_dump_json().encode()
            await producer.send_and_wait(
                connection.outbound, value, submission_id.encode(), headers=said.kafka_headers()
            )

        yield publish


def accepted(submission_id: str) -> SubmissionAccepted:
    return SubmissionAccepted(submission_id=submission_id, received_at=NOW, **ABOUT)


def progressed(submission_id: str, status: str) -> RequestProgressed:
    return RequestProgressed(submission_id=submission_id, status=status, at=NOW, **ABOUT)


async def published(kafka, connection, number: int):
    async with AIOKafkaConsumer(
        connection.inbound, **kafka.options, auto_offset_reset="earliest"
    ) as consumer:
        return [await consumer.getone() for _ in range(number)]


async def test_a_submission_is_the_event_of_the_contract(kafka, connection, integrator):
    await integrator.submit(ASKED, "HR-2026-17")
    (record,) = await published(kafka, connection, 1)
    event = read_kafka(record.headers, record.value)
    assert (event.id, event.source, event.type, event.data) == (
        "HR-2026-17",
        f"/{connection.integrator}",
        "my.gov.bmt.RequestSubmitted.v1",
        ASKED | {"documents": []},
    )


async def test_a_submission_that_is_repeated_is_the_same_one_in_the_same_partition(
    kafka, connection, integrator
):
    await integrator.submit(ASKED, "HR-1")
    await integrator.submit(ASKED, "HR-1")
    first, again = await published(kafka, connection, 2)
    assert (first.partition, first.value) == (again.partition, again.value)
    assert dict(first.headers)["ce_id"] == dict(again.headers)["ce_id"]


@pytest.mark.parametrize(
    ("changes", "submission_id", "wrong"),
    [
        ({"kind": "renewal"}, "HR-1", "/kind: One of these is needed: application, termination."),
        ({"channel": "form"}, "HR-1", "/channel: There is no such field."),
        ({"applicant": SITI | {"email": "siti"}}, "HR-1", "/applicant/email: An e-mail address"),
        ({}, "", "/id: This is needed."),
        ({}, "x" * 513, "/id: At most 512 characters are allowed."),
        ({}, "HR\n1", "/id: Control characters are not allowed."),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_published(
    kafka, connection, integrator, changes, submission_id, wrong
):
    with pytest.raises(Refused, match=wrong):
        await integrator.submit(ASKED | changes, submission_id)
    await integrator.submit(ASKED, "HR-2")
    (only,) = await published(kafka, connection, 1)
    assert dict(only.headers)["ce_id"] == b"HR-2"


async def test_one_submission_is_followed_to_its_end_each_answer_once_and_in_order(
    integrator, answer
):
    await answer("HR-1", accepted("HR-1"), sequence=1)
    await answer("HR-2", accepted("HR-2"), sequence=1)
    await answer("HR-1", progressed("HR-1", "approved"), sequence=2)
    await answer("HR-1", accepted("HR-1"), sequence=1)  # published again
    await answer("HR-1", progressed("HR-1", "filed"), sequence=3)
    followed = [one async for one in integrator.follow("HR-1")]
    assert [one.sequence for one in followed] == [1, 2, 3]
    assert [type(one.event) for one in followed] == [
        SubmissionAccepted,
        RequestProgressed,
        RequestProgressed,
    ]


async def test_a_refusal_is_the_end(integrator, answer):
    refused = SubmissionRefused(
        submission_id="HR-1", source_reference=None, reason="malformed", detail="no JSON"
    )
    await answer("HR-1", refused)
    assert [one.event async for one in integrator.follow("HR-1")] == [refused]


async def test_what_bmt_did_not_publish_is_not_believed(kafka, connection, integrator, answer):
    await answer("HR-1", progressed("HR-1", "filed"), source="/somebody", sequence=1)
    async with AIOKafkaProducer(**kafka.options) as producer:
        await producer.send_and_wait(connection.outbound, b"no event", b"HR-1")
    await answer("HR-1", progressed("HR-1", "rejected"), sequence=2)
    await answer("HR-1", progressed("HR-1", "filed"), sequence=3)
    followed = [one.event.status async for one in integrator.follow("HR-1")]
    assert followed == ["rejected", "filed"]


async def test_a_group_goes_on_behind_what_it_handled(connection, integrator, answer):
    async with Integrator(connection) as client:
        await answer("HR-1", accepted("HR-1"))
        answers = client.answers("payroll")
        assert (await anext(answers)).sequence == 1
        following = asyncio.ensure_future(anext(answers))  # so the first is known to be handled
        await answer("HR-1", progressed("HR-1", "approved"))
        assert (await following).sequence == 2
    # Nobody asked for a third, so the second is not known to be handled: it comes again.
    assert (await anext(integrator.answers("payroll"))).sequence == 2


async def test_a_crash_between_the_answers_of_several_partitions_loses_none(
    connection, integrator, answer
):
    ids = [f"HR-{number}" for number in range(12)]
    for id_ in ids:
        await answer(id_, accepted(id_))

    async with Integrator(connection) as client:
        answers = client.answers("payroll")
        taken = [(await anext(answers)).event.submission_id for _ in ids[1:]]
    missing = set(ids) - set(taken[:-1])  # nobody asked for what comes after the last

    async with asyncio.timeout(SECONDS):
        again = integrator.answers("payroll")
        while missing:
            missing.discard((await anext(again)).event.submission_id)


async def test_a_wrong_password_is_told_without_the_password(connection, integrator):
    if connection.security_protocol == "PLAINTEXT":
        pytest.skip("this Kafka asks for no password")
    wrong = connection.model_copy(update={"password": type(connection.password)("a-wrong-one")})
    async with Integrator(wrong) as client:
        with pytest.raises(Unreachable, match=r"as \w+: \w+") as told:
            await client.submit(ASKED, "HR-1")
    assert "a-wrong-one" not in str(told.value)


def test_a_connection_file_that_is_wrong_is_refused_field_by_field(tmp_path):
    file = tmp_path / "hrmis.json"
    file.write_text(json.dumps({"integrator": "HR MIS", "password": "rahsia", "user": "hrmis"}))
    with pytest.raises(Refused) as told:
        Connection.read(file)
    assert {error.pointer for error in told.value.errors} == {
        "/integrator",
        "/bootstrap_servers",
        "/user",
    }
    assert "rahsia" not in str(told.value)
    file.write_text("{")
    with pytest.raises(Refused, match="is not JSON"):
        Connection.read(file)
