"""Comments: administrators of the agency note what they like, whatever the status; the applicant has no part in it."""

import pytest
from decider_specification import given
from fixtures.samples import APPLICANT, received
from reviews import (
    FAIZ,
    NOW,
    REQUEST,
    SITI,
    approved,
    comment,
    commented,
    decide,
    endorsed,
    opened,
    papers,
    rejected,
    returned,
    withdrawn,
)
from test_review_view import after

from bmt.chassis.http.auth import Principal
from bmt.contracts.http.approval import Comment
from bmt.contracts.values import Officer
from services.approval.domain.errors import NothingToNote, UnknownRequest
from services.approval.domain.review_rules import DECIDER
from services.approval.views import as_seen_by

OPEN = (opened(),)
NOTED = Comment(by=SITI, at=NOW, text="Disemak.")


@pytest.mark.parametrize("end", [None, approved(), rejected(), returned(), withdrawn()])
def test_a_comment_is_added_whatever_the_status(end):
    before = (*OPEN, *((end,) if end else ()))
    given(DECIDER, *before).when(comment()).then(commented())


def test_comments_change_no_decision():
    before = (opened(), papers(received(REQUEST), levels=2), commented(), endorsed(), commented())
    given(DECIDER, *before).when(decide("approve", by=FAIZ)).then(
        approved(decided_by=FAIZ, endorsements=(endorsed().endorsement,))
    )


def test_a_request_of_another_agency_or_none_is_unknown():
    given(DECIDER).when(comment()).then_refused(UnknownRequest)
    given(DECIDER, *OPEN).when(comment(agency="JPA")).then_refused(UnknownRequest)


def test_nobody_comments_on_their_own_request():
    own = Officer(subject=APPLICANT.account.upper(), name="Ahmad", role="administrator")
    refused = given(DECIDER, *OPEN).when(comment(by=own)).then_refused(NothingToNote)
    assert refused.problem == "own_request"


def test_colleagues_read_them_and_a_correction_keeps_them():
    review = after(opened(), commented(), returned(), opened(), commented("Lagi.", FAIZ))
    assert review.comments == (NOTED, NOTED.model_copy(update={"text": "Lagi.", "by": FAIZ}))


def test_the_applicant_never_does():
    review = after(opened(), commented())
    who = {"email": "", "name": "", "agency": "MAMPU", "roles": frozenset({"administrator"})}
    applicant = Principal(subject=APPLICANT.account.upper(), **who)
    assert as_seen_by(review, applicant, registrar_may_approve=True).comments == ()
    colleague = Principal(subject=SITI.subject, **who)
    assert as_seen_by(review, colleague, registrar_may_approve=True) == review


def test_a_request_without_any_says_nothing_of_comments():
    assert "comments" not in after(opened()).model_dump()
