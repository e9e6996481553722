"""SOP step 3: what was approved is in force, once, or it is said why not. Also what an officer sets by hand."""

import pytest
from decider_specification import given
from fixtures.samples import GB, facts
from orders import (
    DUE_AT,
    FAIZ,
    JPA,
    NOW,
    ON,
    OPERATOR,
    REQUEST,
    SITI,
    TASK,
    TERMINATION,
    approved,
    awaiting,
    claim,
    claimed,
    complete,
    completed,
    configured,
    due,
    fail,
    failed,
    record,
    request_configuration,
    retried,
    retry,
    start,
    started,
    take_over,
    taken_over,
)

from bmt.contracts.events import Granted, Retried
from services.provisioning.domain.configuration import AwaitOperator, Due, Started
from services.provisioning.domain.configuration_rules import DECIDER
from services.provisioning.domain.errors import (
    ApprovalIncomplete,
    ApproverMayNotConfigure,
    ClaimedByAnother,
    NotClaimed,
    NothingToRetry,
    NotRetryable,
    Overtaken,
    TaskFinished,
    UnknownRequest,
    UnknownTask,
)
from services.provisioning.domain.order import NOTHING_IN_FORCE, ORDER, Policy, goal

OPEN = (due(policy=Policy()), started(), awaiting())
SEPARATED = (due(policy=JPA), started(), awaiting())
ASK = AwaitOperator(TASK, "ipms", "Hidupkan. Turn it on.")


def test_what_is_approved_is_due_by_the_charter():
    assert due().due_at == DUE_AT
    given(DECIDER).when(request_configuration()).then(due())


def test_an_approval_heard_twice_is_one_configuration():
    given(DECIDER, due()).when(request_configuration()).then_nothing()
    given(DECIDER, due(), started(), configured()).when(request_configuration()).then_nothing()


@pytest.mark.parametrize("missing", ["quota_bytes", "max_file_size_bytes"])
def test_an_approved_application_without_its_sizes_is_refused(missing):
    sizes = {"quota_bytes": GB, "max_file_size_bytes": GB, missing: None}
    said = approved(approved=Granted(**sizes))
    given(DECIDER).when(request_configuration(said)).then_refused(ApprovalIncomplete)


def test_the_plan_is_said_before_anything_is_changed():
    given(DECIDER, due()).when(start()).then(started())


def test_a_plan_that_comes_again_is_not_said_again():
    given(DECIDER, due(), started()).when(start()).then_nothing()
    given(DECIDER, due(), started(), configured()).when(start()).then_nothing()


def test_configured_when_what_was_read_back_is_what_was_approved():
    given(DECIDER, due(), started()).when(record(ON)).then(configured())


def test_a_termination_is_configured_when_nothing_is_in_force():
    given(DECIDER, due(TERMINATION), started(TERMINATION)).when(record(NOTHING_IN_FORCE)).then(
        configured(TERMINATION)
    )


def test_never_configured_twice():
    given(DECIDER, due(), started(), configured()).when(record(ON)).then_nothing()


def test_never_configured_before_the_plan_was_said():
    given(DECIDER, due()).when(record(ON)).then_nothing()


def test_another_read_back_than_approved_is_a_failure_that_says_what_is_wrong():
    other = ON.model_copy(
        update={"storage": ON.storage.model_copy(update={"quota_bytes": 3, "enabled": False})}
    )
    reason = (
        "storage shows enabled off after it was set to on; "
        "storage shows quota_bytes 3 after it was set to 10000000000"
    )
    given(DECIDER, due(), started()).when(record(other)).then(failed("storage", reason))


def test_a_target_that_refuses_is_a_failure_before_and_after_the_start():
    given(DECIDER, due()).when(fail()).then(failed())
    given(DECIDER, due(), started()).when(fail()).then(failed())


def test_a_failure_that_comes_late_changes_nothing():
    given(DECIDER, due(), started(), configured()).when(fail()).then_nothing()
    given(DECIDER, due(), started(), failed()).when(fail()).then_nothing()


def test_a_retry_begins_a_new_round():
    given(DECIDER, due(), failed()).when(retry()).then(retried())
    assert DECIDER.fold([due(), failed(), retried()]) == Due(due(), 1, retry=retried())


@pytest.mark.parametrize("history", [(due(), failed()), (due(), started(), failed())])
def test_what_a_retry_leads_to_says_who_tried_again_and_why(history):
    given(DECIDER, *history).when(retry(reason="IPMS is mended.")).then(
        again := retried(reason="IPMS is mended.")
    )
    said = Retried(by=OPERATOR, at=NOW, reason="IPMS is mended.")
    begun = started().model_copy(update={"retry": said})
    given(DECIDER, *history, again).when(start()).then(begun)
    given(DECIDER, *history, again).when(fail()).then(failed().model_copy(update={"retry": said}))
    given(DECIDER, *history, again, begun).when(fail()).then(failed())


def test_a_retry_of_what_is_under_way_changes_nothing():
    given(DECIDER, due()).when(retry()).then_nothing()
    given(DECIDER, due(), started()).when(retry()).then_nothing()


def test_an_administrator_retries_for_the_own_agency_only():
    own = retried(FAIZ)
    given(DECIDER, due(), failed()).when(retry(FAIZ, "MAMPU")).then(own)
    given(DECIDER, due(), failed()).when(retry(FAIZ, "KPM")).then_refused(UnknownRequest)
    given(DECIDER, due(), failed()).when(retry(FAIZ, "")).then_refused(UnknownRequest)
    given(DECIDER).when(retry()).then_refused(UnknownRequest)


def test_what_is_configured_or_hopeless_or_overtaken_is_not_retried():
    done = (due(), started(), configured())
    given(DECIDER, *done).when(retry()).then_refused(NothingToRetry)
    hopeless = failed(retryable=False)
    given(DECIDER, due(), hopeless).when(retry()).then_refused(NotRetryable)
    given(DECIDER, due(), failed()).when(retry(overtaken=True)).then_refused(Overtaken)


def test_what_an_officer_stated_outlives_the_other_targets_failure():
    history = (due(policy=JPA), started(), awaiting(), completed(), failed("storage"), retried())
    ask = AwaitOperator("another", "ipms", "Do it again.")

    assert DECIDER.fold([*history, started()]) == Started(due(policy=JPA), 1, completed())
    given(DECIDER, *history, started()).when(ask).then_nothing()


def test_the_place_is_there_before_the_permission_and_outlives_it():
    assert ORDER["application"] == ("storage", "ipms")
    assert ORDER["termination"] == ("ipms", "storage")


def test_what_is_in_force_in_the_end_is_what_was_approved_not_what_was_asked():
    said = approved(approved=Granted(quota_bytes=5, max_file_size_bytes=3))
    (order,) = DECIDER.decide(request_configuration(said), DECIDER.initial)

    in_force = goal(order)

    assert in_force.storage.quota_bytes == 5
    assert in_force.storage.max_file_size_bytes == in_force.ipms.max_file_size_bytes == 3
    assert REQUEST.quota_bytes == 10 * GB


def test_a_request_of_another_account_has_a_goal_of_its_own():
    assert goal(due(facts(quota_bytes=1))) != goal(due())


# By hand: a task is claimed by one officer, and completed once, with evidence.


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
