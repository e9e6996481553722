"""What the statistics tell Kafka of themselves."""

import pytest

from services.records.statistics.app import statistics
from services.records.statistics.figures import Figures
from services.records.statistics.settings import Settings

GIVEN = {"kafka_bootstrap_servers": "127.0.0.1:1", "metrics_port": 8106}


class Kafka:
    """In the place of several brokers: what Faust would have them make."""

    def __init__(self) -> None:
        self.made = []

    async def producer(self):
        return self

    async def create_topic(self, **topic):
        self.made.append(topic)


def app(tmp_path, **settings):
    own = Settings(**GIVEN | {"statistics_folder": tmp_path} | settings)
    return statistics(own, Figures(), lambda: None)


def test_two_processes_on_one_machine_have_names_of_their_own_which_a_restart_keeps(tmp_path):
    names = [
        app(tmp_path, metrics_port=port).conf.consumer_group_instance_id
        for port in (8106, 8206, 8106)
    ]
    assert names[0] == names[2] != names[1]


def test_its_name_may_be_given(tmp_path):
    assert "pod-1" in app(tmp_path, statistics_instance="pod-1").conf.consumer_group_instance_id


@pytest.mark.parametrize("factor", [1, 3])
async def test_its_own_topic_is_made_on_as_many_brokers_as_was_said(tmp_path, factor):
    (table,) = app(tmp_path, statistics_replication_factor=factor).tables.values()
    kafka = Kafka()
    table.changelog_topic._get_producer = kafka.producer
    await table.changelog_topic.declare()
    assert [(each["partitions"], each["replication"]) for each in kafka.made] == [(3, factor)]
