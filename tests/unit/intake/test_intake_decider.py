"""What intake decides: SOP step 1."""

import re
from dataclasses import replace

import pytest
from decider_specification import given
from submissions import (
    ADMINISTRATOR,
    AGENCIES,
    APPLICANT,
    ENABLED,
    HRMIS,
    ID,
    MESSAGE,
    NOON,
    OF_JPA,
    OTHER,
    SCAN,
    SERVING,
    SITI,
    facts,
    mail,
    received,
    submission,
    waiting,
)

from bmt.contracts.events import RequestReceived, WithdrawalRequested
from bmt.contracts.http.approval import Decision
from bmt.contracts.values import Officer
from services.intake.domain.errors import (
    AlreadyDecided,
    InboxItemSettled,
    NobodyReturnedIt,
    NotTheirs,
    RequestClosed,
    SubmissionWrong,
    UnknownInboxItem,
    UnknownRequest,
)
from services.intake.domain.events import Bounce, InboxItemDismissed, InboxItemReceived, Missing
from services.intake.domain.received import reference
from services.intake.domain.request import (
    CorrectRequest,
    DismissInboxItem,
    Known,
    ReceiveEmail,
    ReceiveRequest,
    RegisterInboxItem,
    WithdrawRequest,
)
from services.intake.domain.request_rules import DECIDER
from services.intake.domain.submission import AccountStatus

APPROVED = Decision(
    decision="approve",
    decided_by=Officer(subject="aminah", name="Aminah", role="administrator"),
    decided_at=NOON,
    reason=None,
    version=2,
)


def receive(**changes) -> ReceiveRequest:
    return ReceiveRequest(ID, submission(**changes))


def outcome(command, *events) -> RequestReceived:
    state = DECIDER.fold(events)
    (event,) = DECIDER.decide(command, state)
    assert isinstance(event, RequestReceived)
    return event


def with_(event: RequestReceived, **changes) -> RequestReceived:
    return event.model_copy(update=changes)


def pointers(refused) -> list[str]:
    return [error.pointer for error in refused.errors]


class TestReception:
    def test_an_application_keeps_what_is_asked_for(self):
        event = outcome(receive(quota_bytes=5, max_file_size_bytes=4, documents=[SCAN.document_id]))
        assert (event.request.quota_bytes, event.request.max_file_size_bytes) == (5, 4)
        assert event.documents == (SCAN,)
        assert event.submitted_by == ADMINISTRATOR.submitter
        assert event.request.policy_version == AGENCIES.get("MAMPU").policy_version

    def test_sizes_default_to_the_agencys(self):
        request = outcome(receive()).request
        assert (request.quota_bytes, request.max_file_size_bytes) == (10_000_000_000, 2_000_000_000)

    def test_a_termination_asks_for_no_sizes(self):
        request = outcome(receive(kind="termination", quota_bytes=10**15)).request
        assert (request.quota_bytes, request.max_file_size_bytes) == (None, None)

    @pytest.mark.parametrize(
        ("asked", "channel", "agency", "out"),
        [
            (None, "letter", "MAMPU", "letter"),
            ("email", "letter", "MAMPU", "email"),
            (None, "form", "KPM", "email"),
            (None, "event", "MAMPU", "email"),
        ],
    )
    def test_the_answer_goes_out_as_asked_else_as_it_came_else_as_the_agency_does_first(
        self, asked, channel, agency, out
    ):
        caller = replace(ADMINISTRATOR, agencies=frozenset({agency}))
        event = outcome(receive(caller=caller, reply_through=asked, channel=channel, agency=agency))
        assert event.request.reply_through == out

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
                {"channel": "letter", "agency": "JPA", "caller": OF_JPA},
                "channel_not_allowed",
                "/channel",
                {"allowed": ["email", "form"]},
            ),
            (
                {"reply_through": "memo", "channel": "form", "agency": "JPA", "caller": OF_JPA},
                "channel_not_allowed",
                "/reply_through",
                {"allowed": ["email", "form"]},
            ),
            (
                {"quota_bytes": 100_000_000_001},
                "quota_exceeds_maximum",
                "/quota_bytes",
                {"maximum": 100_000_000_000},
            ),
            (
                {"max_file_size_bytes": 2_000_000_001},
                "validation_failed",
                "/max_file_size_bytes",
                {},
            ),
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

    def test_exactly_the_maximum_is_allowed(self):
        outcome(receive(quota_bytes=10**11, max_file_size_bytes=2 * 10**9))


