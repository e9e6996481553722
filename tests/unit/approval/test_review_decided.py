"""One decision a request, by an administrator of its agency who is not the applicant."""

import pytest
from decider_specification import given
from fixtures.samples import APPLICANT, received
from reviews import (
    REQUEST,
    approved,
    decide,
    opened,
    papers,
    rejected,
    returned,
    withdrawn,
)

from bmt.contracts.values import Officer
from services.approval.domain.errors import (
    AlreadyDecided,
    RequestClosed,
    UnknownRequest,
)
from services.approval.domain.review_rules import DECIDER

OPEN = (opened(),)
APPROVED = (opened(), approved())
RETURNED = (opened(), returned())
WITHDRAWN = (opened(), withdrawn())
THE_APPLICANT = Officer(subject=APPLICANT.account.upper(), name="Ahmad", role="administrator")


def test_a_request_never_heard_of_is_unknown():
    given(DECIDER).when(decide("approve")).then_refused(UnknownRequest)


def test_another_agencys_own_request_is_unknown_too():
    command = decide("approve", by=THE_APPLICANT, agency="JPA")
    given(DECIDER, *OPEN).when(command).then_refused(UnknownRequest)


def test_the_version_counts_every_event_that_was_said():
    before = (*RETURNED, opened(), rejected())
    refused = given(DECIDER, *before).when(decide("approve")).then_refused(AlreadyDecided)
    assert refused.extra["decision"]["version"] == 4


def test_what_is_kept_to_ourselves_does_not_count():
    before = (opened(), papers(received(REQUEST)), approved())
    refused = given(DECIDER, *before).when(decide("approve")).then_refused(AlreadyDecided)
    assert refused.extra["decision"]["version"] == 2


@pytest.mark.parametrize("before", [APPROVED, RETURNED, WITHDRAWN])
def test_that_it_is_closed_is_said_before_the_fields_are_looked_at(before):
    command = decide("reject", quota_bytes=1)
    refused = given(DECIDER, *before).when(command).then_refused((AlreadyDecided, RequestClosed))
    assert not refused.errors
