"""What a consumer makes of one poll."""

from aiokafka import ConsumerRecord, TopicPartition

from bmt.chassis.messaging.consumer import in_time


def record(topic: str, offset: int, timestamp: int) -> ConsumerRecord:
    return ConsumerRecord(topic, 0, offset, timestamp, 1, b"k", b"{}", None, 1, 2, ())


def test_records_of_several_topics_are_handled_as_they_were_dated_and_no_partition_out_of_order():
    polled = {
        TopicPartition("later", 0): [record("later", 0, 20), record("later", 1, 40)],
        TopicPartition("earlier", 0): [record("earlier", 0, 30), record("earlier", 1, 10)],
    }
    handled = [(one.topic, one.offset) for one in in_time(polled)]
    assert handled == [("later", 0), ("earlier", 0), ("earlier", 1), ("later", 1)]