class TestWhoMaySubmit:
    def test_an_administrator_only_for_the_own_agency(self):
        given(DECIDER).when(receive(caller=OF_JPA)).then_refused(NotTheirs)

    def test_an_administrator_whose_token_names_no_agency_for_none(self):
        nobodys = replace(ADMINISTRATOR, agencies=frozenset())
        given(DECIDER).when(receive(caller=nobodys)).then_refused(NotTheirs)

    @pytest.mark.parametrize("caller", [ADMINISTRATOR, HRMIS])
    def test_nobody_for_another_agencys_account(self, caller):
        theirs = replace(submission(caller=caller), belongs="other")
        refused = given(DECIDER).when(ReceiveRequest(ID, theirs)).then_refused(SubmissionWrong)
        assert refused.problem == "account_of_other_agency"
        assert pointers(refused) == ["/applicant/account"]

    def test_an_unknown_agency_is_told_before_rights(self):
        given(DECIDER).when(receive(caller=OF_JPA, agency="XYZ")).then_refused(SubmissionWrong)

    def test_an_applicant_the_form_for_the_own_account_in_any_case_of_letters(self):
        event = outcome(receive(caller=APPLICANT, channel="form"))
        assert event.submitted_by.role == "applicant"

    def test_an_applicant_no_other_channel(self):
        given(DECIDER).when(receive(caller=APPLICANT)).then_refused(NotTheirs)

    def test_an_applicant_for_nobody_else(self):
        other = {"account": "ravi", "name": "Ravi", "email": "ravi@mampu.gov.my"}
        command = receive(caller=APPLICANT, channel="form", applicant=other)
        given(DECIDER).when(command).then_refused(NotTheirs)

    def test_an_integrator_only_for_its_agencies(self):
        command = receive(caller=HRMIS, agency="JPA", channel="event")
        given(DECIDER).when(command).then_refused(NotTheirs)


class TestWarnings:
    @pytest.mark.parametrize(
        ("kind", "standing", "warnings"),
        [
            ("application", SERVING, ()),
            ("application", ENABLED, ("already_active",)),
            ("application", AccountStatus(registered=True), ("not_serving",)),
            ("application", AccountStatus(registered=False), ("not_registered",)),
            ("application", None, ("directory_unavailable",)),
            ("termination", ENABLED, ()),
            ("termination", SERVING, ("no_active_service",)),
            (
                "termination",
                AccountStatus(registered=False),
                ("not_registered", "no_active_service"),
            ),
            ("termination", None, ("directory_unavailable",)),
        ],
    )
    def test_what_the_directory_says_is_weighed_by_a_person(self, kind, standing, warnings):
        assert outcome(receive(kind=kind, standing=standing)).warnings == warnings

    def test_another_open_request_is_told_last(self):
        event = outcome(receive(standing=None, open_elsewhere=True))
        assert event.warnings == ("directory_unavailable", "open_request_exists")


