"""Withdrawal against decision: whoever comes first."""

import pytest
from decider_specification import given
from reviews import approved, opened, rejected, returned, withdraw, withdrawn

from services.approval.domain.errors import AlreadyDecided, RequestClosed
from services.approval.domain.review_rules import DECIDER


@pytest.mark.parametrize("before", [(), (opened(),), (opened(), returned())])
def test_before_a_decision_it_is_withdrawn(before):
    given(DECIDER, *before).when(withdraw()).then(withdrawn())


@pytest.mark.parametrize(("decided", "choice"), [(approved(), "approve"), (rejected(), "reject")])
def test_after_a_decision_the_decision_stands(decided, choice):
    refused = given(DECIDER, opened(), decided).when(withdraw()).then_refused(AlreadyDecided)
    assert refused.extra["decision"]["decision"] == choice


def test_it_is_withdrawn_once():
    given(DECIDER, opened(), withdrawn()).when(withdraw()).then_refused(RequestClosed)
