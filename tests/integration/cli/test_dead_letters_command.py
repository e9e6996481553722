"""`bmt dead-letters` on a real Kafka and MongoDB."""

import uuid

import pytest

from bmt.chassis.messaging.dead_letters import DeadLetters
from bmt.chassis.messaging.kafka_client import KafkaPublisher
from bmt.chassis.messaging.parking import DeadLetter, ParkingLot, Record
from bmt.contracts import topics

pytestmark = pytest.mark.integration

INBOUND = topics.inbound("hrmis")
HEADERS = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"/hrmis"),
    ("ce_type", b"my.gov.bmt.RequestSubmitted.v1"),
    ("odd", b"\xff"),
)
VALUE = b'{"name": "Siti Nurhaliza"}'
KEY = str(uuid.UUID(int=7)).encode()


@pytest.fixture
async def bury(kafka, topic_prefix, create_topics):
    """`await bury(offset)`: what a service refused is buried as services do it; the letter's id."""
    await create_topics(INBOUND, topics.DEAD_LETTERS)
    publisher = KafkaPublisher(kafka.options)

    async def buried(offset, by="intake", value=VALUE, topic=INBOUND, reason="malformed"):
        record = Record(topic_prefix + topic, 1, offset, "", HEADERS, value, KEY)
        grave = DeadLetters(publisher, topic_prefix + topics.DEAD_LETTERS, by)
        await grave.bury([(record, DeadLetter(reason, "agency: Field required"))])
        return f"{topic_prefix}{topic}:1:{offset}"

    yield buried
    await publisher.close()


@pytest.fixture
async def parked(databases):
    """`await parked("intake")`: what a service's lot holds."""

    async def records(service):
        return [each.record for each in await ParkingLot(databases(service)["parked"]).list(10)]

    return records


async def test_what_was_refused_is_listed_once_with_who_refused_it(bmt, bury):
    first = await bury(7)
    await bury(7, by="records")
    second = await bury(8)

    answer = await bmt("dead-letters", "list", "--json")
    text = (await bmt("dead-letters", "list", "--limit", "1")).out

    assert answer.code == 0, answer.err
    assert answer.json["total"] == 2
    latest, earlier = answer.json["items"]
    assert (latest["id"], earlier["id"]) == (second, first)
    assert earlier["refused_by"] == ["intake", "records"]
    assert earlier["request_id"] == KEY.decode()
    assert (earlier["reason"], earlier["detail"]) == ("malformed", "agency: Field required")
    assert earlier["state"] == "open"
    assert "Siti" not in answer.out + text
    assert text.startswith(f"{second}  open\n    my.gov.bmt.RequestSubmitted.v1\n")
    assert text.endswith("2 open dead letters (the latest 1 shown)\n")


async def test_a_letter_is_shown_whole(bmt, bury):
    id_ = await bury(7)
    found = (await bmt("dead-letters", "show", id_, "--json")).json
    assert found["value"] == {"text": VALUE.decode()}
    assert found["key"] == {"text": KEY.decode()}
    assert found["headers"][-1] == {"name": "odd", "base64": "/w=="}
    assert len(found["headers"]) == len(HEADERS)
    assert VALUE.decode() in (await bmt("dead-letters", "show", id_)).out


async def test_a_retried_letter_is_due_in_the_lot_of_each_service_that_refused_it(
    bmt, bury, parked
):
    later, id_ = await bury(8, value=b"{}"), await bury(7)
    await bury(7, by="records")
    answer = await bmt("dead-letters", "retry", later, id_, "--by", "aida")

    assert (answer.code, answer.out) == (0, "2 dead letters retried\n"), answer.err
    first, second = await parked("intake")
    assert (first.raw_key, first.headers, first.value) == (KEY, HEADERS, VALUE)
    assert (first.offset, second.value) == (7, b"{}")
    assert [one.offset for one in await parked("records")] == [7]
    assert (await bmt("dead-letters", "list")).out == "0 open dead letters\n"
    kept = (await bmt("dead-letters", "list", "--all", "--json")).json["items"]
    assert [each["state"] for each in kept] == ["retried", "retried"]
    assert kept[0]["actions"][0]["by"] == "aida"
    again = await bmt("dead-letters", "retry", id_)
    assert again.code == 1
    assert f"{id_} was retried by aida" in again.err


async def test_a_discarded_letter_stays_in_kafka_with_who_and_why(bmt, bury, databases):
    id_ = await bury(7)
    options = ("--reason", "hrmis was told", "--by", "aida")
    assert (await bmt("dead-letters", "discard", id_, *options, "--json")).json == {"discarded": 1}

    assert (await bmt("dead-letters", "list", "--json")).json == {"items": [], "total": 0}
    (action,) = (await bmt("dead-letters", "show", id_, "--json")).json["actions"]
    assert (action["action"], action["by"], action["reason"]) == (
        "discarded",
        "aida",
        "hrmis was told",
    )
    (kept,) = await databases("operations")["dead_letters"].find().to_list(None)
    assert (kept["id"], kept["action"]) == (id_, "discarded")
    assert (await bmt("dead-letters", "discard", id_, "--reason", "again")).code == 1


async def test_what_was_given_up_in_the_parking_lot_is_settled_and_may_be_retried(
    bmt, bury, parked
):
    id_ = await bury(7, reason="discarded")
    assert (await bmt("dead-letters", "list", "--json")).json["items"] == []
    again = await bmt("dead-letters", "discard", id_, "--reason", "why")
    assert (again.code, again.err) == (1, f"bmt: {id_} was discarded in the parking lot\n")
    assert (await bmt("dead-letters", "retry", id_)).code == 0
    assert [record.value for record in await parked("intake")] == [VALUE]


async def test_who_discarded_by_mistake_may_retry(bmt, bury, parked):
    id_ = await bury(7)
    await bmt("dead-letters", "discard", id_, "--reason", "a mistake")
    assert (await bmt("dead-letters", "retry", id_)).code == 0
    (event,) = await parked("intake")
    assert event.value == VALUE


async def test_another_refusal_of_the_same_event_is_open_again(bmt, bury):
    id_ = await bury(7)
    await bmt("dead-letters", "discard", id_, "--reason", "hrmis was told")
    await bury(7, by="records")
    (found,) = (await bmt("dead-letters", "list", "--json")).json["items"]
    assert (found["id"], found["state"]) == (id_, "open")


async def test_an_unknown_letter_changes_nothing(bmt, bury):
    id_ = await bury(7)
    unknown = f"{id_}1"
    for command in (("show",), ("retry", id_), ("discard", id_, "--reason", "why")):
        answer = await bmt("dead-letters", *command, unknown)
        assert answer.code == 1
        assert answer.err.startswith(f"bmt: no dead letter is called {unknown}")
    assert (await bmt("dead-letters", "list", "--json")).json["items"][0]["state"] == "open"


async def test_what_nobody_can_handle_again_is_told(bmt, bury):
    unknown = await bury(8, by="payroll")
    answer = await bmt("dead-letters", "retry", await bury(7), unknown)
    assert answer.code == 1
    assert answer.err.endswith(
        f"{unknown} is not kept here as an event: its writer must publish it anew\n"
    )
    assert (await bmt("dead-letters", "list", "--json")).json["total"] == 2
