"""What services remember for themselves decodes for ever too: their streams are never rewritten."""

import json
from pathlib import Path

import pytest

from bmt.agencies.assignments import PRIVATE as ASSIGNMENTS
from bmt.chassis.eventsourcing.event_store import Vocabulary
from services.approval.domain.events import PRIVATE as APPROVAL
from services.intake.domain.events import (
    EmailDelivered,
    InboxItemReceived,
    ScanReceived,
    SubmissionAnswered,
)
from services.notification.domain.events import PRIVATE as NOTIFICATION
from services.provisioning.domain.events import PRIVATE as PROVISIONING

SAMPLES = sorted((Path(__file__).parent / "private").glob("*.json"))
PRIVATE = [
    *APPROVAL,
    *PROVISIONING,
    *NOTIFICATION,
    *ASSIGNMENTS,
    ScanReceived,
    EmailDelivered,
    InboxItemReceived,
    SubmissionAnswered,
]
VOCABULARY = Vocabulary(PRIVATE)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_frozen_sample_decodes_and_loses_nothing(sample):
    data = json.loads(sample.read_text())
    event = VOCABULARY.decode(name := sample.stem.partition("+")[0], data)
    assert event.model_dump(mode="json", by_alias=True) == data
    assert VOCABULARY.decode_text(name, event.model_dump_json(by_alias=True)) == event


def test_every_private_event_has_a_sample():
    assert {model.TYPE for model in PRIVATE} == {
        sample.stem.partition("+")[0] for sample in SAMPLES
    }
