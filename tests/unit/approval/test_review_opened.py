"""A request received goes on its agency's worklist, with a day by which it is decided."""

from datetime import UTC, datetime

from decider_specification import given
from fixtures.samples import MONDAY, facts, received
from reviews import (
    DUE,
    REQUEST,
    approved,
    open_review,
    opened,
    papers,
    rejected,
    returned,
    withdrawn,
)

from bmt.contracts.values import NotShown
from services.approval.domain.errors import AlreadyDecided, RequestClosed
from services.approval.domain.policy import Policy
from services.approval.domain.review_rules import DECIDER

FRIDAY = datetime(2025, 11, 28, 2, tzinfo=UTC)
WEDNESDAY_AFTER = datetime(2025, 12, 3, 9, tzinfo=UTC)


def test_a_request_received_opens_a_review_and_keeps_its_papers():
    incoming = received(REQUEST)
    given(DECIDER).when(open_review(incoming)).then(opened(), papers(incoming))


def test_what_is_not_shown_of_an_e_mail_goes_with_its_papers():
    left = (NotShown(filename="memo.heic", reason="cannot_be_shown"),)
    incoming = received(REQUEST, not_shown=left)
    expected = papers(incoming)
    assert expected.not_shown == left
    given(DECIDER).when(open_review(incoming)).then(opened(), expected)


def test_warnings_go_with_the_review():
    incoming = received(REQUEST, warnings=("not_serving", "open_request_exists"))
    expected = opened(warnings=("not_serving", "open_request_exists"))
    given(DECIDER).when(open_review(incoming)).then(expected, papers(incoming))


def test_the_charter_counts_from_when_it_was_received_however_late_it_is_heard():
    incoming = received(REQUEST)
    given(DECIDER).when(open_review(incoming, said_at=FRIDAY)).then(
        opened(due_at=DUE), papers(incoming)
    )


def test_the_agencys_state_and_days_decide_when_it_is_due():
    incoming = received(REQUEST)
    kelantan = Policy(working_days=5, state="kelantan")
    due_at = datetime(2025, 12, 1, 9, tzinfo=UTC)
    expected = opened(due_at=due_at)
    given(DECIDER).when(open_review(incoming, policy=kelantan)).then(expected, papers(incoming))


def test_a_correction_opens_it_again_with_its_new_papers_warnings_and_days():
    corrected = facts(**{**dict(REQUEST), "quota_bytes": 5})
    incoming = received(corrected, warnings=("not_serving",), documents=())
    expected = opened(corrected, ("not_serving",), WEDNESDAY_AFTER)
    given(DECIDER, opened(), returned()).when(open_review(incoming, said_at=FRIDAY)).then(
        expected, papers(incoming)
    )


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
