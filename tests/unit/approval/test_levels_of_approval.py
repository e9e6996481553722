"""Where several must approve, each approval is another person's, and the last is the decision."""

import pytest
from decider_specification import given
from fixtures.samples import APPLICANT, GB, received
from reviews import (
    FAIZ,
    MAMPU,
    REQUEST,
    SITI,
    TERMINATION,
    approved,
    decide,
    endorsed,
    endorsement,
    open_review,
    opened,
    papers,
    rejected,
    returned,
    withdraw,
    withdrawn,
)

from bmt.contracts.events import Granted
from bmt.contracts.values import Officer
from services.approval.domain.errors import (
    AlreadyDecided,
    ApprovedBefore,
    OwnRequest,
    QuotaExceedsMaximum,
    WarningsNeedReason,
)
from services.approval.domain.review_rules import DECIDER

TWO = (opened(), papers(received(REQUEST), levels=2))
HALF = (*TWO, endorsed())


def test_a_request_keeps_the_levels_of_the_rules_it_was_opened_under():
    two = MAMPU.__class__(approval_levels=2)
    incoming = received(REQUEST)
    given(DECIDER).when(open_review(incoming, policy=two)).then(
        opened(due_at=two.due_at(REQUEST.received_at)), papers(incoming, levels=2)
    )
    given(DECIDER, opened(), papers(incoming)).when(decide("approve", policy=two)).then(approved())
    given(DECIDER, *TWO).when(decide("approve", policy=MAMPU)).then(endorsed())


def test_an_approval_that_is_not_the_last_says_nothing_yet():
    command = decide(
        "approve",
        reason="Projek",
        exception_reason="Ya",
        on_behalf_of="Pengarah",
        quota_bytes=5 * GB,
    )
    first = endorsement(
        approved=Granted(quota_bytes=5 * GB, max_file_size_bytes=GB),
        reason="Projek",
        exception_reason="Ya",
        on_behalf_of="Pengarah",
    )
    given(DECIDER, *TWO).when(command).then(endorsed(first))


def test_nor_does_whom_somebody_acted_for_before():
    for behind in (SITI.subject, SITI.name):
        half = (*TWO, endorsed(endorsement(by=FAIZ, on_behalf_of=behind)))
        given(DECIDER, *half).when(decide("approve", by=SITI)).then_refused(ApprovedBefore)


def test_nor_do_two_who_act_for_the_same_person():
    half = (*TWO, endorsed(endorsement(by=FAIZ, on_behalf_of="Pengarah ICT")))
    command = decide("approve", by=SITI, on_behalf_of="pengarah ict")
    given(DECIDER, *half).when(command).then_refused(ApprovedBefore)


def test_a_later_level_lowers_what_was_granted_and_silence_keeps_it():
    granted = Granted(quota_bytes=5 * GB, max_file_size_bytes=GB)
    first = endorsement(approved=granted)
    half = (*TWO, endorsed(first))
    given(DECIDER, *half).when(decide("approve", by=FAIZ)).then(
        approved(decided_by=FAIZ, approved=granted, endorsements=(first,))
    )
    less = decide("approve", by=FAIZ, quota_bytes=2 * GB)
    given(DECIDER, *half).when(less).then(
        approved(
            decided_by=FAIZ,
            approved=Granted(quota_bytes=2 * GB, max_file_size_bytes=GB),
            endorsements=(first,),
        )
    )


def test_each_level_is_held_to_the_rules():
    for before in (TWO, HALF):
        above = decide("approve", by=FAIZ, quota_bytes=101 * GB)
        given(DECIDER, *before).when(above).then_refused(QuotaExceedsMaximum)
    warned = (opened(warnings=("not_serving",)), papers(received(REQUEST), levels=2))
    given(DECIDER, *warned).when(decide("approve")).then_refused(WarningsNeedReason)
    half = (*warned, endorsed(endorsement(exception_reason="Ya.")))
    given(DECIDER, *half).when(decide("approve", by=FAIZ)).then_refused(WarningsNeedReason)


def test_the_applicant_gives_none_of_them():
    own = Officer(subject=APPLICANT.account, name="Ahmad", role="administrator")
    for before in (TWO, HALF):
        given(DECIDER, *before).when(decide("approve", by=own)).then_refused(OwnRequest)


@pytest.mark.parametrize("by", [SITI, FAIZ])
def test_a_rejection_or_a_return_at_any_level_ends_it(by):
    said = {"decided_by": by, "reason": "Tidak"}
    for before in (TWO, HALF):
        given(DECIDER, *before).when(decide("reject", by=by, reason="Tidak")).then(rejected(**said))
        given(DECIDER, *before).when(decide("return", by=by, reason="Tidak")).then(returned(**said))
    given(DECIDER, *HALF, rejected()).when(decide("approve", by=FAIZ)).then_refused(AlreadyDecided)
    given(DECIDER, *HALF).when(withdraw()).then(withdrawn())


def test_a_correction_begins_again_at_the_first_level():
    again = (*HALF, returned(), opened(), papers(received(REQUEST), levels=2))
    given(DECIDER, *again).when(decide("approve")).then(endorsed())


def test_what_is_not_said_is_not_counted():
    decided = (*HALF, approved(decided_by=FAIZ))
    refused = given(DECIDER, *decided).when(decide("approve")).then_refused(AlreadyDecided)
    assert refused.extra["decision"]["version"] == 2


def test_a_termination_is_endorsed_without_sizes():
    nothing = Granted(quota_bytes=None, max_file_size_bytes=None)
    two = (opened(TERMINATION), papers(received(TERMINATION), levels=2))
    first = endorsed(endorsement(approved=nothing), request=TERMINATION)
    given(DECIDER, *two).when(decide("approve")).then(first)
    given(DECIDER, *two, first).when(decide("approve", by=FAIZ)).then(
        approved(TERMINATION, decided_by=FAIZ, endorsements=(endorsement(approved=nothing),))
    )
