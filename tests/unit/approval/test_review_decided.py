"""One decision a request, by an administrator of its agency who is not the applicant."""

from dataclasses import replace

import pytest
from decider_specification import given
from fixtures.samples import APPLICANT, received
from reviews import (
    FAIZ,
    MAMPU,
    NOW,
    REQUEST,
    SITI,
    approved,
    decide,
    opened,
    papers,
    rejected,
    returned,
    withdrawn,
)

from bmt.agencies import accounts
from bmt.contracts.values import Officer
from services.approval.domain.errors import (
    AccountOfOtherAgency,
    AlreadyDecided,
    OwnRequest,
    RequestClosed,
    UnknownRequest,
)
from services.approval.domain.review_rules import DECIDER

REASON = "Tidak lengkap"
OPEN = (opened(),)
APPROVED = (opened(), approved())
REJECTED = (opened(), rejected())
RETURNED = (opened(), returned())
WITHDRAWN = (opened(), withdrawn())
EVERY_STATUS = (OPEN, APPROVED, REJECTED, RETURNED, WITHDRAWN)
THE_APPLICANT = Officer(subject=APPLICANT.account.upper(), name="Ahmad", role="administrator")


def test_approval_grants_what_was_asked():
    given(DECIDER, *OPEN).when(decide("approve")).then(approved())


def test_rejection_says_why():
    given(DECIDER, *OPEN).when(decide("reject", reason=REASON)).then(rejected())


def test_return_says_what_to_correct():
    given(DECIDER, *OPEN).when(decide("return", reason=REASON)).then(returned())


def test_after_a_correction_it_is_decided_anew():
    given(DECIDER, *RETURNED, opened()).when(decide("approve")).then(approved())


@pytest.mark.parametrize("decision", ["approve", "reject", "return"])
def test_on_whose_behalf_an_officer_acts_is_recorded(decision):
    event = {"approve": approved, "reject": rejected, "return": returned}[decision]
    command = decide(decision, reason=REASON, on_behalf_of="Pengarah ICT")
    expected = event(on_behalf_of="Pengarah ICT", reason=REASON)
    given(DECIDER, *OPEN).when(command).then(expected)


def test_a_request_never_heard_of_is_unknown():
    given(DECIDER).when(decide("approve")).then_refused(UnknownRequest)


@pytest.mark.parametrize("before", EVERY_STATUS)
def test_another_agencys_request_is_unknown_whatever_its_status(before):
    refused = (
        given(DECIDER, *before).when(decide("reject", agency="JPA")).then_refused(UnknownRequest)
    )
    never_there = given(DECIDER).when(decide("reject", agency="JPA")).then_refused(UnknownRequest)
    assert refused.detail == never_there.detail


def test_another_agencys_own_request_is_unknown_too():
    command = decide("approve", by=THE_APPLICANT, agency="JPA")
    given(DECIDER, *OPEN).when(command).then_refused(UnknownRequest)


@pytest.mark.parametrize("before", EVERY_STATUS)
@pytest.mark.parametrize("decision", ["approve", "reject", "return"])
def test_nobody_decides_on_their_own_request_whatever_the_case_of_the_account(before, decision):
    given(DECIDER, *before).when(decide(decision, by=THE_APPLICANT)).then_refused(OwnRequest)


def test_acting_on_behalf_of_another_does_not_help():
    command = decide("approve", by=THE_APPLICANT, on_behalf_of=SITI.name)
    given(DECIDER, *OPEN).when(command).then_refused(OwnRequest)


@pytest.mark.parametrize("applicant", [APPLICANT.account.upper(), APPLICANT.email])
def test_nor_does_having_another_act_on_the_applicants_behalf(applicant):
    command = decide("approve", on_behalf_of=applicant)
    given(DECIDER, *OPEN).when(command).then_refused(OwnRequest)


@pytest.mark.parametrize(
    ("before", "choice", "reason"),
    [(APPROVED, "approve", None), (REJECTED, "reject", REASON), (RETURNED, "return", REASON)],
)
@pytest.mark.parametrize("second", ["approve", "reject", "return"])
def test_the_second_administrator_sees_the_first_decision(before, choice, reason, second):
    first = {
        "decision": choice,
        "decided_by": SITI.model_dump(),
        "decided_at": NOW.isoformat().replace("+00:00", "Z"),
        "reason": reason,
        "version": 2,
    }
    command = decide(second, by=FAIZ)
    given(DECIDER, *before).when(command).then_refused(AlreadyDecided, decision=first)


def test_the_version_counts_every_event_that_was_said():
    before = (*RETURNED, opened(), rejected())
    refused = given(DECIDER, *before).when(decide("approve")).then_refused(AlreadyDecided)
    assert refused.extra["decision"]["version"] == 4


def test_what_is_kept_to_ourselves_does_not_count():
    before = (opened(), papers(received(REQUEST)), approved())
    refused = given(DECIDER, *before).when(decide("approve")).then_refused(AlreadyDecided)
    assert refused.extra["decision"]["version"] == 2


@pytest.mark.parametrize("decision", ["approve", "reject", "return"])
def test_what_was_withdrawn_is_closed(decision):
    given(DECIDER, *WITHDRAWN).when(decide(decision)).then_refused(RequestClosed)


@pytest.mark.parametrize("before", [APPROVED, RETURNED, WITHDRAWN])
def test_that_it_is_closed_is_said_before_the_fields_are_looked_at(before):
    command = decide("reject", quota_bytes=1)
    refused = given(DECIDER, *before).when(command).then_refused((AlreadyDecided, RequestClosed))
    assert not refused.errors


def test_another_agencys_account_is_never_approved_and_may_still_be_refused():
    """The request may have been stored before its agency claimed the account."""
    claims = accounts.claims([("MAMPU", ()), ("JPA", (APPLICANT.account.upper(),))])
    policy = replace(MAMPU, claims=claims)
    review = given(DECIDER, *OPEN)
    review.when(decide("approve", policy=policy)).then_refused(AccountOfOtherAgency)
    review.when(decide("reject", reason=REASON, policy=policy)).then(rejected())
    review.when(decide("return", reason=REASON, policy=policy)).then(returned())
