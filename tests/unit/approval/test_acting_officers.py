"""Where an agency names who acts for whom, nobody acts for anybody else, and only on those days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from decider_specification import given
from hypothesis import given as with_any
from hypothesis import strategies as st
from reviews import DAY, FAIZ, MAMPU, NAMED, SITI, appointment, approved, decide, opened

from bmt.agencies.agency import acts_for
from bmt.agencies.charter import MALAYSIA
from services.approval.domain.errors import FieldsWrong
from services.approval.domain.review_rules import DECIDER

DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31))


def policy(*acting):
    return replace(MAMPU, acting=acting)


def test_and_may_decide_in_their_own_name():
    given(DECIDER, opened()).when(decide("approve", policy=NAMED)).then(approved())


@pytest.mark.parametrize("decision", ["approve", "reject", "return"])
@pytest.mark.parametrize(
    ("acting", "behind", "says"),
    [
        (NAMED, "Ketua Setiausaha", "Pengarah ICT"),
        (NAMED, "pengarah ict", "Pengarah ICT"),
        (
            policy(appointment(DAY + timedelta(1), DAY + timedelta(9))),
            "Pengarah ICT",
            "leave this out",
        ),
        (
            policy(appointment(DAY - timedelta(9), DAY - timedelta(1))),
            "Pengarah ICT",
            "leave this out",
        ),
        (policy(appointment(officer=FAIZ.subject)), "Pengarah ICT", "leave this out"),
    ],
    ids=["another's", "in other letters", "not yet", "no longer", "only a colleague"],
)
def test_anybody_else_is_refused_with_what_is_allowed(decision, acting, behind, says):
    command = decide(decision, policy=acting, reason="Sebab.", on_behalf_of=behind)
    refused = given(DECIDER, opened()).when(command).then_refused(FieldsWrong)
    (fault,) = refused.errors
    assert fault.pointer == "/on_behalf_of"
    assert says in fault.detail


def test_every_fault_is_told_at_once():
    command = decide("reject", policy=NAMED, on_behalf_of="Sesiapa", quota_bytes=1)
    refused = given(DECIDER, opened()).when(command).then_refused(FieldsWrong)
    assert [one.pointer for one in refused.errors] == ["/reason", "/quota_bytes", "/on_behalf_of"]


@with_any(DAYS, DAYS, st.integers(0, 3 * 365 * 24))
def test_days_are_whole_days_in_malaysia(begins, ends, hours):
    begins, ends = sorted((begins, ends))
    there = datetime(2025, 1, 1, tzinfo=MALAYSIA) + timedelta(hours=hours)
    allowed = acts_for([appointment(begins, ends)], SITI.subject.upper(), there.astimezone(UTC))
    assert bool(allowed) == (begins <= there.date() <= ends)


@with_any(DAYS, DAYS, DAYS, DAYS)
def test_two_overlap_where_a_day_is_in_both(a, b, c, d):
    one, other = appointment(*sorted((a, b))), appointment(*sorted((c, d)))
    shared = max(one.from_, other.from_) <= min(one.until, other.until)
    assert one.overlaps(other) == other.overlaps(one) == shared
    assert not one.overlaps(appointment(*sorted((c, d)), officer=FAIZ.subject))
    assert not one.overlaps(appointment(*sorted((c, d)), behind="Lain"))
