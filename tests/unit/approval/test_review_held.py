"""A correction that nobody asked for comes before the decision, or after it, and never beside it."""

from dataclasses import replace
from datetime import timedelta

from decider_specification import given
from fixtures.samples import facts, received
from reviews import (
    DUE,
    FAIZ,
    MAMPU,
    NOW,
    REQUEST,
    SITI,
    approved,
    decide,
    endorsed,
    open_review,
    opened,
    papers,
    rejected,
    returned,
    withdrawn,
)

from bmt.contracts.values import Submitter
from services.approval.domain.errors import (
    AlreadyDecided,
    BeingCorrected,
    RegistrarMayNotApprove,
    RequestClosed,
    UnknownRequest,
)
from services.approval.domain.events import HeldForCorrection
from services.approval.domain.review import HoldForCorrection
from services.approval.domain.review_rules import DECIDER

UNTIL = NOW + timedelta(seconds=30)
BY = Submitter(subject=FAIZ.subject, role="administrator")
CORRECTED = facts(**{**dict(REQUEST), "quota_bytes": 5})


def hold(account=FAIZ.subject, agency: str | None = "MAMPU") -> HoldForCorrection:
    return HoldForCorrection(by=BY, account=account, agency=agency, until=UNTIL)


def held(returns: int = 0, until=UNTIL) -> HeldForCorrection:
    return HeldForCorrection(by=BY, until=until, returns=returns)


def correction(*, while_open: bool = True, request=CORRECTED):
    told = {"corrected_by": BY, "correction_reason": "Salah taip.", "while_open": while_open}
    return received(request).model_copy(update=told)


def corrected_papers(**changes):
    incoming = correction(**changes)
    told = {
        name: getattr(incoming, name)
        for name in ("corrected_by", "correction_reason", "while_open")
    }
    return papers(incoming).model_copy(update=told)


def test_an_open_request_is_held_for_who_corrects_it():
    given(DECIDER, opened()).when(hold()).then(held())
    given(DECIDER, opened()).when(hold(REQUEST.applicant.account.upper(), None)).then(held())


def test_one_that_is_not_heard_of_yet_is_held_too():
    given(DECIDER).when(hold()).then(held())
    given(DECIDER, held(), opened()).when(decide("approve")).then_refused(BeingCorrected)


def test_what_was_returned_says_how_often():
    given(DECIDER, opened(), returned()).when(hold()).then(held(returns=1))
    given(DECIDER, opened(), returned(), opened()).when(hold()).then(held(returns=1))
    twice = (opened(), returned(), opened(), returned())
    given(DECIDER, *twice).when(hold()).then(held(returns=2))


def test_nobody_decides_meanwhile():
    for ruling in (decide("approve"), decide("reject", reason="x"), decide("return", reason="x")):
        refused = given(DECIDER, opened(), held()).when(ruling).then_refused(BeingCorrected)
        assert refused.problem == "unavailable"


def test_a_correction_that_never_comes_holds_nothing_up():
    given(DECIDER, opened(), held(until=NOW)).when(decide("approve")).then(approved())


def test_what_is_decided_or_withdrawn_is_not_held():
    for end in (approved(), rejected()):
        given(DECIDER, opened(), end).when(hold()).then_refused(AlreadyDecided)
    given(DECIDER, opened(), withdrawn()).when(hold()).then_refused(RequestClosed)


def test_others_learn_nothing_of_it():
    for by in (hold(agency="JPA"), hold(agency=None)):
        given(DECIDER, opened()).when(by).then_refused(UnknownRequest)


def test_the_correction_opens_it_with_its_values_and_the_days_go_on():
    given(DECIDER, opened(), held()).when(open_review(correction())).then(
        opened(CORRECTED, due_at=DUE), corrected_papers()
    )
    after = (opened(), held(), opened(CORRECTED), corrected_papers())
    given(DECIDER, *after).when(decide("approve")).then(approved(CORRECTED))


def test_what_was_endorsed_begins_anew():
    again = corrected_papers().model_copy(update={"approval_levels": 2})
    after = (opened(), papers(received(REQUEST), 2), endorsed(), held(), opened(CORRECTED), again)
    (event,) = DECIDER.decide(decide("approve"), DECIDER.fold(after))
    assert event.endorsement.level == 1


def test_an_asked_for_correction_that_is_heard_first_ends_no_other_ones_hold():
    asked_for = corrected_papers(while_open=False)
    before = (opened(), returned(), held(1), opened(CORRECTED), asked_for)
    given(DECIDER, *before).when(decide("approve")).then_refused(BeingCorrected)


def test_where_registrars_may_not_approve_correctors_may_not_either():
    policy = replace(MAMPU, registrar_may_approve=False)
    after = (opened(), papers(received(REQUEST)), opened(CORRECTED), corrected_papers())
    given(DECIDER, *after).when(decide("approve", FAIZ, policy=policy)).then_refused(
        RegistrarMayNotApprove
    )
    again = (*after, returned(CORRECTED), opened(CORRECTED), papers(received(CORRECTED)))
    given(DECIDER, *again).when(decide("approve", FAIZ, policy=policy)).then_refused(
        RegistrarMayNotApprove
    )
    given(DECIDER, *after).when(decide("approve", SITI, policy=policy)).then(approved(CORRECTED))
