"""What intake decides: SOP step 1."""

import re
from dataclasses import replace

import pytest
from decider_specification import given
from submissions import (
    ADMINISTRATOR,
    APPLICANT,
    APPROVED,
    HRMIS,
    ID,
    MESSAGE,
    NOON,
    OF_JPA,
    SCAN,
    SITI,
    amend,
    correct,
    dismiss,
    facts,
    mail,
    receive,
    receive_email,
    received,
    register,
    waiting,
    withdraw,
)

from bmt.contracts.events import RequestReceived, WithdrawalRequested
from services.intake.domain.errors import (
    AlreadyDecided,
    RequestClosed,
    SubmissionWrong,
    UnknownInboxItem,
    UnknownRequest,
)
from services.intake.domain.events import Bounce, InboxItemReceived
from services.intake.domain.request import DECIDER, Known
from services.intake.domain.submission import reference


def outcome(command, *events) -> RequestReceived:
    return given(DECIDER, *events).when(command).then_one(RequestReceived)


def with_(event: RequestReceived, **changes) -> RequestReceived:
    return event.model_copy(update=changes)


def pointers(refused) -> list[str]:
    return [error.pointer for error in refused.errors]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": "siti.mampu@mygovuc.gov.my"}, "/applicant/name"),
        ({"name": "800101-14-5566"}, "/applicant/name"),
        ({"justification": "-"}, "/justification"),
        ({"justification": "..."}, "/justification"),
    ],
)
def test_what_is_right_in_form_and_cannot_be_meant_is_refused(changes, pointer):
    if "name" in changes:
        changes = {"applicant": {"account": SITI, "email": SITI, **changes}}
    refused = given(DECIDER).when(receive(**changes)).then_refused(SubmissionWrong)
    assert refused.problem == "validation_failed"
    assert pointers(refused) == [pointer]


class TestEmail:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"quota_bytes": 10**15}, "quota_bytes"),
            ({"reply_through": "memo", "caller": OF_JPA, "agency": "JPA"}, "reply_through"),
            ({"agency": "JPA"}, "agency"),
            ({"agency": "XYZ"}, "agency"),
        ],
    )
    def test_what_would_be_refused_waits_and_says_why(self, changes, field):
        event = given(DECIDER).when(receive_email(**changes)).then_one(InboxItemReceived)
        assert [missing.field for missing in event.mail.missing] == [field]

    @pytest.mark.parametrize(
        "changes",
        [
            {"bounce": Bounce(message_id="<0192@bmt.my>", request_id=ID)},
            {"set_aside": "own_notice"},
        ],
    )
    def test_what_came_back_is_no_request_whatever_stands_in_it(self, changes):
        command = replace(receive_email(), **changes)
        item = given(DECIDER).when(command).then_one(InboxItemReceived)
        told = {"bounce": item.bounce, "set_aside": item.set_aside_code}
        assert told == {"bounce": None, "set_aside": None} | changes


class TestInbox:
    def test_what_an_email_said_of_a_paper_does_not_answer_in_its_thread(self):
        event = outcome(register(channel="letter"), waiting())
        assert event.email_message_id is None

    def test_a_request_that_never_waited_is_no_item(self):
        command = dismiss()
        given(DECIDER, received()).when(command).then_refused(UnknownInboxItem)
        given(DECIDER).when(command).then_refused(UnknownInboxItem)

    def test_a_wrong_registration_is_refused_and_the_item_still_waits(self):
        command = register(quota_bytes=10**15)
        given(DECIDER, waiting()).when(command).then_refused(SubmissionWrong)


RAVI = {"account": "ravi.mampu@mygovuc.gov.my", "name": "Ravi", "email": SITI}
GOING = WithdrawalRequested(request=facts(), reason="x", requested_by=APPLICANT.submitter)


class TestWithdrawal:
    def test_a_second_wish_to_withdraw_adds_nothing(self):
        given(DECIDER, received(), GOING).when(withdraw()).then_nothing()

    @pytest.mark.parametrize(
        ("before", "command", "error"),
        [
            (received(), withdraw(status="withdrawn"), RequestClosed),
            (waiting(), withdraw(ADMINISTRATOR), UnknownRequest),
        ],
        ids=["withdrawn before", "in the inbox, and no request yet"],
    )
    def test_what_is_no_open_request_is_not_withdrawn(self, before, command, error):
        given(DECIDER, before).when(command).then_refused(error)


