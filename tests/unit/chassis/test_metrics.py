"""Metrics have the names and labels of the contract."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bmt.chassis.runtime.observability import ServiceMetrics


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return ServiceMetrics("parcels", registry)


@pytest.mark.parametrize(
    "line",
    [
        'bmt_events_handled_total{outcome="applied",service="parcels",type="T"} 2.0',
        'bmt_commands_total{command="Send",outcome="applied",service="parcels"} 1.0',
        "bmt_append_seconds_count 1.0",
        "bmt_append_batch_size_sum 40.0",
        'bmt_outbox_pending{service="parcels"} 5.0',
        'bmt_outbox_oldest_seconds{service="parcels"} 1.5',
        'bmt_parked_events{service="parcels"} 6.0',
        'bmt_consumer_stalled_seconds{service="parcels"} 2.5',
        'kafka_consumergroup_lag{consumergroup="g",partition="0",topic="t"} 7.0',
    ],
)
def test_names_and_labels_are_those_of_the_contract(metrics, registry, line):
    metrics.event_handled("T", "applied", 2)
    metrics.command_executed("Send", "applied")
    metrics.appended(batch_size=40, seconds=0.004)
    metrics.outbox(pending=5, oldest_seconds=1.5)
    metrics.parked_events.set(6)
    metrics.consumer_stalled_seconds.set(2.5)
    metrics.lag("g", {("t", 0): 7})
    assert line in generate_latest(registry).decode().splitlines()


def test_a_partition_that_went_elsewhere_is_forgotten(metrics, registry):
    metrics.lag("g", {("t", 0): 7, ("t", 1): 8})
    metrics.lag("g", {("t", 1): 8})
    lines = generate_latest(registry).decode()
    assert 'partition="1"' in lines
    assert 'partition="0"' not in lines
