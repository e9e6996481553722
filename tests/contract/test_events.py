"""The published language: every version ever said decodes for ever, and loses nothing."""

import json
from datetime import datetime
from pathlib import Path

import orjson
import pytest

from bmt.agencies.assignments import PRIVATE as ASSIGNMENTS
from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.contracts import topics
from bmt.contracts.events import RequestSubmitted
from services.approval.domain.events import PRIVATE as APPROVAL
from services.intake.domain.events import (
    EmailDelivered,
    InboxItemReceived,
    ScanReceived,
    SubmissionAnswered,
)
from services.notification.domain.events import PRIVATE as NOTIFICATION
from services.provisioning.domain.events import PRIVATE as PROVISIONING

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.json"))

"""Of one type there may be several, told apart behind a `+`."""

TOLD_TO_ALL = [model for models in topics.EVENTS.values() for model in models]

PUBLISHED = [*TOLD_TO_ALL, *topics.ANSWERS]

VOCABULARY = Vocabulary([*PUBLISHED, RequestSubmitted])


def holds(whole, part) -> bool:
    """Whether `whole` says all that `part` says, and perhaps more."""
    if isinstance(part, dict):
        return all(name in whole and holds(whole[name], value) for name, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return whole == part or _same_moment(whole, part)


def _same_moment(one, other) -> bool:
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (TypeError, ValueError):
        return False


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_frozen_sample_decodes_loses_nothing_and_is_published_as_it_was(sample):
    """Earlier versions encoded what they stored as a document; the same event again has the same bytes."""
    type_, data = sample.stem.partition("+")[0], json.loads(sample.read_text())
    event = VOCABULARY.decode(type_, data)
    whole, text = event.model_dump(mode="json", by_alias=True), event.model_dump_json(by_alias=True)
    assert holds(whole, data)
    assert text.encode() == orjson.dumps(whole)
    assert VOCABULARY.decode_text(type_, text) == event


def test_every_published_event_has_a_sample():
    sampled = {sample.stem for sample in SAMPLES}
    assert {model.TYPE for model in [*PUBLISHED, RequestSubmitted]} <= sampled


def test_a_field_of_a_later_version_is_ignored():
    sample = next(path for path in SAMPLES if ".Approved." in path.stem)
    data = json.loads(sample.read_text())
    later = {**data, "added_later": {"x": 1}, "request": {**data["request"], "added": 1}}
    assert VOCABULARY.decode(sample.stem, later) == VOCABULARY.decode(sample.stem, data)


def test_a_type_has_one_topic_and_one_writer():
    types = [model.TYPE for model in PUBLISHED]
    assert len(types) == len(set(types))
    assert set(topics.WRITERS) == set(topics.EVENTS)


OWN_SAMPLES = sorted((Path(__file__).parent / "private").glob("*.json"))

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

OWN_VOCABULARY = Vocabulary(PRIVATE)


@pytest.mark.parametrize("sample", OWN_SAMPLES, ids=lambda path: path.stem)
def test_a_frozen_sample_of_a_private_event_decodes_and_loses_nothing(sample):
    data = json.loads(sample.read_text())
    event = OWN_VOCABULARY.decode(name := sample.stem.partition("+")[0], data)
    assert event.model_dump(mode="json", by_alias=True) == data
    assert OWN_VOCABULARY.decode_text(name, event.model_dump_json(by_alias=True)) == event


def test_every_private_event_has_a_sample():
    assert {model.TYPE for model in PRIVATE} == {
        sample.stem.partition("+")[0] for sample in OWN_SAMPLES
    }