class TestEmail:
    def receive(self, *, caller=ADMINISTRATOR, **changes) -> ReceiveEmail:
        home = AGENCIES.get(next(iter(caller.agencies)))
        asked = submission(caller=caller, channel="email", email_message_id="<1@x.my>", **changes)
        return ReceiveEmail(ID, mail(), asked, home, caller, NOON)

    def test_a_filled_message_is_a_request_with_the_message_as_its_first_document(self):
        event = outcome(self.receive())
        assert event.request.channel == "email"
        assert event.email_message_id == "<1@x.my>"
        assert event.documents == (MESSAGE,)

    def test_an_unfilled_message_waits(self):
        missing = (Missing(field="kind", detail="There is no line Jenis."),)
        command = replace(self.receive(), submission=None, mail=mail(missing=missing))
        expected = waiting(mail=mail(missing=missing))
        given(DECIDER).when(command).then(expected)

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
        (event,) = DECIDER.decide(self.receive(**changes), DECIDER.initial)
        assert isinstance(event, InboxItemReceived)
        assert [missing.field for missing in event.mail.missing] == [field]

    def test_what_came_back_is_no_request_whatever_stands_in_it(self):
        bounce = Bounce(message_id="<0192@bmt.my>", request_id=ID)
        for changes in ({"bounce": bounce}, {"set_aside": "own_notice"}):
            (item,) = DECIDER.decide(replace(self.receive(), **changes), DECIDER.initial)
            assert isinstance(item, InboxItemReceived)
            assert (item.bounce, item.set_aside_code) == (
                changes.get("bounce"),
                changes.get("set_aside"),
            )

    def test_a_bounce_reaches_an_agency_that_receives_no_email(self):
        bounce = Bounce(message_id="<0192@bmt.my>")
        command = replace(self.receive(), home=AGENCIES.get("KPM"), bounce=bounce)
        (item,) = DECIDER.decide(command, DECIDER.initial)
        assert item.agency == "KPM"

    def test_an_agency_that_receives_no_email_says_so(self):
        of_kpm = replace(ADMINISTRATOR, agencies=frozenset({"KPM"}))
        command = self.receive(caller=of_kpm, agency="KPM")
        refused = given(DECIDER).when(command).then_refused(SubmissionWrong, allowed=["form"])
        assert refused.problem == "channel_not_allowed"


class TestInbox:
    def test_registration_makes_the_request_with_the_message_before_what_is_added(self):
        command = RegisterInboxItem(ID, submission(channel="email", documents=[SCAN.document_id]))
        event = outcome(command, waiting())
        assert event.request.request_id == ID
        assert event.documents == (MESSAGE, SCAN)
        assert event.email_message_id == "<1@mampu.gov.my>"

    def test_what_an_email_said_of_a_paper_does_not_answer_in_its_thread(self):
        event = outcome(RegisterInboxItem(ID, submission(channel="letter")), waiting())
        assert event.email_message_id is None

    def test_an_item_is_registered_once(self):
        refused = (
            given(DECIDER, waiting(), received())
            .when(RegisterInboxItem(ID, submission()))
            .then_refused(InboxItemSettled)
        )
        assert refused.problem == "request_closed"

    def test_a_dismissed_item_stays_dismissed(self):
        dismissed = InboxItemDismissed(
            agency="MAMPU", reason="spam", dismissed_by=ADMINISTRATOR.submitter, dismissed_at=NOON
        )
        command = DismissInboxItem("spam", ADMINISTRATOR, NOON)
        given(DECIDER, waiting()).when(command).then(dismissed)
        for again in (command, RegisterInboxItem(ID, submission())):
            given(DECIDER, waiting(), dismissed).when(again).then_refused(InboxItemSettled)

    def test_another_agencys_item_is_unknown(self):
        command = DismissInboxItem("spam", OF_JPA, NOON)
        given(DECIDER, waiting()).when(command).then_refused(UnknownInboxItem)

    def test_a_request_that_never_waited_is_no_item(self):
        command = DismissInboxItem("spam", ADMINISTRATOR, NOON)
        given(DECIDER, received()).when(command).then_refused(UnknownInboxItem)
        given(DECIDER).when(command).then_refused(UnknownInboxItem)

    def test_a_wrong_registration_is_refused_and_the_item_still_waits(self):
        command = RegisterInboxItem(ID, submission(quota_bytes=10**15))
        given(DECIDER, waiting()).when(command).then_refused(SubmissionWrong)


