"""A tenth of what is said is poison: each piece is accounted for, and what is good flows as fast."""

import itertools
import time
import uuid
from typing import Any

import orjson
import pytest
from accounts_of_events import at_rest
from aiokafka import AIOKafkaProducer
from fixtures.outside import Observer, application, headers_of
from fixtures.thoroughness import LONG
from procedures import seen

from bmt.chassis.runtime.clock import new_id, now
from bmt.contracts import topics
from bmt.contracts.envelope import Envelope

pytestmark = [pytest.mark.faults, pytest.mark.integration]

GOOD = 2_000 if LONG else 90
POISON = GOOD // 9
INBOUND = topics.inbound("hrmis")
SUBMITTED = "my.gov.bmt.RequestSubmitted.v1"
RECEIVED = "my.gov.bmt.RequestReceived.v1"


def envelope(type_: str, subject: str, data: Any) -> Envelope:
    return Envelope(id=new_id(), source="/test", type=type_, subject=subject, time=now(), data=data)


def submission(run: str) -> tuple[bytes, list, bytes]:
    """A record of a request that is good."""
    reference = f"{run}-{uuid.uuid4().hex}"
    data = application(channel=..., source_reference=reference)
    headers = envelope(SUBMITTED, reference, data).kafka_headers()
    return reference.encode(), headers, orjson.dumps(data)


def poison(type_: str) -> Any:
    """Records that nobody can take in, one after the other, for ever."""
    for number in itertools.count():
        key = uuid.uuid4().hex
        good = envelope(type_, key, {}).kafka_headers()
        odd = envelope("my.gov.bmt.Nonsense.v9", key, {}).kafka_headers()
        yield (
            key.encode(),
            *(
                (good, b"{not json"),
                (good, b'["a list"]'),
                (good, orjson.dumps({"request": None})),
                (good, b"\xff\xfe\x00"),
                (good, b""),
                (good, b"[" * 50_000),
                (good[:1], b"{}"),
                ([], b"{}"),
                (odd, b"{}"),
            )[number % 9],
        )


async def say(site, user: str, topic: str, records: list) -> None:
    async with AIOKafkaProducer(**site.as_user(user)) as producer:
        sent = [
            await producer.send(topic, value, key, headers=headers)
            for key, headers, value in records
        ]
        for one in sent:
            await one


async def received(site, run: str) -> float:
    """The moment when all good submissions of a run were said to be received."""

    def all_received(records) -> float:
        found = {
            headers_of(one)["ce_subject"]
            for one in records
            if headers_of(one).get("ce_type") == RECEIVED and run.encode() in one.value
        }
        assert len(found) == GOOD, len(found)
        return max(one.timestamp for one in records) / 1000

    async with Observer(site.ready, topics.REQUESTS) as observer:
        return await observer.until(all_received, 300)


async def test_a_tenth_of_poison_is_accounted_for_and_what_is_good_flows(site):
    before = await at_rest(site)

    async def run(name: str, poisonous: list) -> float:
        """Good submissions a second."""
        mixed = [submission(name) for _ in range(GOOD)]
        for number, record in enumerate(poisonous):
            mixed.insert(number * len(mixed) // max(1, len(poisonous)), record)
        began = time.time()
        await say(site, "hrmis", INBOUND, mixed)
        return GOOD / (await received(site, name) - began)

    if LONG:  # how fast it is without; whoever begins is slow
        await run(f"first{uuid.uuid4().hex[:8]}", [])
        clean = await run(f"clean{uuid.uuid4().hex[:8]}", [])
        await at_rest(site)
    dirty = await run(
        f"dirty{uuid.uuid4().hex[:8]}", list(itertools.islice(poison(SUBMITTED), POISON))
    )
    await say(site, "intake", topics.REQUESTS, list(itertools.islice(poison(RECEIVED), POISON)))
    books = (await at_rest(site, 120)).since(before)
    if LONG:
        seen("poison", clean_a_second=clean, poisoned_a_second=dirty, ratio=dirty / clean)
    assert not books.unaccounted()
    dead = {service: outcomes["dead"] for service, outcomes in books.handled.items()}
    hearers = {"approval": POISON, "notification": POISON, "records": POISON}
    assert dead == {"intake": POISON, "provisioning": 0, **hearers}
    assert not any(outcomes["parked"] for outcomes in books.handled.values())
