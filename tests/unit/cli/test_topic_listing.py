"""What is told of a topic, and who may write to it by Kafka's rights."""

import pytest

from bmt.cli.topics import Listed, Partition, lines, writers
from bmt.contracts import topics
from bmt.rights.kafka_rights import Operation, Pattern, Permission, Resource, Right, rights, table

ALL = 2


def right(name, user, *, operation=Operation.WRITE, pattern=Pattern.LITERAL, allowed=True):
    permission = Permission.ALLOW if allowed else Permission.DENY
    return Right(Resource.TOPIC, name, pattern, f"User:{user}", "*", operation, permission)


@pytest.mark.parametrize("topic", topics.WRITERS)
def test_each_topic_of_the_embedded_kafka_has_its_single_writer(topic):
    assert writers(set(rights(table())), topic) == [topics.WRITERS[topic]]


def test_whoever_may_write_by_any_right_is_told():
    found = {
        right("a", "literal"),
        right("*", "anywhere"),
        right("", "prefix", pattern=Pattern.PREFIXED),
        right("a", "everything", operation=ALL),
        right("a", "reader", operation=Operation.READ),
        right("b", "elsewhere"),
        right("a", "denied"),
        right("*", "denied", allowed=False),
    }
    assert writers(found, "a") == ["anywhere", "everything", "literal", "prefix"]


def test_what_is_wrong_with_a_topic_is_told():
    topic = Listed(topics.REQUESTS, [], ["mallory"])
    told = lines([topic])
    assert "    IS NOT THERE" in told
    assert "    ITS WRITER MAY NOT WRITE" in told
    assert "    OTHERS MAY WRITE: mallory" in told


def test_every_service_must_be_able_to_bury():
    services = [*topics.WRITERS.values()]
    everybody = Listed(topics.DEAD_LETTERS, [Partition(0, 0, 0)], [*services, "statistics"])
    assert not everybody.locked_out
    assert not everybody.strangers
    assert Listed(topics.DEAD_LETTERS, [Partition(0, 0, 0)], services[1:]).locked_out
