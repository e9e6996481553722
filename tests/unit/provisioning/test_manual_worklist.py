"""What an officer must set by hand: claimed by one, completed once, with evidence."""

from decider_specification import given
from orders import (
    FAIZ,
    JPA,
    OPERATOR,
    SITI,
    TASK,
    awaiting,
    claim,
    claimed,
    complete,
    completed,
    configured,
    due,
    fail,
    record,
    started,
    take_over,
    taken_over,
)

from services.provisioning.domain import DECIDER
from services.provisioning.domain.commands import AwaitOperator
from services.provisioning.domain.errors import (
    ApproverMayNotConfigure,
    ClaimedByAnother,
    NotClaimed,
    TaskFinished,
    UnknownTask,
)
from services.provisioning.domain.order import Policy

OPEN = (due(policy=Policy()), started(), awaiting())
SEPARATED = (due(policy=JPA), started(), awaiting())
ASK = AwaitOperator(TASK, "ipms", "Hidupkan. Turn it on.")


def test_an_officer_is_asked_once():
    given(DECIDER, *OPEN[:2]).when(ASK).then(awaiting())
    given(DECIDER, *OPEN).when(ASK).then_nothing()
    given(DECIDER, *OPEN, completed()).when(ASK).then_nothing()


def test_an_officer_claims_an_open_task_and_may_ask_again():
    given(DECIDER, *OPEN).when(claim()).then(claimed())
    given(DECIDER, *OPEN, claimed()).when(claim()).then_nothing()


def test_a_second_officer_sees_who_claimed_first():
    refused = given(DECIDER, *OPEN, claimed(FAIZ)).when(claim(SITI)).then_refused(ClaimedByAnother)

    assert refused.problem == "already_decided"
    assert refused.extra["decision"]["decided_by"]["subject"] == FAIZ.subject


def test_a_colleague_takes_a_task_over_and_has_it_then():
    had = (*OPEN, claimed(FAIZ))
    given(DECIDER, *had).when(take_over(SITI)).then(taken_over(SITI, FAIZ))

    after = (*had, taken_over(SITI, FAIZ))
    given(DECIDER, *after).when(take_over(SITI)).then_nothing()
    given(DECIDER, *after).when(claim(SITI)).then_nothing()
    refused = given(DECIDER, *after).when(claim(FAIZ)).then_refused(ClaimedByAnother)
    assert refused.extra["decision"]["decided_by"]["subject"] == SITI.subject
    given(DECIDER, *after).when(take_over(FAIZ, SITI.subject)).then(taken_over(FAIZ, SITI))
    given(DECIDER, *after).when(complete(FAIZ)).then(completed(FAIZ))


def test_of_two_colleagues_who_take_a_task_over_one_does():
    after = (*OPEN, claimed(FAIZ), taken_over(SITI, FAIZ))
    third = take_over(OPERATOR, claimed_by=FAIZ.subject)
    refused = given(DECIDER, *after).when(third).then_refused(ClaimedByAnother)
    assert refused.extra["decision"]["decided_by"]["subject"] == SITI.subject


def test_what_nobody_has_cannot_be_taken_over():
    refused = given(DECIDER, *OPEN).when(take_over()).then_refused(NotClaimed)
    assert [fault.pointer for fault in refused.errors] == ["/claimed_by"]
    done = (*OPEN, claimed(FAIZ), completed(FAIZ))
    given(DECIDER, *done).when(take_over()).then_refused(TaskFinished)
    given(DECIDER, *OPEN, claimed()).when(take_over(agency="KPM")).then_refused(UnknownTask)


def test_a_task_is_completed_with_or_without_a_claim():
    given(DECIDER, *OPEN).when(complete()).then(completed())
    given(DECIDER, *OPEN, claimed(SITI)).when(complete()).then(completed())


def test_a_task_is_completed_once():
    given(DECIDER, *OPEN, completed()).when(complete()).then_refused(TaskFinished)
    given(DECIDER, *OPEN, completed()).when(claim()).then_refused(TaskFinished)


def test_the_officer_who_completed_it_has_configured():
    done = (*OPEN, completed(FAIZ))
    given(DECIDER, *done).when(record()).then(configured(by=FAIZ))


def test_what_a_worker_records_late_does_not_take_the_task_away():
    given(DECIDER, *OPEN).when(record()).then_nothing()
    given(DECIDER, *OPEN).when(fail()).then_nothing()


def test_the_approver_may_not_configure_where_the_agency_separates_the_duties():
    given(DECIDER, *SEPARATED).when(complete(SITI)).then_refused(ApproverMayNotConfigure)
    given(DECIDER, *SEPARATED).when(claim(SITI)).then_refused(ApproverMayNotConfigure)
    had = (*SEPARATED, claimed(FAIZ))
    given(DECIDER, *had).when(take_over(SITI)).then_refused(ApproverMayNotConfigure)
    same = SITI.model_copy(update={"subject": SITI.subject.upper()})
    given(DECIDER, *SEPARATED).when(complete(same)).then_refused(ApproverMayNotConfigure)
    given(DECIDER, *SEPARATED).when(complete(FAIZ)).then(completed(FAIZ))


def test_nor_may_who_approved_before_the_last():
    given_before = due(policy=JPA).model_copy(
        update={"approved_before_by": (FAIZ.subject.upper(),)}
    )
    had = (given_before, started(), awaiting())
    for officer in (SITI, FAIZ):
        given(DECIDER, *had).when(complete(officer)).then_refused(ApproverMayNotConfigure)
    given(DECIDER, *had).when(complete(OPERATOR)).then(completed(OPERATOR))


def test_another_agencys_task_is_unknown():
    given(DECIDER, *OPEN).when(claim(agency="KPM")).then_refused(UnknownTask)
    given(DECIDER, *OPEN).when(complete(agency="")).then_refused(UnknownTask)
    given(DECIDER).when(complete()).then_refused(UnknownTask)


def test_an_old_task_of_the_same_request_is_finished():
    given(DECIDER, *OPEN).when(complete(task_id="another")).then_refused(TaskFinished)
