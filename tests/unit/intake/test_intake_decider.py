"""What intake decides: SOP step 1."""

import re
from dataclasses import replace

import pytest
from decider_specification import given
from submissions import (
    ADMINISTRATOR,
    AGENCIES,
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
    InboxItemSettled,
    NotTheirs,
    RequestClosed,
    SubmissionWrong,
    UnknownInboxItem,
    UnknownRequest,
)
from services.intake.domain.events import Bounce, InboxItemReceived
from services.intake.domain.received import reference
from services.intake.domain.request import (
    Known,
)
from services.intake.domain.request_rules import DECIDER


def outcome(command, *events) -> RequestReceived:
    return given(DECIDER, *events).when(command).then_one(RequestReceived)


def with_(event: RequestReceived, **changes) -> RequestReceived:
    return event.model_copy(update=changes)


def pointers(refused) -> list[str]:
    return [error.pointer for error in refused.errors]


class TestReception:
    def test_sizes_default_to_the_agencys(self):
        request = outcome(receive()).request
        assert (request.quota_bytes, request.max_file_size_bytes) == (10_000_000_000, 2_000_000_000)

    def test_a_document_named_twice_is_kept_once(self):
        assert outcome(receive(documents=[SCAN.document_id] * 2)).documents == (SCAN,)

    def test_an_integrators_own_reference_is_kept(self):
        event = outcome(receive(caller=HRMIS, channel="event", source_reference="HR-77"))
        assert event.source_reference == "HR-77"
        assert event.submitted_by.role == "integrator"


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("changes", "problem", "pointer", "extra"),
        [
            ({"agency": "XYZ"}, "validation_failed", "/agency", {}),
            (
                {"documents": [SCAN.document_id, MESSAGE.document_id]},
                "document_unknown",
                "/documents/1",
                {"documents": [MESSAGE.document_id]},
            ),
        ],
    )
    def test_each_fault_has_its_name_its_place_and_what_is_allowed(
        self, changes, problem, pointer, extra
    ):
        refused = given(DECIDER).when(receive(**changes)).then_refused(SubmissionWrong, **extra)
        assert refused.problem == problem
        assert pointers(refused) == [pointer]
        assert pointer in refused.detail

    def test_all_faults_are_told_at_once(self):
        command = receive(
            caller=OF_JPA,
            agency="JPA",
            channel="memo",
            quota_bytes=10**15,
            max_file_size_bytes=10**10,
            documents=[MESSAGE.document_id],
        )
        refused = given(DECIDER).when(command).then_refused(SubmissionWrong, maximum=10**11)
        assert refused.problem == "channel_not_allowed"
        assert pointers(refused) == [
            "/channel",
            "/quota_bytes",
            "/max_file_size_bytes",
            "/documents/0",
        ]


class TestWhoMaySubmit:
    def test_an_administrator_whose_token_names_no_agency_for_none(self):
        nobodys = replace(ADMINISTRATOR, agencies=frozenset())
        given(DECIDER).when(receive(caller=nobodys)).then_refused(NotTheirs)

    def test_an_unknown_agency_is_told_before_rights(self):
        given(DECIDER).when(receive(caller=OF_JPA, agency="XYZ")).then_refused(SubmissionWrong)


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
        (event,) = DECIDER.decide(receive_email(**changes), DECIDER.initial)
        assert isinstance(event, InboxItemReceived)
        assert [missing.field for missing in event.mail.missing] == [field]

    def test_what_came_back_is_no_request_whatever_stands_in_it(self):
        bounce = Bounce(message_id="<0192@bmt.my>", request_id=ID)
        for changes in ({"bounce": bounce}, {"set_aside": "own_notice"}):
            (item,) = DECIDER.decide(replace(receive_email(), **changes), DECIDER.initial)
            assert isinstance(item, InboxItemReceived)
            assert (item.bounce, item.set_aside_code) == (
                changes.get("bounce"),
                changes.get("set_aside"),
            )

    def test_a_bounce_reaches_an_agency_that_receives_no_email(self):
        bounce = Bounce(message_id="<0192@bmt.my>")
        command = replace(receive_email(), home=AGENCIES.get("KPM"), bounce=bounce)
        (item,) = DECIDER.decide(command, DECIDER.initial)
        assert item.agency == "KPM"


class TestInbox:
    def test_what_an_email_said_of_a_paper_does_not_answer_in_its_thread(self):
        event = outcome(register(channel="letter"), waiting())
        assert event.email_message_id is None

    def test_an_item_is_registered_once(self):
        refused = (
            given(DECIDER, waiting(), received()).when(register()).then_refused(InboxItemSettled)
        )
        assert refused.problem == "request_closed"

    def test_another_agencys_item_is_unknown(self):
        command = dismiss(OF_JPA)
        given(DECIDER, waiting()).when(command).then_refused(UnknownInboxItem)

    def test_a_request_that_never_waited_is_no_item(self):
        command = dismiss()
        given(DECIDER, received()).when(command).then_refused(UnknownInboxItem)
        given(DECIDER).when(command).then_refused(UnknownInboxItem)

    def test_a_wrong_registration_is_refused_and_the_item_still_waits(self):
        command = register(quota_bytes=10**15)
        given(DECIDER, waiting()).when(command).then_refused(SubmissionWrong)


