"""What becomes of a notice: prepared, sent or handed over, refused, sent once more."""

import pytest
from decider_specification import given
from notices import (
    DOCUMENT,
    MAIL,
    MAIL_PREPARED,
    MAIL_TOLD,
    PAPER,
    PAPER_PREPARED,
    REQUEST,
    dispatch,
    due,
    failed,
    notice,
    notified,
    prepared,
    resend,
    resend_requested,
)

from bmt.contracts.events import Notified
from services.notification.domain.correspondence import (
    RecordPrepared,
    RecordRefused,
    RecordSent,
)
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.errors import (
    NotByEmail,
    NotOnPaper,
    NotPreparedYet,
    UnknownNotice,
)
from services.notification.domain.events import AcknowledgementSuperseded, SentAgain

ID = "rejected"
REFUSAL = "550 5.1.1 no such user"

MAIL_DUE = (due(MAIL),)
MAIL_FAILED = (*MAIL_PREPARED, failed(MAIL, REFUSAL))


@pytest.mark.parametrize("one", [MAIL, PAPER])
def test_a_message_that_is_stored_is_prepared(one):
    given(DECIDER, due(one)).when(RecordPrepared(ID, DOCUMENT)).then(prepared(one))


def test_the_paper_of_the_outcome_supersedes_the_acknowledgement_that_was_not_handed_over():
    paper = notice("acknowledgement", "letter")
    before = (due(paper), prepared(paper), due(PAPER))
    superseded = AcknowledgementSuperseded(
        request=REQUEST, notification_id="acknowledgement", by="rejected"
    )
    given(DECIDER, *before).when(RecordPrepared(ID, DOCUMENT)).then(prepared(PAPER), superseded)
    over = (*before, prepared(PAPER), superseded)
    given(DECIDER, *over).when(dispatch(notice_id="acknowledgement")).then_one(Notified)


@pytest.mark.parametrize(
    "before",
    [
        (due(notice("acknowledgement", "letter")), prepared(notice("acknowledgement", "letter")),
         notified(notice("acknowledgement", "letter"))),
        (due(notice()), prepared(notice())),
    ],
    ids=["handed over", "by e-mail"],
)  # fmt: skip
def test_only_a_paper_that_is_still_here_is_superseded(before):
    given(DECIDER, *before, due(PAPER)).when(RecordPrepared(ID, DOCUMENT)).then(prepared(PAPER))


def test_a_return_supersedes_nothing():
    paper, back = notice("acknowledgement", "letter"), notice("returned", "letter")
    before = (due(paper), prepared(paper), due(back))
    given(DECIDER, *before).when(RecordPrepared("returned", DOCUMENT)).then(prepared(back))


def test_a_message_is_prepared_once():
    given(DECIDER, *MAIL_PREPARED).when(RecordPrepared(ID, DOCUMENT)).then_nothing()


def test_an_e_mail_sent_twice_after_a_crash_is_told_once():
    given(DECIDER, *MAIL_TOLD).when(RecordSent(ID, 1)).then_nothing()


def test_a_paper_that_is_not_prepared_cannot_be_handed_over_yet():
    refused = given(DECIDER, due(PAPER)).when(dispatch()).then_refused(NotPreparedYet)
    assert refused.status == 404  # not recorded: the same call is answered anew a moment later


def test_an_e_mail_is_not_handed_over():
    given(DECIDER, *MAIL_PREPARED).when(dispatch()).then_refused(NotOnPaper)


def test_a_notice_that_never_was_is_not_known():
    given(DECIDER, *MAIL_TOLD).when(dispatch(notice_id="x")).then_refused(UnknownNotice)


@pytest.mark.parametrize("state", [MAIL_DUE, MAIL_PREPARED, (*MAIL_TOLD, resend_requested(2))])
def test_an_e_mail_on_its_way_is_only_waited_for(state):
    given(DECIDER, *state).when(resend()).then_nothing()


def test_a_paper_is_not_sent():
    given(DECIDER, *PAPER_PREPARED).when(resend()).then_refused(NotByEmail)


def test_a_refused_e_mail_that_arrives_at_last_is_told():
    state = (*MAIL_FAILED, resend_requested(2))
    given(DECIDER, *state).when(RecordSent(ID, 2)).then(notified(MAIL))


def test_who_was_told_before_is_not_told_anew_by_a_copy():
    again = SentAgain(request=REQUEST, notification_id=ID, sending=2)
    state = (*MAIL_TOLD, resend_requested(2))
    given(DECIDER, *state).when(RecordSent(ID, 2)).then(again)
    given(DECIDER, *state, again).when(resend()).then(resend_requested(3))


def test_a_sending_that_was_overtaken_changes_nothing():
    state = (*MAIL_FAILED, resend_requested(2))
    given(DECIDER, *state).when(RecordSent(ID, 1)).then_nothing()
    given(DECIDER, *state).when(RecordRefused(ID, 1, REFUSAL)).then_nothing()


def test_notices_of_one_request_stand_in_a_line():
    first, second = notice("acknowledgement"), notice("rejected")
    state = DECIDER.fold([due(first), due(second), prepared(second), prepared(first)])
    before, after = state.outgoing_notices["acknowledgement"], state.outgoing_notices["rejected"]
    assert state.before(before) == ()
    assert state.before(after) == (before,)