class TestCorrection:
    @pytest.mark.parametrize(
        ("before", "command", "error"),
        [
            ((received(),), correct(Known("received", 0), "Salah taip."), RequestClosed),
            ((received(), received()), correct(reason="Sekali lagi."), RequestClosed),
            ((received(),), correct(replace(APPROVED, returns=1)), AlreadyDecided),
            ((received(),), correct(APPROVED, "Salah taip.", held=True), AlreadyDecided),
            ((received(), GOING), correct(), RequestClosed),
            ((received(), GOING), amend(), RequestClosed),
        ],
        ids=[
            "decisions are not on hold",
            "once a return",
            "decided after it was returned",
            "decided",
            "returned, and being withdrawn",
            "being withdrawn",
        ],
    )
    def test_what_others_decide_on_or_withdraw_is_not_corrected(self, before, command, error):
        given(DECIDER, *before).when(command).then_refused(error)

    def test_each_return_is_corrected_also_after_a_correction_that_nobody_asked_for(self):
        outcome(correct(Known("returned", 2)), received(), received())
        amended = outcome(amend(), received())
        assert not outcome(correct(), received(), amended).while_open

    @pytest.mark.parametrize(
        ("first", "command", "wrong"),
        [
            (received(), correct(kind="termination", agency="JPA"), ["/kind", "/agency"]),
            (received(), correct(applicant=RAVI), ["/applicant/account"]),
            (
                with_(received(channel="form"), submitted_by=APPLICANT.submitter),
                amend(applicant=RAVI),
                ["/applicant/account"],
            ),
            (
                with_(received(channel="event"), submitted_by=HRMIS.submitter),
                amend(applicant=RAVI),
                ["/applicant/account"],
            ),
            (
                received(),
                amend(None, kind="termination", documents=("sha256:" + "f" * 64,)),
                ["/kind", "/documents/0", "/correction_reason"],
            ),
        ],
        ids=[
            "kind and agency",
            "the account of what was returned",
            "an account that nobody wrote down: the applicant's own",
            "an account that nobody wrote down: an event's",
            "all that is wrong at once",
        ],
    )
    def test_what_stays_as_it_is_is_named(self, first, command, wrong):
        assert pointers(given(DECIDER, first).when(command).then_refused(SubmissionWrong)) == wrong

    def test_an_account_of_another_agency_is_refused(self):
        refused = given(DECIDER, received()).when(amend(belongs="other"))
        assert refused.then_refused(SubmissionWrong).problem == "account_of_other_agency"

    def test_what_it_came_by_stays_with_it(self):
        told = {"email_message_id": "<1@mampu.gov.my>", "warnings": ("sender_differs",)}
        by_email = with_(received(channel="email"), documents=(MESSAGE,), **told)
        event = outcome(amend(channel="email", documents=(SCAN.document_id,)), by_email)
        assert event.documents == (MESSAGE, SCAN)
        assert {name: getattr(event, name) for name in told} == told
        item = waiting(mail=mail(documents=(SCAN,)))
        assert outcome(amend(), item, with_(received(), documents=(SCAN,))).documents == (SCAN,)
        by_event = with_(received(channel="event"), source_reference="HRMIS-1")
        event = outcome(amend(channel="form"), by_event)
        assert (event.request.channel, event.source_reference) == ("event", "HRMIS-1")


def test_a_reference_is_short_readable_and_the_same_every_time():
    made = reference(ID, "MAMPU", NOON)
    assert re.fullmatch(r"BMT-MAMPU-2026-[0-9A-HJKMNP-TV-Z]{8}", made)
    assert made == reference(ID, "MAMPU", NOON)
    assert made != reference(ID.replace("a4", "a5"), "MAMPU", NOON)


def test_a_references_year_is_malaysias():
    assert "-2027-" in reference(ID, "MAMPU", NOON.replace(month=12, day=31, hour=17))
