"""A request received goes on its agency's worklist, with a day by which it is decided."""

from decider_specification import given
from fixtures.samples import MONDAY, received
from reviews import (
    DUE,
    REQUEST,
    approved,
    open_review,
    opened,
    papers,
    rejected,
    withdrawn,
)

from bmt.contracts.values import NotShown
from services.approval.domain.errors import AlreadyDecided, RequestClosed
from services.approval.domain.policy import Policy
from services.approval.domain.review_rules import DECIDER


def test_what_is_not_shown_of_an_e_mail_goes_with_its_papers():
    left = (NotShown(filename="memo.heic", reason="cannot_be_shown"),)
    incoming = received(REQUEST, not_shown=left)
    expected = papers(incoming)
    assert expected.not_shown == left
    given(DECIDER).when(open_review(incoming)).then(opened(), expected)


def test_newer_papers_of_an_open_request_are_never_lost():
    incoming = received(REQUEST, justification="Lebih jelas.")
    given(DECIDER, opened()).when(open_review(incoming, said_at=MONDAY)).then(
        opened(), papers(incoming)
    )


def test_what_was_decided_is_not_opened_again():
    for end in (approved(), rejected()):
        given(DECIDER, opened(), end).when(open_review(received(REQUEST))).then_refused(
            AlreadyDecided
        )


def test_what_was_withdrawn_is_not_opened_again():
    given(DECIDER, opened(), withdrawn()).when(open_review(received(REQUEST))).then_refused(
        RequestClosed
    )


def test_a_request_of_an_agency_without_rules_is_due_after_three_days_all_the_same():
    incoming = received(REQUEST)
    given(DECIDER).when(open_review(incoming, policy=Policy())).then(
        opened(due_at=DUE), papers(incoming)
    )
