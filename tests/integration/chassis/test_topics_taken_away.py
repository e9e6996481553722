"""A test leaves no topics behind: every client would be told of all of them each time that it asks."""

import pytest
from eventually import eventually
from fixtures.kafka import administering
from fixtures.wire import Wire

pytestmark = pytest.mark.integration


async def test_the_topics_of_a_test_end_with_it(kafka, topic_prefix):
    wire = Wire(kafka.options, topic_prefix)
    await wire.create("bmt.requests.v1", "bmt.decisions.v1")
    await wire.start()
    await wire.stop()
    async with administering(kafka.options) as admin:

        async def ended() -> None:  # Kafka says yes before each client hears of it
            there = await admin.list_topics()
            assert [name for name in there if name.startswith(topic_prefix)] == []

        await eventually(ended)
