"""`/v1/operations` of a service on real Kafka and MongoDB: operators retry and discard what it parked and refused."""

import asyncio

import pytest
from eventually import eventually
from fixtures.problems import assert_problem
from fixtures.samples import facts, received

from bmt.chassis.messaging import dead_letters, parking
from bmt.chassis.messaging.dead_letters import letter
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from bmt.contracts.events import RequestReceived
from services.approval import handlers, main
from services.approval.main import build
from services.approval.settings import Settings

pytestmark = pytest.mark.integration

AIDA, LIM = ("operator", "", "aida@mygovuc.gov.my"), ("operator", "", "lim@mygovuc.gov.my")
WHY = {"reason": "withdrawn on paper"}


@pytest.fixture(scope="module")
def poisoned():
    """Requests whose event the handler cannot handle, until they are taken out."""
    failing = set()

    async def open_review(incoming, agencies):
        if incoming.subject in failing:
            raise KeyError("a fault in the handler")
        return await handlers.open_review(incoming, agencies)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(main.TABLE, RequestReceived, open_review)
        patch.setattr(parking, "TRIES", 1)
        yield failing


@pytest.fixture(scope="module")
async def approval(shared, poisoned):
    async with shared.running(build, Settings) as client:
        yield client


@pytest.fixture
def operations(approval, as_):
    class Operations:
        async def listed(self, of="parked"):
            answer = await approval.get(f"/v1/operations/{of}", headers=as_(*AIDA))
            assert answer.status_code == 200, answer.text
            return answer.json()["items"]

        async def do(self, what, item, body=None, of="parked", who=AIDA, key=""):
            path = f"/v1/operations/{of}/{item['id']}/{what}"
            return await approval.post(path, json=body or {}, headers=as_(*who, key=key))

    return Operations()


@pytest.fixture
def park(shared, poisoned, operations):
    """`await park()`: a request whose event was really parked, and how it is listed."""

    async def parked():
        request = facts()
        poisoned.add(request.request_id)
        await shared.wire.say(received(request))

        async def waits():
            return only(
                one
                for one in await operations.listed()
                if one["request_id"] == request.request_id and one["waits_for"] == "operator"
            )

        return request, await eventually(waits, 30)

    return parked


def only(items):
    found = list(items)
    assert len(found) == 1
    return found[0]


async def gone(operations, item, of="parked"):
    assert item["id"] not in [one["id"] for one in await operations.listed(of)]


async def test_what_is_parked_is_listed_without_what_it_holds_and_goes_on_when_retried(
    park, operations, poisoned, approval, as_, mongodb, shared
):
    request, item = await park()
    assert (item["type"], item["reason"]) == ("my.gov.bmt.RequestReceived.v1", "KeyError")
    assert request.applicant.account not in str(await operations.listed())

    poisoned.discard(request.request_id)
    answer = await operations.do("retry", item, {"reason": "mended"}, key="one-key")
    again = await operations.do("retry", item, {"reason": "mended"}, key="one-key")

    assert (answer.status_code, answer.json()["by"]) == (202, AIDA[2]), answer.text
    await eventually(lambda: gone(operations, item), 30)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    shown = await approval.get(
        f"/v1/requests/{request.request_id}", headers=as_("administrator", "MAMPU")
    )
    assert shown.json()["status"] == "received"
    other = await operations.do("retry", item, {"reason": "another"}, key="one-key")
    assert_problem(other, "idempotency_key_reused")
    client = connect(mongodb)
    (kept,) = await client[f"{shared.name}_approval"].operations.find().to_list(None)
    assert (kept["action"], kept["by"], kept["reason"]) == ("retried", AIDA[2], "mended")
    client.close()


async def test_of_two_operators_at_once_one_discards_and_the_other_is_told(park, operations):
    _, item = await park()
    answers = await asyncio.gather(
        operations.do("discard", item, WHY), operations.do("discard", item, WHY, who=LIM)
    )
    first, second = sorted(answers, key=lambda one: one.status_code)
    assert first.status_code == 202, first.text
    assert_problem(second, "not_found" if second.status_code == 404 else "not_waiting")
    await eventually(lambda: gone(operations, item), 30)


async def test_a_discard_needs_a_reason_and_an_operator(park, operations, approval, as_):
    _, item = await park()
    body = assert_problem(await operations.do("discard", item), "validation_failed")
    assert body["errors"][0]["pointer"] == "/reason"
    for role in ("administrator", "auditor", "applicant"):
        assert_problem(await operations.do("discard", item, WHY, who=(role, "MAMPU")), "forbidden")
        for of in ("parked", "dead-letters"):
            answer = await approval.get(f"/v1/operations/{of}", headers=as_(role, "MAMPU"))
            assert_problem(answer, "forbidden")


async def test_an_event_that_does_not_wait_is_not_found(operations):
    unknown = {"id": "bmt.requests.v1:0:999999"}
    for of in ("parked", "dead-letters"):
        assert_problem(await operations.do("retry", unknown, of=of), "not_found")
        assert_problem(await operations.do("discard", unknown, WHY, of=of), "not_found")


@pytest.fixture
def refuse(shared, operations):
    """`await refuse()`: a record that approval really refused, as it is listed."""

    async def refused():
        before = {one["id"] for one in await operations.listed("dead-letters")}
        topic = f"{shared.name}.{topics.REQUESTS}"
        await shared.wire._producer.send_and_wait(topic, value=b'{"name": "Siti"}', key=b"siti")

        async def listed():
            found = await operations.listed("dead-letters")
            return only(one for one in found if one["id"] not in before)

        return await eventually(listed, 30)

    return refused


async def test_what_was_refused_is_listed_and_refused_again_when_it_is_retried(refuse, operations):
    item = await refuse()
    assert (item["reason"], item["can_be_retried"]) == ("malformed", True)
    assert "iti" not in item["detail"]

    answer = await operations.do("retry", item, of="dead-letters")

    assert answer.status_code == 202, answer.text

    async def refused_again():
        every = await operations.listed("dead-letters")
        found = only(one for one in every if one["id"] == item["id"])
        assert found["refused_at"] > item["refused_at"]

    await eventually(refused_again, 30)


async def test_of_two_operators_one_settles_a_letter(refuse, operations):
    item = await refuse()
    answers = await asyncio.gather(
        *(operations.do("discard", item, WHY, of="dead-letters", who=who) for who in (AIDA, LIM))
    )
    first, second = sorted(answers, key=lambda one: one.status_code)
    assert first.status_code == 202, first.text
    assert assert_problem(second, "not_waiting")["code"] == "letter_settled"
    await gone(operations, item, "dead-letters")


async def test_open_letters_are_counted_until_they_are_settled(refuse, operations, approval):
    async def counted():
        text = (await approval.get("/metrics")).text
        (line,) = [one for one in text.splitlines() if one.startswith("bmt_dead_letters_open{")]
        return float(line.rpartition(" ")[2])

    item = await refuse()
    before = await counted()
    assert before >= 1
    await operations.do("discard", item, WHY, of="dead-letters")
    await gone(operations, item, "dead-letters")
    assert await counted() == before - 1


async def test_a_letter_is_read_from_kafka_once_and_what_comes_later_is_seen(
    refuse, operations, monkeypatch
):
    first = await refuse()
    read = []
    monkeypatch.setattr(
        dead_letters, "letter", lambda record: read.append(one := letter(record)) or one
    )
    second = await refuse()
    ids = [one["id"] for one in await operations.listed("dead-letters")]
    assert {first["id"], second["id"]} <= set(ids)
    assert [one.id for one in read] == [second["id"]]
