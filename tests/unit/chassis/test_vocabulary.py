"""What was stored as text is decoded as everything else is."""

import json

import parcels
import pytest

from bmt.chassis.eventsourcing.event_store import UnknownType, Vocabulary
from bmt.contracts.envelope import MalformedEvent


def outcome(decode, *arguments):
    """The event, or what is told of the refusal."""
    try:
        return decode(*arguments)
    except MalformedEvent as error:
        return type(error), error.detail, error.errors


@pytest.mark.parametrize(
    "text",
    [
        '{"weight":3}',
        '{"weight":"3"}',
        '{"weight":3.0}',
        '{"weight":3,"colour":"white"}',
        '{"weight":3.5}',
        '{"weight":"heavy"}',
        '{"weight":null}',
        "{}",
        "[]",
        "7",
    ],
)
def test_a_text_is_the_event_or_the_refusal_that_its_data_is(text):
    vocabulary = parcels.VOCABULARY
    read = outcome(vocabulary.decode_text, "test.Posted.v1", text)
    assert read == outcome(vocabulary.decode, "test.Posted.v1", json.loads(text))


def test_a_text_of_a_type_that_nobody_knows_is_refused():
    with pytest.raises(UnknownType):
        parcels.VOCABULARY.decode_text("test.Lost.v1", "{}")


@pytest.mark.parametrize("old", ["test.Sent.v1", parcels.Delivered.TYPE])
def test_a_text_of_an_earlier_version_is_brought_up_first(old):
    """Also where the old type has a model still."""
    upcasters = {old: lambda data: (parcels.Posted.TYPE, {"weight": data["grams"] // 1000})}
    vocabulary = Vocabulary([parcels.Posted, parcels.Delivered], upcasters)
    assert vocabulary.decode_text(old, '{"grams":3000,"to":"Ali"}') == parcels.Posted(weight=3)
