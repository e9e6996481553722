"""SOP 2.0, responsibility (*tanggungjawab*).

"Pentadbir UC Agensi bertanggungjawab memastikan servis dan penggunaan sistem Big Mail Transfer (BMT) beroperasi dengan
baik, cekap dan efisien."

The agency UC administrator (*Pentadbir UC Agensi*) is responsible for seeing that the service and its use run well, ably
and efficiently. So nobody acts for another agency, each step has a day by which it is done (client charter, *Piagam
Pelanggan*), and the office learns of what is nearly late or has failed.
"""

from datetime import UTC, datetime

import pytest
from decider_specification import given
from fixtures.samples import received
from samples import CONFIGURATION, CORRESPONDENCE, RECEPTION, REVIEW, wrong_fields
from unit.approval import reviews
from unit.intake.submissions import ADMINISTRATOR, APPLICANT, HRMIS, OF_JPA, receive
from unit.notification import notices
from unit.provisioning import orders

from services.approval.domain.errors import UnknownRequest
from services.approval.domain.policy import Policy
from services.intake.domain.errors import NotTheirs, SubmissionWrong
from services.notification.domain.errors import UnknownNotice
from services.provisioning.domain import errors as configuring

RAVI = {"account": "ravi", "name": "Ravi", "email": "ravi@mampu.gov.my"}
ANY_STATUS = {
    "open": (),
    "approved": (reviews.approved(),),
    "rejected": (reviews.rejected(),),
    "returned": (reviews.returned(),),
    "withdrawn": (reviews.withdrawn(),),
}

# Who may act.


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(receive(caller=OF_JPA), id="an administrator for another agency"),
        pytest.param(
            receive(caller=APPLICANT, channel="form", applicant=RAVI), id="a user for another user"
        ),
        pytest.param(receive(caller=APPLICANT, channel="memo"), id="a user by an office's channel"),
        pytest.param(
            receive(caller=HRMIS, agency="JPA", channel="event"), id="a system for another agency"
        ),
    ],
)
def test_nobody_submits_a_request_for_whom_they_may_not(command):
    given(RECEPTION).when(command).then_refused(NotTheirs)


@pytest.mark.parametrize("caller", [ADMINISTRATOR, HRMIS], ids=["an administrator", "a system"])
def test_nobody_submits_for_another_agencys_account(caller):
    command = receive(caller=caller, belongs="other")
    refused = given(RECEPTION).when(command).then_refused(SubmissionWrong)
    assert refused.problem == "account_of_other_agency"
    assert wrong_fields(refused) == ["/applicant/account"]


@pytest.mark.parametrize("after", ANY_STATUS.values(), ids=ANY_STATUS)
def test_nobody_learns_of_another_agencys_request_let_alone_decides_on_it(after):
    ruling = reviews.decide("reject", agency="JPA")
    refused = given(REVIEW, reviews.opened(), *after).when(ruling).then_refused(UnknownRequest)
    never_there = given(REVIEW).when(ruling).then_refused(UnknownRequest)
    assert refused.detail == never_there.detail


@pytest.mark.parametrize("agency", ["JPA", ""], ids=["another agency", "no agency"])
def test_nobody_configures_or_notifies_for_another_agency(agency):
    task = given(CONFIGURATION, *orders.BY_HAND)
    for command in (orders.claim(agency=agency), orders.complete(agency=agency)):
        task.when(command).then_refused(configuring.UnknownTask)
    for before, command in (
        (notices.PAPER_PREPARED, notices.dispatch(agency)),
        (notices.MAIL_TOLD, notices.resend(agency)),
    ):
        given(CORRESPONDENCE, *before).when(command).then_refused(UnknownNotice)


# By when.


@pytest.mark.parametrize(
    ("policy", "due_at"),
    [
        pytest.param(reviews.MAMPU, reviews.DUE, id="three working days"),
        pytest.param(
            Policy(working_days=5, state="kelantan"),
            datetime(2025, 12, 1, 9, tzinfo=UTC),
            id="five, and Friday is a day of rest in Kelantan",
        ),
    ],
)
def test_a_request_is_due_by_the_charter_however_late_the_administrator_learns_of_it(
    policy, due_at
):
    incoming, friday = received(reviews.REQUEST), datetime(2025, 11, 28, 2, tzinfo=UTC)
    given(REVIEW).when(reviews.open_review(incoming, friday, policy)).then(
        reviews.opened(due_at=due_at), reviews.papers(incoming)
    )


def test_what_is_approved_is_due_for_configuration_by_the_charter():
    assert orders.due().due_at == orders.DUE_AT
    given(CONFIGURATION).when(orders.request_configuration()).then(orders.due())


# What is nearly late, and what has failed.


def test_the_office_is_reminded_of_a_decision_then_of_the_configuration_and_of_each_once():
    given(CORRESPONDENCE).when(notices.await_step()).then(notices.awaited())
    undecided = given(CORRESPONDENCE, notices.awaited())
    undecided.when(notices.REMINDED).then(notices.reminded())
    undecided.when(notices.await_step("configure")).then(
        notices.ended(), notices.awaited("configure")
    )
    reminded_of = given(CORRESPONDENCE, notices.awaited(), notices.reminded())
    reminded_of.when(notices.REMINDED).then_nothing()


@pytest.mark.parametrize("about", ["rejected", "returned", "withdrawn", "configured"])
def test_the_office_is_reminded_of_nothing_that_is_done(about):
    before = (notices.due(notices.notice()), notices.awaited())
    given(CORRESPONDENCE, *before).when(notices.tell(about)).then(
        notices.due(notices.notice(about)), notices.ended()
    )


def test_the_office_is_told_of_each_failed_configuration():
    given(CORRESPONDENCE).when(notices.TELL_OF_FAILURE).then(notices.failure_due(1))
    given(CORRESPONDENCE, notices.failure_due(1)).when(notices.TELL_OF_FAILURE).then(
        notices.failure_due(2)
    )
