"""SOP 4.1.1 (2), the application is approved.

"Pentadbir UC Agensi meluluskan permohonan."

The agency UC administrator approves (*meluluskan*) the application. The administrator may also reject it (*ditolak*) or
return it for correction (*dikembalikan untuk pembetulan*), and says why. Who may approve stands in section 5.0.
"""

from datetime import UTC, datetime

import pytest
from decider_specification import given
from fixtures.samples import facts, received
from samples import REVIEW, wrong_fields
from unit.approval import reviews
from unit.approval.reviews import approved, decide, opened, papers, rejected, returned, withdraw

from services.approval.domain import errors

REASON = "Tidak lengkap"


def test_a_request_received_goes_on_the_worklist_with_its_warnings_and_papers():
    incoming = received(reviews.REQUEST, warnings=("not_serving", "open_request_exists"))
    expected = opened(warnings=("not_serving", "open_request_exists"))
    given(REVIEW).when(reviews.open_review(incoming)).then(expected, papers(incoming))


def test_the_administrator_grants_what_was_asked_or_rejects_or_returns_it_and_says_why():
    given(REVIEW, opened()).when(decide("approve")).then(approved())
    given(REVIEW, opened()).when(decide("reject", reason=REASON)).then(rejected())
    given(REVIEW, opened()).when(decide("return", reason=REASON)).then(returned())
    for silent in (decide("reject"), decide("return")):
        refused = given(REVIEW, opened()).when(silent).then_refused(errors.FieldsWrong)
        assert wrong_fields(refused) == ["/reason"]


@pytest.mark.parametrize(
    ("before", "choice", "reason"),
    [(approved(), "approve", None), (rejected(), "reject", REASON), (returned(), "return", REASON)],
    ids=["after an approval", "after a rejection", "after a return"],
)
@pytest.mark.parametrize("second", ["approve", "reject", "return"])
def test_it_is_decided_once_and_a_second_administrator_sees_the_first_decision(
    before, choice, reason, second
):
    first = {
        "decision": choice,
        "decided_by": reviews.SITI.model_dump(),
        "decided_at": reviews.NOW.isoformat().replace("+00:00", "Z"),
        "reason": reason,
        "version": 2,
    }
    again = given(REVIEW, opened(), before).when(decide(second, by=reviews.FAIZ))
    again.then_refused(errors.AlreadyDecided, decision=first)


def test_a_correction_opens_it_again_with_its_new_papers_warnings_and_days():
    friday, wednesday = datetime(2025, 11, 28, 2, tzinfo=UTC), datetime(2025, 12, 3, 9, tzinfo=UTC)
    corrected = facts(**{**dict(reviews.REQUEST), "quota_bytes": 5})
    incoming = received(corrected, warnings=("not_serving",), documents=())
    given(REVIEW, opened(), returned()).when(reviews.open_review(incoming, friday)).then(
        opened(corrected, ("not_serving",), wednesday), papers(incoming)
    )
    given(REVIEW, opened(), returned(), opened()).when(decide("approve")).then(approved())


@pytest.mark.parametrize(
    "before",
    [(), (opened(),), (opened(), returned())],
    ids=["before its review is open", "open", "returned"],
)
def test_a_request_is_withdrawn_before_a_decision(before):
    given(REVIEW, *before).when(withdraw()).then(reviews.withdrawn())


@pytest.mark.parametrize(
    ("decided", "choice"),
    [(approved(), "approve"), (rejected(), "reject")],
    ids=["approved", "rejected"],
)
def test_where_the_decision_came_first_the_decision_stands(decided, choice):
    refused = given(REVIEW, opened(), decided).when(withdraw()).then_refused(errors.AlreadyDecided)
    assert refused.extra["decision"]["decision"] == choice


@pytest.mark.parametrize(
    "late",
    [decide("approve"), decide("reject"), decide("return"), withdraw()],
    ids=["approve", "reject", "return", "withdraw again"],
)
def test_what_was_withdrawn_is_closed(late):
    given(REVIEW, opened(), reviews.withdrawn()).when(late).then_refused(errors.RequestClosed)
