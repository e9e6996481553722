"""SOP step 3: what was approved is in force, once, or it is said why not. Also what an officer sets by hand."""

import pytest
from decider_specification import given
from fixtures.samples import GB
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

from bmt.contracts.events import Configured, Granted, Retried
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
from services.provisioning.domain.order import ORDER


@pytest.mark.parametrize("missing", ["quota_bytes", "max_file_size_bytes"])
def test_an_approved_application_without_its_sizes_is_refused(missing):
    sizes = {"quota_bytes": GB, "max_file_size_bytes": GB, missing: None}
    said = approved(approved=Granted(**sizes))
    given(DECIDER).when(request_configuration(said)).then_refused(ApprovalIncomplete)


HAD = (*BY_HAND, claimed(FAIZ))
TAKEN = (*HAD, taken_over(SITI, FAIZ))
DONE = (due(), started(), configured())


@pytest.mark.parametrize(
    ("before", "late"),
    [
        pytest.param((due(), started()), start(), id="a plan that comes again"),
        pytest.param(DONE, start(), id="and after the end"),
        pytest.param(DONE, fail(), id="a failure after the end"),
        pytest.param((due(), started(), failed()), fail(), id="a failure after a failure"),
        pytest.param((due(),), retry(), id="a retry of what is due"),
        pytest.param((due(), started()), retry(), id="or under way"),
        pytest.param(BY_HAND, record(), id="a worker's record while an officer is asked"),
        pytest.param(BY_HAND, fail(), id="or its failure"),
        pytest.param(HAD, claim(), id="a claim by who has the task"),
        pytest.param(TAKEN, take_over(SITI), id="a taking over by who took it over"),
        pytest.param(TAKEN, claim(SITI), id="or a claim"),
    ],
)
def test_what_comes_late_or_again_changes_nothing(before, late):
    given(DECIDER, *before).when(late).then_nothing()


@pytest.mark.parametrize(
    ("before", "command", "error"),
    [
        ((), retry(), UnknownRequest),
        (DONE, retry(), NothingToRetry),
        ((due(), failed(retryable=False)), retry(), NotRetryable),
        ((due(), failed()), retry(overtaken=True), Overtaken),
        ((due(), failed("storage")), retry(by_hand=True), NotByHand),
        ((), complete(), UnknownTask),
        (BY_HAND, complete(task_id="another"), TaskFinished),
        (BY_HAND, take_over(), NotClaimed),
        ((*HAD, completed(FAIZ)), take_over(), TaskFinished),
        (HAD, take_over(agency="KPM"), UnknownTask),
        (TAKEN, claim(FAIZ), ClaimedByAnother),
        (TAKEN, take_over(OPERATOR, claimed_by=FAIZ.subject), ClaimedByAnother),
    ],
    ids=[
        "a retry of what was never approved",
        "of what is configured",
        "of what is hopeless",
        "of what was overtaken",
        "by hand, of the storage",
        "a task of what was never approved",
        "an old task of the same request",
        "a taking over of what nobody has",
        "of what is completed",
        "by another agency",
        "a claim of what a colleague took over",
        "a taking over by the second of two",
    ],
)
def test_what_cannot_be_retried_or_taken_is_refused(before, command, error):
    refused = given(DECIDER, *before).when(command).then_refused(error)
    if error is ClaimedByAnother:
        assert refused.extra["decision"]["decided_by"]["subject"] == SITI.subject
    if error is NotClaimed:
        assert [fault.pointer for fault in refused.errors] == ["/claimed_by"]


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


def test_what_ipms_refused_an_officer_may_set_by_hand():
    by_hand = retried(ipms_connector="worklist")
    given(DECIDER, due(), failed()).when(retry(by_hand=True)).then(by_hand)
    state = DECIDER.fold([due(), failed(), by_hand])
    assert state.order.ipms_connector == "worklist"


def test_what_an_officer_stated_outlives_the_other_targets_failure():
    again = retried(ipms_connector="worklist")
    history = (due(policy=JPA), started(), awaiting(), completed(), failed("storage"), again)
    ask = AwaitOperator("another", "ipms", "Do it again.")

    assert DECIDER.fold([*history, started()]) == Started(due(policy=JPA), 1, completed())
    given(DECIDER, *history, started()).when(ask).then_nothing()


def test_the_place_is_there_before_the_permission_and_outlives_it():
    assert ORDER["application"] == ("storage", "ipms")
    assert ORDER["termination"] == ("ipms", "storage")


# By hand: a task is claimed by one officer, and completed once, with evidence.


@pytest.mark.parametrize(
    ("before", "command", "then"),
    [
        (BY_HAND, claim(), claimed()),
        (TAKEN, take_over(FAIZ, SITI.subject), taken_over(FAIZ, SITI)),
        (TAKEN, complete(FAIZ), completed(FAIZ)),
        ((*BY_HAND, claimed(SITI)), complete(), completed()),
    ],
    ids=["claimed", "taken back", "completed by who had it", "completed though another has it"],
)
def test_a_task_is_claimed_taken_over_and_completed(before, command, then):
    given(DECIDER, *before).when(command).then(then)


def test_the_approvers_reason_is_kept_and_told_with_the_outcome():
    reason = "Cukup bagi projek ini."
    explained = due().model_copy(update={"reason": reason})
    said = request_configuration(approved(reason=reason))
    given(DECIDER).when(said).then(explained)
    given(DECIDER, explained, started()).when(record()).then_one(Configured, approval_reason=reason)


def test_nor_may_who_approved_before_the_last():
    given_before = due(policy=JPA).model_copy(
        update={"approved_before_by": (FAIZ.subject.upper(),)}
    )
    had = (given_before, started(), awaiting())
    for officer in (SITI, FAIZ):
        given(DECIDER, *had).when(complete(officer)).then_refused(ApproverMayNotConfigure)
    given(DECIDER, *had).when(complete(OPERATOR)).then(completed(OPERATOR))
