"""SOP step 3: what was approved is in force, once, or it is said why not. Also what an officer sets by hand."""

import pytest
from decider_specification import given
from fixtures.samples import GB, facts
from orders import (
    BY_HAND,
    FAIZ,
    JPA,
    NOW,
    OPERATOR,
    SITI,
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
    NotByHand,
    NotClaimed,
    NothingToRetry,
    NotRetryable,
    Overtaken,
    TaskFinished,
    UnknownRequest,
    UnknownTask,
)
from services.provisioning.domain.order import ORDER, goal


@pytest.mark.parametrize("missing", ["quota_bytes", "max_file_size_bytes"])
def test_an_approved_application_without_its_sizes_is_refused(missing):
    sizes = {"quota_bytes": GB, "max_file_size_bytes": GB, missing: None}
    said = approved(approved=Granted(**sizes))
    given(DECIDER).when(request_configuration(said)).then_refused(ApprovalIncomplete)


def test_a_plan_that_comes_again_is_not_said_again():
    given(DECIDER, due(), started()).when(start()).then_nothing()
    given(DECIDER, due(), started(), configured()).when(start()).then_nothing()


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


def test_what_was_never_approved_is_not_retried():
    given(DECIDER).when(retry()).then_refused(UnknownRequest)


def test_what_is_configured_or_hopeless_or_overtaken_is_not_retried():
    done = (due(), started(), configured())
    given(DECIDER, *done).when(retry()).then_refused(NothingToRetry)
    hopeless = failed(retryable=False)
    given(DECIDER, due(), hopeless).when(retry()).then_refused(NotRetryable)
    given(DECIDER, due(), failed()).when(retry(overtaken=True)).then_refused(Overtaken)


def test_what_ipms_refused_an_officer_may_set_by_hand():
    by_hand = retried(ipms_connector="worklist")
    given(DECIDER, due(), failed()).when(retry(by_hand=True)).then(by_hand)
    state = DECIDER.fold([due(), failed(), by_hand])
    assert state.order.ipms_connector == "worklist"
    given(DECIDER, due(), failed("storage")).when(retry(by_hand=True)).then_refused(NotByHand)


def test_what_an_officer_stated_outlives_the_other_targets_failure():
    again = retried(ipms_connector="worklist")
    history = (due(policy=JPA), started(), awaiting(), completed(), failed("storage"), again)
    ask = AwaitOperator("another", "ipms", "Do it again.")

    assert DECIDER.fold([*history, started()]) == Started(due(policy=JPA), 1, completed())
    given(DECIDER, *history, started()).when(ask).then_nothing()


def test_the_place_is_there_before_the_permission_and_outlives_it():
    assert ORDER["application"] == ("storage", "ipms")
    assert ORDER["termination"] == ("ipms", "storage")


def test_a_request_of_another_account_has_a_goal_of_its_own():
    assert goal(due(facts(quota_bytes=1))) != goal(due())


# By hand: a task is claimed by one officer, and completed once, with evidence.


def test_an_officer_claims_an_open_task_and_may_ask_again():
    given(DECIDER, *BY_HAND).when(claim()).then(claimed())
    given(DECIDER, *BY_HAND, claimed()).when(claim()).then_nothing()


def test_a_colleague_takes_a_task_over_and_has_it_then():
    had = (*BY_HAND, claimed(FAIZ))
    after = (*had, taken_over(SITI, FAIZ))
    given(DECIDER, *after).when(take_over(SITI)).then_nothing()
    given(DECIDER, *after).when(claim(SITI)).then_nothing()
    refused = given(DECIDER, *after).when(claim(FAIZ)).then_refused(ClaimedByAnother)
    assert refused.extra["decision"]["decided_by"]["subject"] == SITI.subject
    given(DECIDER, *after).when(take_over(FAIZ, SITI.subject)).then(taken_over(FAIZ, SITI))
    given(DECIDER, *after).when(complete(FAIZ)).then(completed(FAIZ))


def test_of_two_colleagues_who_take_a_task_over_one_does():
    after = (*BY_HAND, claimed(FAIZ), taken_over(SITI, FAIZ))
    third = take_over(OPERATOR, claimed_by=FAIZ.subject)
    refused = given(DECIDER, *after).when(third).then_refused(ClaimedByAnother)
    assert refused.extra["decision"]["decided_by"]["subject"] == SITI.subject


def test_what_nobody_has_cannot_be_taken_over():
    refused = given(DECIDER, *BY_HAND).when(take_over()).then_refused(NotClaimed)
    assert [fault.pointer for fault in refused.errors] == ["/claimed_by"]
    done = (*BY_HAND, claimed(FAIZ), completed(FAIZ))
    given(DECIDER, *done).when(take_over()).then_refused(TaskFinished)
    given(DECIDER, *BY_HAND, claimed()).when(take_over(agency="KPM")).then_refused(UnknownTask)


def test_a_task_that_another_claimed_is_completed_too():
    given(DECIDER, *BY_HAND, claimed(SITI)).when(complete()).then(completed())


def test_what_a_worker_records_late_does_not_take_the_task_away():
    given(DECIDER, *BY_HAND).when(record()).then_nothing()
    given(DECIDER, *BY_HAND).when(fail()).then_nothing()


def test_nor_may_who_approved_before_the_last():
    given_before = due(policy=JPA).model_copy(
        update={"approved_before_by": (FAIZ.subject.upper(),)}
    )
    had = (given_before, started(), awaiting())
    for officer in (SITI, FAIZ):
        given(DECIDER, *had).when(complete(officer)).then_refused(ApproverMayNotConfigure)
    given(DECIDER, *had).when(complete(OPERATOR)).then(completed(OPERATOR))


def test_a_task_of_what_was_never_approved_is_unknown():
    given(DECIDER).when(complete()).then_refused(UnknownTask)


def test_an_old_task_of_the_same_request_is_finished():
    given(DECIDER, *BY_HAND).when(complete(task_id="another")).then_refused(TaskFinished)
