"""SOP 4.1.1 (1), an application is received.

"Menerima permohonan perkhidmatan BMT melalui e-mel / memo / surat / borang (tertakluk kepada agensi)."

The administrator receives (*menerima*) an application (*permohonan*) by e-mail, memo, letter or form; which of them is for
the agency to decide. As long as nobody has decided, a request may be corrected or withdrawn (*ditarik balik*).
"""

from dataclasses import replace

import pytest
from decider_specification import given
from samples import RECEPTION, wrong_fields
from unit.intake import submissions
from unit.intake.submissions import (
    ADMINISTRATOR,
    APPLICANT,
    MESSAGE,
    NOON,
    OF_JPA,
    OF_KPM,
    OTHER,
    SCAN,
    amend,
    correct,
    dismiss,
    facts,
    receive,
    receive_email,
    received,
    register,
    waiting,
    withdraw,
)

from bmt.contracts.events import RequestReceived, WithdrawalRequested
from services.intake.domain import errors
from services.intake.domain.events import InboxItemDismissed, Missing

# By e-mail, memo, letter or form.


@pytest.mark.parametrize(
    ("channel", "caller"),
    [
        ("memo", ADMINISTRATOR),
        ("letter", ADMINISTRATOR),
        ("form", ADMINISTRATOR),
        ("form", APPLICANT),
    ],
    ids=["memo", "letter", "form", "form of the applicant"],
)
def test_an_application_on_paper_is_received_with_its_scan_under_the_rules_of_the_day(
    channel, caller
):
    command = receive(caller=caller, channel=channel, quota_bytes=5, documents=[SCAN.document_id])
    event = (
        given(RECEPTION)
        .when(command)
        .then_one(RequestReceived, documents=(SCAN,), submitted_by=caller.submitter)
    )
    assert (event.request.channel, event.request.quota_bytes) == (channel, 5)
    assert event.request.policy_version == submissions.AGENCIES.get("MAMPU").policy_version


def test_a_filled_e_mail_is_an_application_with_the_whole_message_as_its_first_document():
    event = (
        given(RECEPTION)
        .when(receive_email())
        .then_one(RequestReceived, email_message_id="<1@x.my>", documents=(MESSAGE,))
    )
    assert event.request.channel == "email"


def test_any_other_e_mail_waits_whole_until_an_administrator_registers_it():
    mail = submissions.mail(missing=(Missing(field="kind", detail="There is no line Jenis."),))
    unfilled = replace(receive_email(), submission=None, mail=mail)
    given(RECEPTION).when(unfilled).then(waiting(mail=mail))
    registered = register(channel="email", documents=[SCAN.document_id])
    event = (
        given(RECEPTION, waiting())
        .when(registered)
        .then_one(RequestReceived, documents=(MESSAGE, SCAN), email_message_id="<1@mampu.gov.my>")
    )
    assert event.request.request_id == submissions.ID


def test_what_is_no_application_is_dismissed_and_stays_dismissed():
    dismissed = InboxItemDismissed(
        agency="MAMPU", reason="spam", dismissed_by=ADMINISTRATOR.submitter, dismissed_at=NOON
    )
    given(RECEPTION, waiting()).when(dismiss()).then(dismissed)
    for again in (dismiss(), register()):
        given(RECEPTION, waiting(), dismissed).when(again).then_refused(errors.InboxItemSettled)


@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        (receive(channel="letter", agency="JPA", caller=OF_JPA), ["email", "form"]),
        (receive_email(agency="KPM", caller=OF_KPM), ["form"]),
    ],
    ids=["a letter to JPA", "an e-mail to KPM"],
)
def test_a_channel_that_the_agency_does_not_allow_is_refused_with_those_it_does(command, allowed):
    refused = given(RECEPTION).when(command).then_refused(errors.SubmissionWrong, allowed=allowed)
    assert (refused.problem, wrong_fields(refused)) == ("channel_not_allowed", ["/channel"])


# Corrections and withdrawals.


def test_a_returned_request_is_received_again_under_its_reference_and_day():
    event = (
        given(RECEPTION, received())
        .when(correct(justification="Jelas."))
        .then_one(
            RequestReceived,
            justification="Jelas.",
            corrected_by=ADMINISTRATOR.submitter,
            while_open=False,
        )
    )
    assert (event.request.reference, event.request.received_at) == (facts().reference, NOON)


def test_who_corrects_a_request_that_nobody_returned_says_why():
    event = (
        given(RECEPTION, received())
        .when(amend(caller=OTHER, quota_bytes=5))
        .then_one(
            RequestReceived,
            submitted_by=ADMINISTRATOR.submitter,
            corrected_by=OTHER.submitter,
            correction_reason="Salah taip.",
            while_open=True,
        )
    )
    assert (event.request.quota_bytes, event.request.received_at) == (5, NOON)
    silent = given(RECEPTION, received()).when(amend(None))
    assert wrong_fields(silent.then_refused(errors.NobodyReturnedIt)) == ["/correction_reason"]


@pytest.mark.parametrize("status", ["received", "returned"])
def test_the_applicant_withdraws_a_request_that_nobody_has_decided_on(status):
    given(RECEPTION, received()).when(withdraw(status=status)).then(
        WithdrawalRequested(
            request=facts(), reason="Tidak perlu lagi.", requested_by=APPLICANT.submitter
        )
    )


def test_after_the_decision_a_request_is_not_withdrawn():
    shown = submissions.APPROVED.decision.model_dump(mode="json")
    late = given(RECEPTION, received()).when(withdraw(known=submissions.APPROVED))
    late.then_refused(errors.AlreadyDecided, decision=shown)


@pytest.mark.parametrize(
    "caller",
    [OF_JPA, replace(APPLICANT, subject="ravi.mampu@mygovuc.gov.my")],
    ids=["an administrator of another agency", "another user"],
)
def test_nobody_withdraws_or_corrects_the_request_of_another(caller):
    for command in (withdraw(caller), correct(caller=caller), amend(caller=caller)):
        given(RECEPTION, received()).when(command).then_refused(errors.UnknownRequest)
