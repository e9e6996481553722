"""What becomes of a notice: prepared, sent or handed over, refused, sent once more."""

import pytest
from decider_specification import given
from notices import DOCUMENT, NOW, REQUEST, SITI, due, failed, notice, notified, prepared

from services.notification.domain.correspondence import (
    Dispatch,
    RecordPrepared,
    RecordRefused,
    RecordSent,
    Resend,
)
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.errors import (
    AlreadyHandedOver,
    NotByEmail,
    NotOnPaper,
    NotPreparedYet,
    UnknownNotice,
)
from services.notification.domain.events import ResendRequested, SentAgain

MAIL = notice("rejected")
PAPER = notice("rejected", "letter")
AT_ONCE = notice("rejected", "memo", on_preparation=True)
ID = "rejected"
REFUSAL = "550 5.1.1 no such user"

MAIL_DUE = (due(MAIL),)
MAIL_PREPARED = (*MAIL_DUE, prepared(MAIL))
MAIL_TOLD = (*MAIL_PREPARED, notified(MAIL))
MAIL_FAILED = (*MAIL_PREPARED, failed(MAIL, REFUSAL))
PAPER_PREPARED = (due(PAPER), prepared(PAPER))


def dispatch(agency: str = "MAMPU", note: str | None = None, notice_id: str = ID) -> Dispatch:
    return Dispatch(notice_id, agency, SITI, note)


def resend(agency: str | None = "MAMPU") -> Resend:
    return Resend(ID, agency, SITI, NOW)


def resend_requested(sending: int) -> ResendRequested:
    return ResendRequested(
        request=REQUEST, notification_id=ID, sending=sending, requested_by=SITI, requested_at=NOW
    )


@pytest.mark.parametrize("one", [MAIL, PAPER])
def test_a_message_that_is_stored_is_prepared(one):
    given(DECIDER, due(one)).when(RecordPrepared(ID, DOCUMENT)).then(prepared(one))


def test_where_preparing_is_enough_the_paper_counts_as_handed_over():
    given(DECIDER, due(AT_ONCE)).when(RecordPrepared(ID, DOCUMENT)).then(
        prepared(AT_ONCE), notified(AT_ONCE)
    )


def test_a_message_is_prepared_once():
    given(DECIDER, *MAIL_PREPARED).when(RecordPrepared(ID, DOCUMENT)).then_nothing()


def test_an_e_mail_taken_over_by_the_server_is_told():
    given(DECIDER, *MAIL_PREPARED).when(RecordSent(ID, 1)).then(notified(MAIL))


def test_an_e_mail_sent_twice_after_a_crash_is_told_once():
    given(DECIDER, *MAIL_TOLD).when(RecordSent(ID, 1)).then_nothing()


def test_an_e_mail_refused_for_good_has_failed_with_the_servers_answer():
    given(DECIDER, *MAIL_PREPARED).when(RecordRefused(ID, 1, REFUSAL)).then(failed(MAIL, REFUSAL))


def test_a_paper_handed_over_is_told_with_who_said_so_and_the_note():
    said = notified(PAPER, reason="Di kaunter", handed_over_by=SITI)
    given(DECIDER, *PAPER_PREPARED).when(dispatch(note="Di kaunter")).then(said)


def test_a_paper_is_handed_over_once():
    state = (*PAPER_PREPARED, notified(PAPER))
    given(DECIDER, *state).when(dispatch()).then_refused(AlreadyHandedOver)


def test_a_paper_that_is_not_prepared_cannot_be_handed_over_yet():
    refused = given(DECIDER, due(PAPER)).when(dispatch()).then_refused(NotPreparedYet)
    assert refused.status == 404  # not recorded: the same call is answered anew a moment later


def test_an_e_mail_is_not_handed_over():
    given(DECIDER, *MAIL_PREPARED).when(dispatch()).then_refused(NotOnPaper)


@pytest.mark.parametrize("agency", ["JPA", ""])
def test_another_agencys_notice_is_not_known(agency):
    given(DECIDER, *PAPER_PREPARED).when(dispatch(agency)).then_refused(UnknownNotice)
    given(DECIDER, *MAIL_TOLD).when(resend(agency)).then_refused(UnknownNotice)


def test_a_notice_that_never_was_is_not_known():
    given(DECIDER, *MAIL_TOLD).when(dispatch(notice_id="x")).then_refused(UnknownNotice)


@pytest.mark.parametrize("state", [MAIL_TOLD, MAIL_FAILED])
@pytest.mark.parametrize("agency", ["MAMPU", None])
def test_an_e_mail_told_or_refused_is_sent_once_more(state, agency):
    given(DECIDER, *state).when(resend(agency)).then(resend_requested(2))


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