class TestWithdrawal:
    def withdraw(self, caller=APPLICANT, known=Known("received")) -> WithdrawRequest:  # noqa: B008
        return WithdrawRequest("Tidak perlu lagi.", caller, known)

    @pytest.mark.parametrize("status", ["received", "returned"])
    def test_an_open_request_can_be_withdrawn(self, status):
        given(DECIDER, received()).when(self.withdraw(known=Known(status))).then(
            WithdrawalRequested(
                request=facts(), reason="Tidak perlu lagi.", requested_by=APPLICANT.submitter
            )
        )

    def test_after_the_decision_the_decision_is_shown(self):
        command = self.withdraw(known=Known("approved", 0, APPROVED))
        shown = APPROVED.model_dump(mode="json")
        given(DECIDER, received()).when(command).then_refused(AlreadyDecided, decision=shown)

    def test_what_was_withdrawn_is_closed(self):
        command = self.withdraw(known=Known("withdrawn"))
        given(DECIDER, received()).when(command).then_refused(RequestClosed)

    def test_a_second_wish_to_withdraw_adds_nothing(self):
        first = WithdrawalRequested(request=facts(), reason="x", requested_by=APPLICANT.submitter)
        given(DECIDER, received(), first).when(self.withdraw()).then_nothing()

    @pytest.mark.parametrize(
        "caller", [OF_JPA, replace(APPLICANT, subject="ravi.mampu@mygovuc.gov.my")]
    )
    def test_anothers_request_is_unknown(self, caller):
        given(DECIDER, received()).when(self.withdraw(caller)).then_refused(UnknownRequest)

    def test_a_message_in_the_inbox_is_no_request_yet(self):
        given(DECIDER, waiting()).when(self.withdraw(ADMINISTRATOR)).then_refused(UnknownRequest)


