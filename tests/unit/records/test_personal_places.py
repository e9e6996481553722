"""What of an event is personal, and what stands in its place: nothing is forgotten when an event gains a field."""

import json
from types import NoneType, UnionType
from typing import Union, get_args, get_origin

import pytest
from fixtures.procedure import approved, configured, prepared
from fixtures.samples import APPLICANT, facts, received
from pydantic import BaseModel

from bmt.contracts import topics
from bmt.contracts.events import Filed
from bmt.verify_record import commitments
from services.records.domain.events import PRIVATE, EventFiled
from services.records.ledger.canonical import NotCanonical
from services.records.sealing.commitments import (
    committed,
    disclosed,
    disposed_of,
    impersonal,
    impersonal_in_file,
    parted,
    personal_fields,
    put_back,
    read,
    written,
)

PUBLIC = [model for topic in topics.PUBLIC for model in topics.EVENTS[topic]]
PERSONAL = {
    "/request/applicant/account",
    "/request/applicant/name",
    "/request/applicant/email",
    "/request/directory_email",
    "/submitted_by/subject",
    "/corrected_by/subject",
    "/correction_reason",
    "/requested_by/subject",
    "/handed_over_by/subject",
    "/justification",
    "/reason",
    "/approval_reason",
    "/retry/reason",
    "/exception_reason",
    "/on_behalf_of",
    "/endorsements/*/reason",
    "/endorsements/*/exception_reason",
    "/endorsements/*/on_behalf_of",
    "/instructions",
    "/recipient",
    "/documents/*/document_id",
    "/documents/*/filename",
    "/documents/*/media_type",
    "/not_shown/*/filename",
    "/evidence/*/document_id",
    "/document_id",
    "/email_message_id",
    "/message_id",
    "/notification_id",
    "/source_reference",
}
"""All that is personal in what the topics say; a new field is one of these, or is named as impersonal."""


def places(model, place=""):
    """Every place that data of this model can have."""
    for name, field in model.model_fields.items():
        yield from _places(field.annotation, f"{place}/{field.alias or name}")


def _places(annotation, place):
    kinds = get_args(annotation)
    if get_origin(annotation) in (Union, UnionType):
        for kind in kinds:
            if kind is not NoneType:
                yield from _places(kind, place)
    elif get_origin(annotation) is tuple:
        yield from _places(kinds[0], f"{place}/*")
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from places(annotation, place)
    else:
        yield place


def test_all_that_the_topics_say_of_a_person_is_known_to_be_personal():
    said = {place for model in PUBLIC for place in places(model)}
    assert {place for place in said if not impersonal(place)} == PERSONAL


def test_what_records_says_itself_is_personal_in_the_same_places():
    said = {place for model in PRIVATE for place in places(model)}
    personal = {place for place in said if not impersonal_in_file(place)}
    assert personal >= {"/request/applicant/name", "/justification", "/document_id", "/filename"}
    assert not any(place.startswith(("/leaf_", "/event_")) for place in personal)


@pytest.mark.parametrize("model", [*PRIVATE, Filed])
def test_a_field_that_is_not_looked_into_has_no_personal_place(model):
    looked_into = personal_fields(model, impersonal_in_file)
    personal = {place for place in places(model) if not impersonal_in_file(place)}
    assert {place.split("/")[1] for place in personal} <= set(looked_into)


def test_what_is_filed_of_most_events_need_not_be_looked_into():
    assert personal_fields(EventFiled, impersonal_in_file) == ("request", "justification", "keys")


@pytest.mark.parametrize("event", [received(facts()), approved(facts()), configured(facts())])
def test_commitments_stand_where_values_stood_and_the_values_come_back(event):
    data = event.model_dump(mode="json", by_alias=True)

    hashed, disclosures = committed(data)

    told = json.dumps(hashed)
    assert APPLICANT.name not in told
    assert APPLICANT.account not in told
    assert dict(commitments(hashed)) == {
        place: one.commitment for place, one in disclosures.items()
    }
    assert disclosed(hashed, read(written(disclosures))) == data
    assert hashed["request"]["agency"] == data["request"]["agency"]


def test_the_same_value_twice_has_two_commitments():
    first, second = (committed({"reason": "sama"})[0]["reason"] for _ in range(2))
    assert first != second


def test_a_field_that_nobody_foresaw_is_personal_and_one_that_looks_like_a_commitment_too():
    data = {"future": {"a/b~c": [1, None, True]}, "reason": {"commitment": "0" * 64}, "empty": []}
    hashed, disclosures = committed(data)
    assert set(disclosures) == {
        "/future/a~1b~0c/0",
        "/future/a~1b~0c/2",
        "/reason/commitment",
    }
    assert (hashed["empty"], hashed["future"]["a/b~c"][1]) == ([], None)
    assert disclosed(hashed, disclosures) == data


def test_what_was_disposed_of_still_reads_as_an_event():
    for event in (received(facts()), prepared(facts(), "configured"), configured(facts())):
        data = event.model_dump(mode="json", by_alias=True)
        shown = type(event).model_validate(disposed_of(committed(data)[0]))
        assert shown.request.reference == event.request.reference
        assert shown.request.applicant.name == "disposed-of"


def test_what_has_no_canonical_form_is_refused():
    with pytest.raises(NotCanonical):
        committed({"reason": float("nan")})


def test_values_go_back_only_where_there_is_a_place():
    assert put_back({"a": [1, {"b": None}]}, {"/a/1/b": 2}) == {"a": [1, {"b": 2}]}
    for pointer in ("/c", "/a/7", "/a/1/c"):
        with pytest.raises(LookupError):
            put_back({"a": [1, {"b": None}]}, {pointer: 2})


def test_what_is_given_is_not_changed():
    data = {"reason": "x", "documents": [{"filename": "y"}]}
    _, personal = parted(data, impersonal)
    for one in personal:
        one.replace(None)
    put_back(data, {"/reason": "z"})
    assert data == {"reason": "x", "documents": [{"filename": "y"}]}
