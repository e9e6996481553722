"""`bmt topics` on a real Kafka."""

import pytest
from aiokafka import AIOKafkaProducer

from bmt.contracts import topics

pytestmark = pytest.mark.integration


async def test_every_topic_is_told_with_its_writer_and_its_records(
    bmt, kafka, create_topics, topic_prefix
):
    inbound, outbound = topics.inbound("hrmis"), topics.outbound("hrmis")
    await create_topics(topics.REQUESTS, inbound, outbound, partitions=2)
    async with AIOKafkaProducer(**kafka.options) as producer:
        for partition in (0, 1, 1):
            await producer.send_and_wait(topic_prefix + topics.REQUESTS, b"{}", partition=partition)

    answer = await bmt("topics", "--json")

    assert answer.code == 0, answer.err
    found = {each["topic"]: each for each in answer.json["items"]}
    assert list(found) == [*topics.WRITERS, inbound, outbound, topics.DEAD_LETTERS]
    requests = found[topics.REQUESTS]
    assert (requests["writer"], requests["records"]) == ("intake", 3)
    assert [one["end_offset"] for one in requests["partitions"]] == [1, 2]
    assert "my.gov.bmt.RequestReceived.v1" in requests["events"]
    assert found[inbound]["writer"] == "hrmis"
    assert found[outbound]["writer"] == "intake"
    assert "my.gov.bmt.SubmissionRefused.v1" in found[outbound]["events"]
    assert found[topics.DECISIONS]["partitions"] == []  # not made in this test


async def test_people_read_it_too(bmt, create_topics):
    await create_topics(topics.DECISIONS)
    answer = await bmt("topics")
    assert "bmt.decisions.v1  written by approval" in answer.out
    assert "0 records in 3 partitions (end offsets 0, 0, 0)" in answer.out
