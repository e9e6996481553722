"""The reconciliation expects of each consumer what it receives to, and nothing else."""

from bmt.contracts import topics
from bmt.contracts.events import (
    Approved,
    ConfigurationFailed,
    ConfirmationsAwaited,
    ReviewOpened,
)
from bmt.reconciliation import RECORDED_BY
from services.approval.main import TABLE as APPROVAL
from services.intake.main import TOPICS as INTAKES_TOPICS
from services.notification.main import TABLE as NOTIFICATION
from services.provisioning.main import TABLE as PROVISIONING
from services.records.main import TABLE as RECORDS

AT_THE_AGENCYS_WISH = {ReviewOpened, Approved, ConfigurationFailed, ConfirmationsAwaited}
"""Notification commits these only where the agency named an address to be told at."""


def test_each_consumer_is_expected_to_record_what_it_subscribes_to():
    assert {name: set(events) for name, events in RECORDED_BY.items()} == {
        "approval": set(APPROVAL),
        "provisioning": set(PROVISIONING),
        "notification": set(NOTIFICATION) - AT_THE_AGENCYS_WISH,
        "records": set(RECORDS),
        "intake": {event for topic in INTAKES_TOPICS for event in topics.EVENTS[topic]}
        - set(topics.OF_GRANTS),
    }
