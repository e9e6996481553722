"""What an administrator takes is theirs for a day, unless they release it; nobody is kept from acting on it."""

from datetime import timedelta

from decider_specification import given
from fixtures.samples import MONDAY

from bmt.agencies.assignments import (
    DECIDER,
    LASTS,
    AlreadyAssigned,
    Release,
    Released,
    Take,
    Taken,
)
from bmt.contracts.values import Officer

SITI = Officer(subject="siti", name="Siti", role="administrator")
AMINAH = Officer(subject="aminah", name="Aminah", role="administrator")
TAKEN = Taken(agency="MAMPU", by=SITI, at=MONDAY, until=MONDAY + LASTS)
RELEASED = Released(by=SITI, at=MONDAY)
SOON = MONDAY + timedelta(minutes=5)


def take(who=SITI, at=MONDAY):
    return Take("MAMPU", who, at)


def test_what_nobody_has_is_taken_for_a_day():
    given(DECIDER).when(take()).then(TAKEN)


def test_the_second_is_told_who_was_first():
    refused = given(DECIDER, TAKEN).when(take(AMINAH, SOON)).then_refused(AlreadyAssigned)
    assert refused.extra["assignment"]["by"]["name"] == "Siti"
    given(DECIDER, TAKEN).when(Release(AMINAH, SOON)).then_refused(AlreadyAssigned)


def test_whoever_has_it_may_take_it_for_another_day():
    again = Officer(subject="SITI", name="Siti", role="administrator")
    given(DECIDER, TAKEN).when(take(again, SOON)).then_one(Taken, until=SOON + LASTS)


def test_what_was_released_is_anybodys():
    given(DECIDER, TAKEN).when(Release(SITI, MONDAY)).then(RELEASED)
    given(DECIDER, TAKEN, RELEASED).when(take(AMINAH, SOON)).then_one(Taken, by=AMINAH)


def test_after_a_day_it_is_anybodys():
    over = MONDAY + LASTS
    given(DECIDER, TAKEN).when(take(AMINAH, over)).then_one(Taken, by=AMINAH)
    given(DECIDER, TAKEN).when(Release(SITI, over)).then_nothing()
    given(DECIDER).when(Release(SITI, over)).then_nothing()