class TestCorrection:
    def correct(self, known=Known("returned", 1), reason=None, held=False, **changes):  # noqa: B008
        return CorrectRequest(ID, submission(**changes), known, reason, held)

    def amend(self, reason="Salah taip.", **changes) -> CorrectRequest:
        """A correction that nobody asked for: decisions are on hold."""
        return self.correct(Known("received", 0), reason, held=True, **changes)

    def test_after_a_return_the_same_request_is_received_again(self):
        event = outcome(self.correct(justification="Dengan butiran."), received())
        assert event.justification == "Dengan butiran."
        assert event.request.reference == facts().reference
        assert event.request.received_at == NOON
        assert event.corrected_by == ADMINISTRATOR.submitter
        assert not event.while_open

    def test_before_the_decision_who_corrects_it_says_why(self):
        event = outcome(self.amend(caller=OTHER, quota_bytes=5), received())
        assert event.request.quota_bytes == 5
        assert event.request.received_at == NOON
        assert event.submitted_by == ADMINISTRATOR.submitter
        assert event.corrected_by == OTHER.submitter
        assert event.correction_reason == "Salah taip."
        assert event.while_open

    def test_without_a_reason_it_answers_a_return_that_there_is_none_of(self):
        refused = given(DECIDER, received()).when(self.amend(None)).then_refused(NobodyReturnedIt)
        assert (refused.problem, pointers(refused)) == ("request_closed", ["/correction_reason"])

    def test_applicants_correct_their_own(self):
        mine = with_(received(), submitted_by=APPLICANT.submitter)
        event = outcome(self.amend(caller=APPLICANT, channel="form"), mine)
        assert event.corrected_by == APPLICANT.submitter

    def test_while_somebody_may_decide_only_what_was_returned_is_corrected(self):
        command = self.correct(Known("received", 0), "Salah taip.")
        given(DECIDER, received()).when(command).then_refused(RequestClosed)

    def test_once_a_return(self):
        again = self.correct(reason="Sekali lagi.")
        given(DECIDER, received(), received()).when(again).then_refused(RequestClosed)
        outcome(self.correct(Known("returned", 2)), received(), received())

    def test_what_was_corrected_before_it_was_returned_is_corrected_again(self):
        amended = outcome(self.amend(), received())
        event = outcome(self.correct(), received(), amended)
        assert not event.while_open

    def test_a_decided_request_shows_its_decision(self):
        command = self.correct(Known("approved", 1, APPROVED))
        given(DECIDER, received()).when(command).then_refused(AlreadyDecided)
        command = self.correct(Known("approved", 0, APPROVED), "Salah taip.", held=True)
        given(DECIDER, received()).when(command).then_refused(AlreadyDecided)

    def test_not_while_it_is_being_withdrawn(self):
        withdrawal = WithdrawalRequested(
            request=facts(), reason="x", requested_by=APPLICANT.submitter
        )
        given(DECIDER, received(), withdrawal).when(self.correct()).then_refused(RequestClosed)
        given(DECIDER, received(), withdrawal).when(self.amend()).then_refused(RequestClosed)

    def test_kind_and_agency_stay(self):
        command = self.correct(kind="termination", agency="JPA")
        refused = given(DECIDER, received()).when(command).then_refused(SubmissionWrong)
        assert pointers(refused) == ["/kind", "/agency"]

    def test_an_administrator_corrects_an_account_that_was_written_down_wrong(self):
        other = {"account": "ravi.mampu@mygovuc.gov.my", "name": "Ravi", "email": SITI}
        event = outcome(self.amend(applicant=other), received())
        assert event.request.applicant.account == "ravi.mampu@mygovuc.gov.my"

    def test_what_was_returned_stays_its_applicants(self):
        other = {"account": "ravi.mampu@mygovuc.gov.my", "name": "Ravi", "email": SITI}
        command = self.correct(applicant=other)
        refused = given(DECIDER, received()).when(command).then_refused(SubmissionWrong)
        assert pointers(refused) == ["/applicant/account"]

    @pytest.mark.parametrize("by", [APPLICANT, HRMIS])
    def test_an_account_that_nobody_wrote_down_stays(self, by):
        channel = "event" if by is HRMIS else "form"
        first = with_(received(channel=channel), submitted_by=by.submitter)
        other = {"account": "ravi.mampu@mygovuc.gov.my", "name": "Ravi", "email": SITI}
        refused = given(DECIDER, first).when(self.amend(applicant=other))
        assert pointers(refused.then_refused(SubmissionWrong)) == ["/applicant/account"]

    def test_an_account_of_another_agency_is_refused(self):
        command = self.amend()
        theirs = replace(command, submission=replace(command.submission, belongs="other"))
        refused = given(DECIDER, received()).when(theirs).then_refused(SubmissionWrong)
        assert refused.problem == "account_of_other_agency"

    def test_all_that_is_wrong_is_told_at_once(self):
        command = self.amend(None, kind="termination", documents=("sha256:" + "f" * 64,))
        refused = given(DECIDER, received()).when(command).then_refused(SubmissionWrong)
        assert pointers(refused) == ["/kind", "/documents/0", "/correction_reason"]

    def test_the_message_that_it_came_by_stays_with_it(self):
        first = with_(
            received(channel="email"),
            documents=(MESSAGE,),
            email_message_id="<1@mampu.gov.my>",
            warnings=("sender_differs",),
        )
        event = outcome(self.amend(channel="email", documents=(SCAN.document_id,)), first)
        assert event.documents == (MESSAGE, SCAN)
        assert event.email_message_id == "<1@mampu.gov.my>"
        assert event.warnings == ("sender_differs",)

    def test_the_paper_that_it_was_registered_from_stays_with_it(self):
        item = waiting(mail=mail(documents=(SCAN,)))
        event = outcome(self.amend(), item, with_(received(), documents=(SCAN,)))
        assert event.documents == (SCAN,)

    def test_what_came_by_an_integrators_event_still_did(self):
        first = with_(received(channel="event"), source_reference="HRMIS-1")
        event = outcome(self.amend(channel="form"), first)
        assert event.request.channel == "event"
        assert event.source_reference == "HRMIS-1"

    def test_anothers_request_is_unknown(self):
        for command in (self.correct(caller=OF_JPA), self.amend(caller=OF_JPA)):
            given(DECIDER, received()).when(command).then_refused(UnknownRequest)


def test_a_reference_is_short_readable_and_the_same_every_time():
    made = reference(ID, "MAMPU", NOON)
    assert re.fullmatch(r"BMT-MAMPU-2026-[0-9A-HJKMNP-TV-Z]{8}", made)
    assert made == reference(ID, "MAMPU", NOON)
    assert made != reference(ID.replace("a4", "a5"), "MAMPU", NOON)


def test_a_references_year_is_malaysias():
    assert "-2027-" in reference(ID, "MAMPU", NOON.replace(month=12, day=31, hour=17))
