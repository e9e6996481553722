"""SOP 5.0, approval (*kelulusan*).

"Permohonan perlu diluluskan oleh Pentadbir UC Agensi."

Every request must be approved by the agency UC administrator. So nothing is configured before, nobody approves their own
request, and where an agency wants more than one approval, each is another person's.
"""

from dataclasses import replace

import pytest
from decider_specification import given
from fixtures.samples import APPLICANT, received
from samples import CONFIGURATION, NUR, REVIEW, THE_APPLICANT
from unit.approval import reviews
from unit.approval.reviews import (
    FAIZ,
    SITI,
    approved,
    decide,
    endorsed,
    endorsement,
    opened,
    papers,
    rejected,
    returned,
)
from unit.provisioning import orders

from bmt.contracts.values import Submitter
from services.approval.domain import errors

BY_SITI = received(
    reviews.REQUEST, submitted_by=Submitter(subject=SITI.subject.upper(), role="administrator")
)
TWO = (opened(), papers(received(reviews.REQUEST), levels=2))
THREE = (opened(), papers(received(reviews.REQUEST), levels=3))


@pytest.mark.parametrize(
    "early", [orders.start(), orders.record(), orders.fail()], ids=["begin", "end", "fail"]
)
def test_nothing_is_configured_before_an_approval(early):
    given(CONFIGURATION).when(early).then_nothing()


# Another person than the applicant, and than the registrar where the agency wants it.


@pytest.mark.parametrize(
    "after",
    [(), (approved(),), (rejected(),), (returned(),), (reviews.withdrawn(),)],
    ids=["open", "approved", "rejected", "returned", "withdrawn"],
)
@pytest.mark.parametrize("decision", ["approve", "reject", "return"])
def test_nobody_decides_on_their_own_request_whatever_the_letters_of_the_account(after, decision):
    own = decide(decision, by=THE_APPLICANT)
    given(REVIEW, opened(), *after).when(own).then_refused(errors.OwnRequest)


@pytest.mark.parametrize(
    "deputy",
    [
        decide("approve", by=THE_APPLICANT, on_behalf_of=SITI.name),
        decide("approve", on_behalf_of=APPLICANT.account.upper()),
        decide("approve", on_behalf_of=APPLICANT.email),
        decide("approve", on_behalf_of=f" {APPLICANT.name.upper()}"),
    ],
    ids=[
        "the applicant on behalf of an officer",
        "an officer on behalf of the applicant",
        "an officer on behalf of the applicant's address",
        "an officer on behalf of the applicant's name",
    ],
)
def test_nobody_decides_on_their_own_request_on_behalf_of_another_or_through_another(deputy):
    given(REVIEW, opened()).when(deputy).then_refused(errors.OwnRequest)


@pytest.mark.parametrize(
    ("levels", "by_faiz"),
    [(1, approved(decided_by=FAIZ)), (2, endorsed(endorsement(by=FAIZ)))],
    ids=["one approval is needed", "two approvals are needed"],
)
def test_who_registered_a_request_may_approve_it_unless_the_agency_keeps_the_two_apart(
    levels, by_faiz
):
    apart = replace(reviews.MAMPU, registrar_may_approve=False)
    given(REVIEW, opened(), papers(BY_SITI)).when(decide("approve")).then(approved())
    review = given(REVIEW, opened(), papers(BY_SITI, levels=levels))
    refused = review.when(decide("approve", policy=apart))
    assert refused.then_refused(errors.RegistrarMayNotApprove).problem == "another_person_needed"
    review.when(decide("approve", policy=apart, by=FAIZ)).then(by_faiz)
    review.when(decide("reject", policy=apart, reason="Tidak lengkap")).then(rejected())


# Levels of approval.


def test_the_last_approval_is_the_decision_and_names_those_before():
    given(REVIEW, *TWO).when(decide("approve")).then(endorsed())
    given(REVIEW, *TWO, endorsed()).when(decide("approve", by=FAIZ)).then(
        approved(decided_by=FAIZ, endorsements=(endorsement(),))
    )


def test_three_levels_are_three_people():
    first, second = endorsed(levels=3), endorsed(endorsement(2, FAIZ), levels=3)
    given(REVIEW, *THREE).when(decide("approve")).then(first)
    given(REVIEW, *THREE, first).when(decide("approve", by=FAIZ)).then(second)
    third = given(REVIEW, *THREE, first, second)
    for again in (SITI, FAIZ):
        third.when(decide("approve", by=again)).then_refused(errors.ApprovedBefore)
    endorsements = (endorsement(), endorsement(2, FAIZ))
    third.when(decide("approve", by=NUR)).then(approved(decided_by=NUR, endorsements=endorsements))


@pytest.mark.parametrize(
    ("by", "on_behalf_of"),
    [
        (SITI, None),
        (SITI.model_copy(update={"subject": "SITI@MAMPU.gov.my"}), None),
        (FAIZ, SITI.subject),
        (FAIZ, SITI.name),
    ],
    ids=["the same", "in other letters", "by who acts for them", "by their name"],
)
def test_nobody_gives_two_of_the_approvals(by, on_behalf_of):
    command = decide("approve", by=by, on_behalf_of=on_behalf_of)
    refused = given(REVIEW, *TWO, endorsed()).when(command).then_refused(errors.ApprovedBefore)
    assert refused.problem == "another_person_needed"
    assert "1 of 2" in refused.detail


# Acting on behalf of another (*bertindak bagi pihak*).


@pytest.mark.parametrize(
    ("decision", "event"),
    [("approve", approved), ("reject", rejected), ("return", returned)],
    ids=["approve", "reject", "return"],
)
def test_on_whose_behalf_an_officer_acts_is_on_record(decision, event):
    told = {"reason": "Tidak lengkap", "on_behalf_of": "Pengarah ICT"}
    given(REVIEW, opened()).when(decide(decision, **told)).then(event(**told))


def test_an_appointed_officer_acts_for_whom_they_are_appointed_and_for_nobody_else():
    command = decide("approve", policy=reviews.NAMED, on_behalf_of="Pengarah ICT")
    given(REVIEW, opened()).when(command).then(approved(on_behalf_of="Pengarah ICT"))
    another = decide("approve", policy=reviews.NAMED, on_behalf_of="Ketua Setiausaha")
    given(REVIEW, opened()).when(another).then_refused(errors.FieldsWrong)
