"""What targets show is compared with what was configured: each difference is known once, and decided about by a person."""

import pytest
from decider_specification import given
from fixtures.samples import APPLICANT, GB
from orders import (
    FAIZ,
    MAMPU,
    NOW,
    ON,
    REQUEST,
    SEPARATED,
    accept,
    accepted,
    completed,
    configured,
    correct,
    correction_requested,
    drifted,
    due,
    evidence,
    fail,
    observe,
    record,
    start,
    started,
)

from bmt.contracts.values import Officer
from services.provisioning.domain.configuration import ClearDrift, Configured, Due
from services.provisioning.domain.configuration_rules import DECIDER
from services.provisioning.domain.errors import NoDrift, Overtaken, OwnAccount, UnknownRequest
from services.provisioning.domain.events import (
    Corrected,
    CorrectionFailed,
    CorrectionRequested,
    CorrectionStarted,
    DriftAccepted,
    DriftCleared,
)
from services.provisioning.domain.order import Policy

DONE = (due(), started(), configured())
LARGER = {"max_file_size_bytes": 2 * GB}
CLEARED = DriftCleared(request=REQUEST, cleared_at=NOW)
BEGUN = (*DONE, drifted(), correction_requested())
STARTED = CorrectionStarted(request=REQUEST, plan=start().plan)
FAILED = CorrectionFailed(request=REQUEST, target="ipms", reason="IPMS has no such account")


DRIFTED = (*DONE, drifted())
BOTH = drifted().model_copy(
    update={"differences": (*drifted().differences, *drifted(target="storage").differences)}
)
LOOKS = {
    "a difference": (DONE, observe(ipms=LARGER, storage={}), drifted()),
    "the same again": (DRIFTED, observe(ipms=LARGER, storage={}), None),
    "another": (DRIFTED, observe(ipms={"max_file_size_bytes": 1}), drifted(1)),
    "as configured": (DONE, observe(ipms={}, storage={}), None),
    "gone": (DRIFTED, observe(ipms={}, storage={}), CLEARED),
    "no answer": (DONE, observe(), None),
    "no answer clears nothing": (DRIFTED, observe(), None),
    "nor does another target's": (DRIFTED, observe(storage={}), None),
    "a new one beside a silent target's": (DRIFTED, observe(storage=LARGER), BOTH),
    "never approved": ((), observe(ipms=LARGER), None),
    "due": ((due(),), observe(ipms=LARGER), None),
    "not configured yet": ((due(), started()), observe(ipms=LARGER), None),
    "a correction is due": (BEGUN, observe(ipms=LARGER), None),
    "a correction is under way": ((*BEGUN, STARTED), observe(ipms=LARGER), None),
    "followed by another request": (DRIFTED, ClearDrift(NOW), CLEARED),
    "followed, without a difference": (DONE, ClearDrift(NOW), None),
}


@pytest.mark.parametrize(("before", "look", "then"), LOOKS.values(), ids=LOOKS)
def test_each_difference_is_recorded_once_and_cleared_once_it_is_gone(before, look, then):
    given(DECIDER, *before).when(look).then(*[then] if then else [])


def test_an_accepted_difference_stays_accepted_until_it_is_another():
    accepted_once = (*DRIFTED, accepted())
    given(DECIDER, *DRIFTED).when(accept()).then(accepted())
    given(DECIDER, *accepted_once).when(accept()).then_nothing()
    given(DECIDER, *accepted_once).when(observe(ipms=LARGER)).then_nothing()
    given(DECIDER, *accepted_once).when(observe(ipms={"max_file_size_bytes": 1})).then(drifted(1))
    given(DECIDER, *accepted_once, drifted(1)).when(accept()).then_one(DriftAccepted)


def test_a_correction_is_due_as_every_configuration_is_and_made_once_at_a_time():
    for open_ in (DRIFTED, (*DRIFTED, accepted())):
        given(DECIDER, *open_).when(correct()).then(correction_requested())
    given(DECIDER, *BEGUN).when(correct()).then_nothing()
    given(DECIDER, *BEGUN, STARTED).when(correct()).then_nothing()
    given(DECIDER, *BEGUN).when(accept()).then_nothing()
    given(DECIDER, *DRIFTED).when(correct(overtaken=True)).then_refused(Overtaken)


def test_a_correction_says_nothing_to_the_outside():
    given(DECIDER, *BEGUN).when(start()).then(STARTED)
    given(DECIDER, *BEGUN, STARTED).when(record()).then(
        Corrected(request=REQUEST, corrected_at=NOW, effective=ON, evidence=evidence())
    )
    given(DECIDER, *BEGUN).when(fail()).then(FAILED)
    given(DECIDER, *BEGUN, STARTED).when(fail()).then(FAILED)


def test_a_correction_that_read_back_something_else_failed():
    wrong = ON.model_copy(update={"ipms": ON.ipms.model_copy(update=LARGER)})
    given(DECIDER, *BEGUN, STARTED).when(record(wrong)).then_one(CorrectionFailed, target="ipms")


def test_after_a_failed_correction_the_difference_is_open_and_may_be_decided_again():
    failed = (*DRIFTED, accepted(), correction_requested(), FAILED)
    given(DECIDER, *failed).when(observe(ipms=LARGER)).then_nothing()
    given(DECIDER, *failed).when(accept()).then(accepted())
    given(DECIDER, *failed).when(correct()).then(correction_requested())


def test_each_correction_is_a_round_of_its_own():
    before = DECIDER.fold(DONE)
    again = DECIDER.fold((*BEGUN, FAILED, correction_requested()))
    assert isinstance(before, Configured)
    assert isinstance(again, Due)
    assert again.round == before.round + 2


def test_an_officer_s_statement_still_counts_in_a_correction():
    by_hand = (*SEPARATED, completed(), configured(), drifted(), correction_requested("worklist"))
    assert DECIDER.fold(by_hand).statement == completed()


def test_a_correction_keeps_the_interface_that_the_agency_no_longer_has_or_takes_its_new_one():
    """What was set by it can be read by it."""
    by_hand = (due(policy=Policy()), started(), configured(), drifted())
    for before, policy in ((DRIFTED, Policy()), (by_hand, MAMPU)):
        asked = given(DECIDER, *before).when(correct(policy=policy)).then_one(CorrectionRequested)
        assert asked.ipms_connector == "scim"


@pytest.mark.parametrize("decide", [correct, accept])
def test_who_may_not_decide_about_it_is_refused(decide):
    own = Officer(subject=APPLICANT.account.upper(), name="Siti", role="administrator")
    given(DECIDER, *DRIFTED).when(decide(FAIZ, "JPA")).then_refused(UnknownRequest)
    given(DECIDER).when(decide()).then_refused(UnknownRequest)
    given(DECIDER, *DRIFTED).when(decide(own)).then_refused(OwnAccount)
    given(DECIDER, *DONE).when(decide()).then_refused(NoDrift)
    given(DECIDER, *DRIFTED, CLEARED).when(decide()).then_refused(NoDrift)
