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


def test_a_difference_is_recorded():
    given(DECIDER, *DONE).when(observe(ipms=LARGER, storage={})).then(drifted())


def test_the_same_difference_is_not_recorded_again():
    given(DECIDER, *DONE, drifted()).when(observe(ipms=LARGER, storage={})).then_nothing()


def test_another_difference_is_recorded():
    given(DECIDER, *DONE, drifted()).when(observe(ipms={"max_file_size_bytes": 1})).then(drifted(1))


def test_what_shows_what_was_configured_is_no_difference():
    given(DECIDER, *DONE).when(observe(ipms={}, storage={})).then_nothing()


def test_a_difference_that_is_gone_is_cleared():
    given(DECIDER, *DONE, drifted()).when(observe(ipms={}, storage={})).then(CLEARED)


def test_a_target_without_an_answer_neither_differs_nor_clears():
    given(DECIDER, *DONE).when(observe()).then_nothing()
    given(DECIDER, *DONE, drifted()).when(observe()).then_nothing()
    given(DECIDER, *DONE, drifted()).when(observe(storage={})).then_nothing()


def test_the_known_difference_of_a_silent_target_stays_beside_a_new_one():
    both = (*drifted(target="ipms").differences, *drifted(target="storage").differences)
    given(DECIDER, *DONE, drifted()).when(observe(storage=LARGER)).then(
        drifted().model_copy(update={"differences": both})
    )


@pytest.mark.parametrize("under_way", [(), (due(),), (due(), started()), BEGUN, (*BEGUN, STARTED)])
def test_what_is_not_configured_yet_does_not_differ(under_way):
    given(DECIDER, *under_way).when(observe(ipms=LARGER)).then_nothing()


def test_the_drift_of_a_request_that_was_followed_by_another_is_cleared():
    given(DECIDER, *DONE, drifted()).when(ClearDrift(NOW)).then(CLEARED)
    given(DECIDER, *DONE).when(ClearDrift(NOW)).then_nothing()


def test_an_accepted_difference_stays_accepted_until_it_is_another():
    accepted_once = (*DONE, drifted(), accepted())
    given(DECIDER, *DONE, drifted()).when(accept()).then(accepted())
    given(DECIDER, *accepted_once).when(accept()).then_nothing()
    given(DECIDER, *accepted_once).when(observe(ipms=LARGER)).then_nothing()
    given(DECIDER, *accepted_once).when(observe(ipms={"max_file_size_bytes": 1})).then(drifted(1))
    given(DECIDER, *accepted_once, drifted(1)).when(accept()).then_one(DriftAccepted)


def test_a_correction_is_due_as_every_configuration_is():
    given(DECIDER, *DONE, drifted()).when(correct()).then(correction_requested())
    given(DECIDER, *DONE, drifted(), accepted()).when(correct()).then(correction_requested())


def test_a_correction_is_made_once_at_a_time():
    given(DECIDER, *BEGUN).when(correct()).then_nothing()
    given(DECIDER, *BEGUN, STARTED).when(correct()).then_nothing()
    given(DECIDER, *BEGUN).when(accept()).then_nothing()


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
    failed = (*DONE, drifted(), accepted(), correction_requested(), FAILED)
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


def test_a_correction_keeps_the_interface_that_the_agency_no_longer_has():
    """What was set by it can be read by it."""
    given(DECIDER, *DONE, drifted()).when(correct(policy=Policy())).then_one(
        CorrectionRequested, ipms_connector="scim"
    )


def test_a_correction_takes_the_interface_that_the_agency_has_now():
    by_hand = (due(policy=Policy()), started(), configured(), drifted())
    given(DECIDER, *by_hand).when(correct(policy=MAMPU)).then_one(
        CorrectionRequested, ipms_connector="scim"
    )


@pytest.mark.parametrize("decide", [correct, accept])
def test_who_may_not_decide_about_it_is_refused(decide):
    own = Officer(subject=APPLICANT.account.upper(), name="Siti", role="administrator")
    given(DECIDER, *DONE, drifted()).when(decide(FAIZ, "JPA")).then_refused(UnknownRequest)
    given(DECIDER).when(decide()).then_refused(UnknownRequest)
    given(DECIDER, *DONE, drifted()).when(decide(own)).then_refused(OwnAccount)
    given(DECIDER, *DONE).when(decide()).then_refused(NoDrift)
    given(DECIDER, *DONE, drifted(), CLEARED).when(decide()).then_refused(NoDrift)


def test_a_correction_undoes_no_later_request():
    given(DECIDER, *DONE, drifted()).when(correct(overtaken=True)).then_refused(Overtaken)