class TestWithdrawal:
    def test_what_was_withdrawn_is_closed(self):
        command = withdraw(status="withdrawn")
        given(DECIDER, received()).when(command).then_refused(RequestClosed)

    def test_a_second_wish_to_withdraw_adds_nothing(self):
        first = WithdrawalRequested(request=facts(), reason="x", requested_by=APPLICANT.submitter)
        given(DECIDER, received(), first).when(withdraw()).then_nothing()

    def test_a_message_in_the_inbox_is_no_request_yet(self):
        given(DECIDER, waiting()).when(withdraw(ADMINISTRATOR)).then_refused(UnknownRequest)


class TestCorrection:
    def test_applicants_correct_their_own(self):
        mine = with_(received(), submitted_by=APPLICANT.submitter)
        event = outcome(amend(caller=APPLICANT, channel="form"), mine)
        assert event.corrected_by == APPLICANT.submitter

    def test_while_somebody_may_decide_only_what_was_returned_is_corrected(self):
        command = correct(Known("received", 0), "Salah taip.")
        given(DECIDER, received()).when(command).then_refused(RequestClosed)

    def test_once_a_return(self):
        again = correct(reason="Sekali lagi.")
        given(DECIDER, received(), received()).when(again).then_refused(RequestClosed)
        outcome(correct(Known("returned", 2)), received(), received())

    def test_what_was_corrected_before_it_was_returned_is_corrected_again(self):
        amended = outcome(amend(), received())
        event = outcome(correct(), received(), amended)
        assert not event.while_open

    def test_a_decided_request_shows_its_decision(self):
        command = correct(replace(APPROVED, returns=1))
        given(DECIDER, received()).when(command).then_refused(AlreadyDecided)
        command = correct(APPROVED, "Salah taip.", held=True)
        given(DECIDER, received()).when(command).then_refused(AlreadyDecided)

    def test_not_while_it_is_being_withdrawn(self):
        withdrawal = WithdrawalRequested(
            request=facts(), reason="x", requested_by=APPLICANT.submitter
        )
        given(DECIDER, received(), withdrawal).when(correct()).then_refused(RequestClosed)
        given(DECIDER, received(), withdrawal).when(amend()).then_refused(RequestClosed)

    def test_kind_and_agency_stay(self):
        command = correct(kind="termination", agency="JPA")
        refused = given(DECIDER, received()).when(command).then_refused(SubmissionWrong)
        assert pointers(refused) == ["/kind", "/agency"]

    def test_an_administrator_corrects_an_account_that_was_written_down_wrong(self):
        other = {"account": "ravi.mampu@mygovuc.gov.my", "name": "Ravi", "email": SITI}
        event = outcome(amend(applicant=other), received())
        assert event.request.applicant.account == "ravi.mampu@mygovuc.gov.my"

    def test_what_was_returned_stays_its_applicants(self):
        other = {"account": "ravi.mampu@mygovuc.gov.my", "name": "Ravi", "email": SITI}
        command = correct(applicant=other)
        refused = given(DECIDER, received()).when(command).then_refused(SubmissionWrong)
        assert pointers(refused) == ["/applicant/account"]

    @pytest.mark.parametrize("by", [APPLICANT, HRMIS])
    def test_an_account_that_nobody_wrote_down_stays(self, by):
        channel = "event" if by is HRMIS else "form"
        first = with_(received(channel=channel), submitted_by=by.submitter)
        other = {"account": "ravi.mampu@mygovuc.gov.my", "name": "Ravi", "email": SITI}
        refused = given(DECIDER, first).when(amend(applicant=other))
        assert pointers(refused.then_refused(SubmissionWrong)) == ["/applicant/account"]

    def test_an_account_of_another_agency_is_refused(self):
        theirs = amend(belongs="other")
        refused = given(DECIDER, received()).when(theirs).then_refused(SubmissionWrong)
        assert refused.problem == "account_of_other_agency"

    def test_all_that_is_wrong_is_told_at_once(self):
        command = amend(None, kind="termination", documents=("sha256:" + "f" * 64,))
        refused = given(DECIDER, received()).when(command).then_refused(SubmissionWrong)
        assert pointers(refused) == ["/kind", "/documents/0", "/correction_reason"]

    def test_the_message_that_it_came_by_stays_with_it(self):
        first = with_(
            received(channel="email"),
            documents=(MESSAGE,),
            email_message_id="<1@mampu.gov.my>",
            warnings=("sender_differs",),
        )
        event = outcome(amend(channel="email", documents=(SCAN.document_id,)), first)
        assert event.documents == (MESSAGE, SCAN)
        assert event.email_message_id == "<1@mampu.gov.my>"
        assert event.warnings == ("sender_differs",)

    def test_the_paper_that_it_was_registered_from_stays_with_it(self):
        item = waiting(mail=mail(documents=(SCAN,)))
        event = outcome(amend(), item, with_(received(), documents=(SCAN,)))
        assert event.documents == (SCAN,)

    def test_what_came_by_an_integrators_event_still_did(self):
        first = with_(received(channel="event"), source_reference="HRMIS-1")
        event = outcome(amend(channel="form"), first)
        assert event.request.channel == "event"
        assert event.source_reference == "HRMIS-1"


def test_a_reference_is_short_readable_and_the_same_every_time():
    made = reference(ID, "MAMPU", NOON)
    assert re.fullmatch(r"BMT-MAMPU-2026-[0-9A-HJKMNP-TV-Z]{8}", made)
    assert made == reference(ID, "MAMPU", NOON)
    assert made != reference(ID.replace("a4", "a5"), "MAMPU", NOON)


def test_a_references_year_is_malaysias():
    assert "-2027-" in reference(ID, "MAMPU", NOON.replace(month=12, day=31, hour=17))
