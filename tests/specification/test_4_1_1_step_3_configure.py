"""SOP 4.1.1 (3), the service is configured.

"Pentadbir UC Agensi membuat konfigurasi yang diperlukan di IPMS Admin Portal."

The agency UC administrator makes the configuration (*konfigurasi*) that is needed in the IPMS Admin Portal. It is set in two
places, IPMS and the transfer storage, and read back from both. Where IPMS has no connector, an officer sets it by hand and
adds evidence (*bukti*), for example a picture of the screen.
"""

from decider_specification import given
from samples import CONFIGURATION
from unit.provisioning import orders
from unit.provisioning.orders import (
    BY_HAND,
    FAIZ,
    ON,
    SEPARATED,
    SITI,
    claim,
    claimed,
    complete,
    completed,
    configured,
    due,
    failed,
    record,
    start,
    started,
)

from bmt.contracts.events import Granted
from services.provisioning.domain import errors
from services.provisioning.domain.events import ConfigurationDue
from services.provisioning.domain.order import goal


def test_what_shall_be_in_force_is_what_was_approved_not_what_was_asked():
    said = orders.approved(approved=Granted(quota_bytes=5, max_file_size_bytes=3))
    order = given(CONFIGURATION).when(orders.request_configuration(said)).then_one(ConfigurationDue)
    in_force = goal(order)
    assert (in_force.storage.quota_bytes, in_force.storage.max_file_size_bytes) == (5, 3)
    assert (in_force.ipms.bmt_enabled, in_force.ipms.max_file_size_bytes) == (True, 3)


def test_one_approval_is_configured_once():
    for before in ((due(),), (due(), started(), configured())):
        given(CONFIGURATION, *before).when(orders.request_configuration()).then_nothing()
    given(CONFIGURATION, due(), started(), configured()).when(record(ON)).then_nothing()


def test_what_will_change_is_on_record_before_anything_is_changed():
    given(CONFIGURATION, due()).when(start()).then(started())
    given(CONFIGURATION, due()).when(record(ON)).then_nothing()


def test_it_is_configured_when_what_is_read_back_is_what_was_approved():
    given(CONFIGURATION, due(), started()).when(record(ON)).then(configured())


def test_where_something_else_is_read_back_it_has_failed_and_says_what_is_wrong():
    storage = ON.storage.model_copy(update={"quota_bytes": 3, "enabled": False})
    reason = (
        "storage shows enabled off after it was set to on; "
        "storage shows quota_bytes 3 after it was set to 10000000000"
    )
    other = record(ON.model_copy(update={"storage": storage}))
    given(CONFIGURATION, due(), started()).when(other).then(failed("storage", reason))


def test_what_has_failed_is_tried_again_for_the_own_agency_alone():
    for before in ((due(),), (due(), started())):
        given(CONFIGURATION, *before).when(orders.fail()).then(failed())
    again = given(CONFIGURATION, due(), failed())
    again.when(orders.retry(FAIZ, "MAMPU")).then(orders.retried(FAIZ))
    for agency in ("KPM", ""):
        again.when(orders.retry(FAIZ, agency)).then_refused(errors.UnknownRequest)


# By hand, with evidence.


def test_an_officer_is_asked_once_to_set_ipms_by_hand():
    given(CONFIGURATION, *BY_HAND[:2]).when(orders.ASK).then(orders.awaiting())
    for before in (BY_HAND, (*BY_HAND, completed())):
        given(CONFIGURATION, *before).when(orders.ASK).then_nothing()


def test_the_officer_who_sets_it_adds_the_evidence_once_and_has_configured_it():
    given(CONFIGURATION, *BY_HAND).when(complete(FAIZ)).then(completed(FAIZ))
    given(CONFIGURATION, *BY_HAND, completed(FAIZ)).when(record()).then(configured(by=FAIZ))
    for late in (complete(), claim()):
        given(CONFIGURATION, *BY_HAND, completed()).when(late).then_refused(errors.TaskFinished)


def test_a_second_officer_sees_who_claimed_the_task_first_and_may_take_it_over():
    had = given(CONFIGURATION, *BY_HAND, claimed(FAIZ))
    refused = had.when(claim(SITI)).then_refused(errors.ClaimedByAnother)
    assert refused.problem == "already_decided"
    assert refused.extra["decision"]["decided_by"]["subject"] == FAIZ.subject
    had.when(orders.take_over(SITI)).then(orders.taken_over(SITI, FAIZ))


def test_the_approver_may_not_configure_where_the_agency_separates_the_duties():
    same = SITI.model_copy(update={"subject": SITI.subject.upper()})
    task, had = given(CONFIGURATION, *SEPARATED), given(CONFIGURATION, *SEPARATED, claimed(FAIZ))
    for own in (complete(SITI), claim(SITI), complete(same)):
        task.when(own).then_refused(errors.ApproverMayNotConfigure)
    had.when(orders.take_over(SITI)).then_refused(errors.ApproverMayNotConfigure)
    task.when(complete(FAIZ)).then(completed(FAIZ))
