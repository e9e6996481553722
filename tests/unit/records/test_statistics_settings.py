"""What the statistics tell Kafka of themselves."""

from services.records.statistics.figures import Figures
from services.records.statistics.main import statistics
from services.records.statistics.settings import Settings

GIVEN = {"kafka_bootstrap_servers": "127.0.0.1:1", "port": 8106}


def app(**settings):
    own = Settings(**GIVEN | settings)
    return statistics(own, Figures(), lambda: None)


def test_two_processes_on_one_machine_have_names_of_their_own_which_a_restart_keeps():
    names = [app(port=port).conf.consumer_group_instance_id for port in (8106, 8206, 8106)]
    assert names[0] == names[2] != names[1]
