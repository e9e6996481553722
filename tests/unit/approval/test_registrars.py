"""Who handed a request in for somebody may approve it, unless the agency says otherwise."""

from dataclasses import replace

import pytest
from decider_specification import given
from fixtures.samples import received
from reviews import FAIZ, MAMPU, REQUEST, SITI, approved, decide, endorsed, opened, papers, rejected

from bmt.contracts.values import Submitter
from services.approval.domain.errors import RegistrarMayNotApprove
from services.approval.domain.review_rules import DECIDER

BY_SITI = received(
    REQUEST, submitted_by=Submitter(subject=SITI.subject.upper(), role="administrator")
)
OPEN = (opened(), papers(BY_SITI))
APART = replace(MAMPU, registrar_may_approve=False)


def test_the_registrar_may_approve_by_default():
    given(DECIDER, *OPEN).when(decide("approve")).then(approved())


@pytest.mark.parametrize("levels", [1, 2])
def test_where_the_agency_keeps_them_apart_another_must(levels):
    before = (opened(), papers(BY_SITI, levels=levels))
    refused = (
        given(DECIDER, *before)
        .when(decide("approve", policy=APART))
        .then_refused(RegistrarMayNotApprove)
    )
    assert refused.problem == "another_person_needed"
    another = decide("approve", policy=APART, by=FAIZ)
    outcome = {1: approved(decided_by=FAIZ), 2: endorsed(given_by(FAIZ))}[levels]
    given(DECIDER, *before).when(another).then(outcome)


def given_by(officer):
    return endorsed().endorsement.model_copy(update={"endorsed_by": officer})


def test_the_registrar_may_still_reject():
    command = decide("reject", policy=APART, reason="Tidak lengkap")
    given(DECIDER, *OPEN).when(command).then(rejected())
