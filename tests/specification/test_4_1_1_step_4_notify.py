"""SOP 4.1.1 (4), the user is notified.

"Pentadbir UC Agensi memaklumkan status permohonan kepada Pengguna melalui e-mel / memo / surat / borang (tertakluk kepada
agensi)."

The agency UC administrator notifies the user (*memaklumkan*) of the request's status by e-mail, memo, letter or form; which
of them is for the agency to decide. A rejection is a status too.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from decider_specification import given
from fixtures.samples import MONDAY
from samples import CORRESPONDENCE, RECEPTION, wrong_fields
from unit.intake.submissions import ADMINISTRATOR, OF_JPA, receive
from unit.notification import notices
from unit.notification.notices import (
    ACKNOWLEDGED,
    MAIL,
    MAIL_PREPARED,
    PAPER,
    PAPER_PREPARED,
    due,
    failed,
    notice,
    notified,
    prepared,
    tell,
)

from bmt.contracts.events import RequestReceived
from services.intake.domain.errors import SubmissionWrong
from services.notification.domain.correspondence import RecordPrepared, RecordRefused, RecordSent
from services.notification.domain.errors import AlreadyHandedOver
from services.notification.domain.notification_policy import notification_policy_of

OUTCOMES = ["rejected", "withdrawn", "configured", "terminated"]
REFUSAL = "550 5.1.1 no such user"

# Of what, and by when.


def test_the_user_learns_that_the_request_was_received():
    given(CORRESPONDENCE).when(notices.acknowledge()).then(ACKNOWLEDGED)


@pytest.mark.parametrize("about", OUTCOMES)
def test_the_user_learns_of_the_outcome_whatever_it_is_and_of_nothing_after_it(about):
    given(CORRESPONDENCE, ACKNOWLEDGED).when(tell(about)).then(due(notice(about)))
    told = given(CORRESPONDENCE, ACKNOWLEDGED, due(notice("rejected")))
    for later in (about, "returned"):
        told.when(tell(later)).then_nothing()


def test_the_outcome_is_due_within_the_charters_working_days():
    tuesday = datetime(2025, 11, 25, 9, tzinfo=UTC)
    assert notification_policy_of("MAMPU", notices.AGENCIES).due_at(MONDAY) == tuesday


# By e-mail, memo, letter or form.


@pytest.mark.parametrize(
    ("asked", "channel", "agency", "out"),
    [
        (None, "letter", "MAMPU", "letter"),
        ("email", "letter", "MAMPU", "email"),
        (None, "form", "KPM", "email"),
        (None, "event", "MAMPU", "email"),
    ],
    ids=[
        "as the request came: by letter",
        "as asked: by e-mail",
        "what the agency does first: it sends no forms",
        "what the agency does first: a system asked",
    ],
)
def test_the_notice_goes_out_as_asked_else_as_the_request_came_else_as_the_agency_does_first(
    asked, channel, agency, out
):
    caller = replace(ADMINISTRATOR, agencies=frozenset({agency}))
    command = receive(caller=caller, reply_through=asked, channel=channel, agency=agency)
    event = given(RECEPTION).when(command).then_one(RequestReceived)
    assert event.request.reply_through == out


def test_a_channel_that_the_agency_does_not_use_cannot_be_asked_for():
    command = receive(reply_through="memo", channel="form", agency="JPA", caller=OF_JPA)
    by_memo = given(RECEPTION).when(command)
    refused = by_memo.then_refused(SubmissionWrong, allowed=["email", "form"])
    assert (refused.problem, wrong_fields(refused)) == ("channel_not_allowed", ["/reply_through"])


def test_by_e_mail_the_user_is_notified_once_the_mail_server_takes_the_message():
    sent, refused = RecordSent("rejected", 1), RecordRefused("rejected", 1, REFUSAL)
    given(CORRESPONDENCE, *MAIL_PREPARED).when(sent).then(notified(MAIL))
    given(CORRESPONDENCE, *MAIL_PREPARED).when(refused).then(failed(MAIL, REFUSAL))


@pytest.mark.parametrize(
    "end", [notified(MAIL), failed(MAIL, REFUSAL)], ids=["that arrived", "that was refused"]
)
@pytest.mark.parametrize("agency", ["MAMPU", None], ids=["by an administrator", "by an operator"])
def test_an_administrator_or_operator_has_an_e_mail_sent_once_more(end, agency):
    again = given(CORRESPONDENCE, *MAIL_PREPARED, end).when(notices.resend(agency))
    again.then(notices.resend_requested(2))


def test_on_paper_the_user_is_notified_once_it_is_handed_over_or_prepared_as_the_agency_has_it():
    handed_over = notified(PAPER, reason="Di kaunter", handed_over_by=notices.SITI)
    given(CORRESPONDENCE, *PAPER_PREPARED).when(notices.dispatch(note="Di kaunter")).then(
        handed_over
    )
    twice = given(CORRESPONDENCE, *PAPER_PREPARED, notified(PAPER)).when(notices.dispatch())
    twice.then_refused(AlreadyHandedOver)
    at_once = notice("rejected", "memo", on_preparation=True)
    stored = RecordPrepared("rejected", notices.DOCUMENT)
    given(CORRESPONDENCE, due(at_once)).when(stored).then(prepared(at_once), notified(at_once))
