"""Wrong fields are told by pointers into what was sent, and by what is allowed there."""

from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Annotated, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from bmt.chassis.http import bodies
from bmt.chassis.http.routes import QueryTime
from bmt.contracts.faults import wrong
from bmt.contracts.problems import FieldError, Refused, faults_in_body, field_errors

QUERY_TIME = TypeAdapter(QueryTime)


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Home(BaseModel):
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []
    limit: int | Literal["none"] = 1
    town: str = ""
    door: Annotated[str, AfterValidator(str.strip)] | None = Field(default=None, max_length=3)

    @field_validator("town")
    @classmethod
    def _known(cls, town: str) -> str:
        if town == "Atlantis":
            raise ValueError(f"{town} is not on the map")
        if town == "Kuala":
            raise wrong("year_out_of_reach", first=1970, last=9998)
        if town == "Muar":
            raise wrong("unknown_agency", agencies=town)
        return town


def told(body: dict) -> dict[str, str]:
    return {error.pointer: error.detail for error in errors_of(body)}


def errors_of(body: dict) -> tuple[FieldError, ...]:
    with pytest.raises(ValidationError) as failed:
        Home.model_validate(body)
    return faults_in_body(failed.value, body)


def test_tags_of_unions_are_no_part_of_a_pointer():
    body = {"pets": [{"kind": "cat", "lives": "x"}, {"kind": "dog"}], "limit": "some"}
    assert set(told(body)) == {"/pets/0/lives", "/pets/1/tricks", "/limit"}


def test_a_parameter_is_named_without_the_tags_of_its_types():
    fault = {"loc": ("query", "from", "function-after[f(), date]"), "type": "x", "msg": "no date"}
    assert [error.pointer for error in field_errors([fault])] == ["/query/from"]


def test_what_is_allowed_is_told():
    errors = told({"pets": [{"kind": "bird"}]})
    assert errors == {"/pets/0": "One of these is needed: cat, dog."}


def test_a_text_that_is_too_long_has_too_many_characters_wherever_its_length_is_checked():
    assert told({"door": "number"}) == {"/door": "At most 3 characters are allowed."}


def test_a_validators_own_code_is_told_with_its_values():
    (error,) = errors_of({"town": "Kuala"})
    assert (error.code, error.values) == ("year_out_of_reach", {"first": 1970, "last": 9998})
    assert error.detail == "A year from 1970 to 9998 is needed."


@pytest.mark.parametrize(
    "sent", ["2026-11-30", "2026-11-30T22:25:00", "2026-02-30T09:00:00Z", "kemarin", "1764000000"]
)
def test_a_time_of_a_query_needs_a_zone(sent):
    with pytest.raises(ValidationError) as failed:
        QUERY_TIME.validate_python(sent)
    assert [fault.code for fault in faults_in_body(failed.value, sent)] == ["not_a_time"]


@pytest.mark.parametrize("zone", ["Z", "+08:00", " 08:00"])
def test_a_plus_that_an_address_turned_into_a_blank_is_still_a_zone(zone):
    hours = 0 if zone == "Z" else 8
    expected = datetime(2026, 11, 30, 22, 25, tzinfo=timezone(timedelta(hours=hours)))
    assert QUERY_TIME.validate_python(f"2026-11-30T22:25:00{zone}") == expected


def test_a_validator_without_a_code_is_told_in_general():
    assert told({"town": "Atlantis"}) == {"/town": "This value is not allowed."}


def test_a_sentence_that_would_repeat_the_value_is_not_told():
    assert told({"town": "Muar"}) == {"/town": "This value is not allowed."}


def test_what_is_allowed_is_told_though_what_was_sent_is_a_part_of_it():
    assert told({"limit": "non"}) == {"/limit": "One of these is needed: none."}


@given(st.binary())
def test_any_bytes_are_json_or_refused(body):
    with suppress(Refused):
        bodies.parse_json(body)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(JSON)
def test_clean_json_is_read_as_it_was_written(value):
    assert bodies.parse_json(orjson.dumps(value)) == value
