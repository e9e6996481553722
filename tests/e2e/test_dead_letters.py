"""The largest record that a broker takes from an outsider is buried whole, and others flow."""

import os

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from eventually import eventually

from bmt.contracts import topics

pytestmark = pytest.mark.e2e

LARGEST = 1_048_400


def options(ready, principal: str) -> dict:
    kafka = ready["kafka"]
    return {
        "bootstrap_servers": kafka["bootstrap_servers"],
        "security_protocol": kafka["security_protocol"],
        "sasl_mechanism": kafka["sasl_mechanism"],
        "sasl_plain_username": principal,
        "sasl_plain_password": kafka["principals"][principal],
    }


async def test_the_largest_record_is_buried_whole(ready):
    value = os.urandom(LARGEST // 2).hex().encode()
    async with AIOKafkaProducer(**options(ready, "hrmis"), max_request_size=2**21) as producer:
        sent = await producer.send_and_wait(topics.inbound("hrmis"), value)
    place = (sent.topic, str(sent.partition), str(sent.offset))

    consumer = AIOKafkaConsumer(**options(ready, "observer"), max_partition_fetch_bytes=2**22)
    async with consumer:
        places = [TopicPartition(topics.DEAD_LETTERS, number) for number in range(3)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        letters = {}

        async def buried() -> None:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    headers = {name: raw.decode(errors="replace") for name, raw in record.headers}
                    origin = [f"bmt_origin_{part}" for part in ("topic", "partition", "offset")]
                    letters[tuple(headers[name] for name in origin)] = record.value
            assert place in letters

        await eventually(buried, 30)
    assert letters[place] == value
