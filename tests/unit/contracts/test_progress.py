"""Where a request stands, whatever order the topics bring its events in."""

import itertools
import json
from pathlib import Path

import pytest

from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.contracts import topics
from bmt.contracts.events import Progress

SAMPLES = Path(__file__).parents[2] / "contract" / "samples"
VOCABULARY = Vocabulary([model for models in topics.EVENTS.values() for model in models])


def event(name: str, **changes):
    type_ = f"my.gov.bmt.{name}.v1"
    data = json.loads((SAMPLES / f"{type_}.json").read_text())
    return VOCABULARY.decode(type_, data | changes)


RECEIVED, APPROVED = (event("RequestReceived"), 1), (event("Approved"), 2)
RETURNED, REJECTED = (event("ReturnedForCorrection"), 2), (event("Rejected"), 2)
STARTED, CONFIGURED = (event("ConfigurationStarted"), 1), (event("Configured"), 2)
ACKNOWLEDGED = (event("Notified", about="acknowledgement"), 2)
TOLD = (event("Notified", about="configured"), 4)
FILED = (event("Filed"), 1)


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ([RECEIVED], "received"),
        ([RECEIVED, ACKNOWLEDGED], "received"),
        ([RECEIVED, RETURNED], "returned"),
        ([RECEIVED, RETURNED, RECEIVED], "received"),
        ([RECEIVED, RETURNED, RECEIVED, RETURNED], "returned"),
        ([RECEIVED, RETURNED, RECEIVED, APPROVED], "approved"),
        ([RECEIVED, REJECTED], "rejected"),
        ([RECEIVED, (event("Withdrawn"), 2)], "withdrawn"),
        ([RECEIVED, APPROVED, STARTED], "configuring"),
        ([RECEIVED, APPROVED, (event("AwaitingOperator"), 2), STARTED], "awaiting_operator"),
        ([RECEIVED, APPROVED, (event("ConfigurationFailed"), 2), STARTED], "configuration_failed"),
        ([RECEIVED, APPROVED, STARTED, CONFIGURED, ACKNOWLEDGED], "configured"),
        ([RECEIVED, APPROVED, STARTED, CONFIGURED, TOLD], "notified"),
        ([RECEIVED, APPROVED, STARTED, CONFIGURED, TOLD, FILED], "filed"),
    ],
)
def test_the_furthest_step_known_is_the_status_in_any_order(known, status):
    for order in itertools.islice(itertools.permutations(known), 200):
        progress = Progress()
        for one, sequence in order:
            progress = progress.after(one, sequence)
        assert progress.status == status
