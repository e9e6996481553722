"""The published language: every version ever said decodes for ever, and loses nothing."""

import json
from pathlib import Path

import orjson
import pytest

from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.contracts import topics
from bmt.contracts.events import RequestSubmitted

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
    from datetime import datetime

    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (TypeError, ValueError):
        return False


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_frozen_sample_decodes_and_loses_nothing(sample):
    data = json.loads(sample.read_text())
    event = VOCABULARY.decode(sample.stem.partition("+")[0], data)
    assert holds(event.model_dump(mode="json", by_alias=True), data)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_what_is_published_is_the_text_that_earlier_versions_published(sample):
    """They encoded what they stored as a document; the same event again has the same bytes."""
    type_ = sample.stem.partition("+")[0]
    event = VOCABULARY.decode(type_, json.loads(sample.read_text()))
    text = event.model_dump_json(by_alias=True)
    assert text.encode() == orjson.dumps(event.model_dump(mode="json", by_alias=True))
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
