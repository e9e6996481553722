"""The clocks of two services are more than an hour off, one each way: order comes from versions alone."""

import time
from collections import defaultdict

import pytest
from aiokafka import AIOKafkaProducer
from fixtures.outside import Observer, headers_of
from fixtures.thoroughness import only_long
from procedures import TOPICS, approved, filed_once, notices, submitted

from bmt.contracts import topics

pytestmark = [pytest.mark.faults, pytest.mark.integration]

AN_HOUR = 3_660.0
"""A minute more than what Kafka lets a record be dated ahead, by its default."""


async def sequences(site, request_id: str) -> dict[str, list[int]]:
    """The `ce_sequence`s of different events of a request, by topic, as they stand there."""

    def all_said(records) -> dict[str, list[int]]:
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for record in records:
            headers = headers_of(record)
            if headers.get("ce_subject") == request_id:
                found[record.topic].setdefault(headers["ce_id"], int(headers["ce_sequence"]))
        assert found.keys() == set(topics.EVENTS)
        return {topic: list(each.values()) for topic, each in found.items()}

    async with Observer(site.ready, *TOPICS) as observer:
        return await observer.until(all_said)


async def through(site, aminah) -> None:
    """A request comes to its end, each step once, in the order of its versions."""
    accounts = await site.accounts(2)
    ids = await submitted(aminah, accounts)
    await approved(aminah, ids)
    await filed_once(site, aminah, ids)
    for request_id in ids:
        for topic, numbers in (await sequences(site, request_id)).items():
            assert numbers == list(range(1, len(numbers) + 1)), topic
    for account in accounts:
        assert sorted(notices(site, account).values()) == [1, 1]


async def test_a_record_is_dated_by_the_broker_whatever_its_writer_says(site):
    async with AIOKafkaProducer(**site.as_user("hrmis")) as producer:
        ahead = int((time.time() + AN_HOUR) * 1000)
        said = await producer.send_and_wait("bmt.inbound.hrmis.v1", b"{}", timestamp_ms=ahead)
    assert said.timestamp < ahead - 60_000


@only_long
async def test_clocks_an_hour_off_break_nothing_and_neither_does_setting_them_right(site, aminah):
    async with site.clocks_off(provisioning=AN_HOUR, notification=-AN_HOUR):
        await through(site, aminah)
    await through(site, aminah)
