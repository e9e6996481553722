"""A review beyond what tests/specification says of it: opened, held, commented, endorsed, decided."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from decider_specification import given
from fixtures.samples import GB, MONDAY, facts, received
from hypothesis import given as with_any
from hypothesis import strategies as st
from reviews import (
    DAY,
    DUE,
    FAIZ,
    MAMPU,
    NAMED,
    NOW,
    REQUEST,
    SITI,
    TERMINATION,
    appointment,
    approved,
    comment,
    commented,
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

from bmt.agencies.agency import acts_for
from bmt.agencies.charter import MALAYSIA
from bmt.contracts.events import Granted
from bmt.contracts.values import Submitter
from services.approval.domain import errors
from services.approval.domain.events import HeldForCorrection
from services.approval.domain.policy import Policy
from services.approval.domain.review import DECIDER, HoldForCorrection

WARNINGS = ("not_serving", "open_request_exists")
TWO = (opened(), papers(received(REQUEST), levels=2))
HALF = (*TWO, endorsed())


def pointers(refused):
    return [fault.pointer for fault in refused.errors]


# What is opened, and what its version counts.


def test_newer_papers_of_an_open_request_are_never_lost():
    incoming = received(REQUEST, justification="Lebih jelas.")
    again = open_review(incoming, said_at=MONDAY)
    given(DECIDER, opened()).when(again).then(opened(), papers(incoming))


def test_a_request_of_an_agency_without_rules_is_due_after_three_days_all_the_same():
    incoming = received(REQUEST)
    command = open_review(incoming, policy=Policy())
    given(DECIDER).when(command).then(opened(due_at=DUE), papers(incoming))


@pytest.mark.parametrize(
    ("before", "version"),
    [
        ((opened(), returned(), opened(), rejected()), 4),
        ((opened(), papers(received(REQUEST)), approved()), 2),
        ((*HALF, approved(decided_by=FAIZ)), 2),
    ],
    ids=["every event that was said", "no papers", "no endorsement"],
)
def test_a_version_counts_what_was_said_and_nothing_that_we_keep_to_ourselves(before, version):
    refused = given(DECIDER, *before).when(decide("approve")).then_refused(errors.AlreadyDecided)
    assert refused.extra["decision"]["version"] == version


@pytest.mark.parametrize(
    "end", [approved(), returned(), withdrawn()], ids=["approved", "returned", "withdrawn"]
)
def test_that_it_is_closed_is_said_before_the_fields_are_looked_at(end):
    closed = (errors.AlreadyDecided, errors.RequestClosed)
    command = decide("reject", quota_bytes=1)
    assert not given(DECIDER, opened(), end).when(command).then_refused(closed).errors


# Which fields go with which decision, and what can be granted.


@pytest.mark.parametrize("decision", ["reject", "return"])
@pytest.mark.parametrize("field", ["quota_bytes", "max_file_size_bytes", "exception_reason"])
def test_what_only_an_approval_takes_is_not_dropped_in_silence(decision, field):
    value = "Sementara" if field == "exception_reason" else GB
    command = decide(decision, reason="Tidak lengkap", **{field: value})
    refused = given(DECIDER, opened()).when(command).then_refused(errors.FieldsWrong)
    assert pointers(refused) == [f"/{field}"]


def test_every_fault_is_told_at_once():
    command = decide("reject", policy=NAMED, on_behalf_of="Sesiapa", quota_bytes=1)
    refused = given(DECIDER, opened()).when(command).then_refused(errors.FieldsWrong)
    assert pointers(refused) == ["/reason", "/quota_bytes", "/on_behalf_of"]


def test_every_fault_of_an_approval_is_told_at_once_under_the_first_ones_name():
    larger = {"quota_bytes": 101 * GB, "max_file_size_bytes": 3 * GB}
    warned = given(DECIDER, opened(warnings=WARNINGS))
    fields = ["/quota_bytes", "/max_file_size_bytes", "/exception_reason"]

    refused = warned.when(decide("approve", **larger)).then_refused(
        errors.FieldsWrong, maximum=100 * GB, warnings=list(WARNINGS)
    )
    assert (refused.problem, pointers(refused)) == ("quota_exceeds_maximum", fields)

    unnamed = decide("approve", policy=NAMED, on_behalf_of="Sesiapa", **larger)
    refused = warned.when(unnamed).then_refused(errors.FieldsWrong)
    assert (refused.problem, pointers(refused)) == (
        "validation_failed",
        ["/on_behalf_of", *fields],
    )


@pytest.mark.parametrize(
    ("policy", "asked", "maximum"),
    [
        (Policy(largest_quota_bytes=GB, largest_file_bytes=2 * GB), {}, GB),
        (Policy(), {"quota_bytes": 10 * GB + 1}, 10 * GB),
    ],
    ids=["what was asked is held to today's", "without rules, to what was asked"],
)
def test_a_quota_above_the_maximum_is_not_granted(policy, asked, maximum):
    command = decide("approve", policy=policy, **asked)
    refused = given(DECIDER, opened()).when(command)
    refused.then_refused(errors.QuotaExceedsMaximum, maximum=maximum)


def test_an_agency_without_rules_may_grant_what_was_asked_and_no_larger_file():
    given(DECIDER, opened()).when(decide("approve", policy=Policy())).then(approved())
    larger = decide("approve", policy=Policy(), max_file_size_bytes=GB + 1)
    refused = given(DECIDER, opened()).when(larger).then_refused(errors.FieldsWrong)
    assert pointers(refused) == ["/max_file_size_bytes"]


def test_an_application_that_names_no_sizes_is_granted_none():
    silent = facts(quota_bytes=None, max_file_size_bytes=None)
    given(DECIDER, opened(silent)).when(decide("approve")).then(approved(silent))


def test_warnings_hinder_no_rejection_and_are_those_of_the_last_correction():
    warned, no = opened(warnings=WARNINGS), decide("reject", reason="Tidak lengkap")
    given(DECIDER, warned).when(no).then(rejected())
    given(DECIDER, warned, returned(), opened()).when(decide("approve")).then(approved())


# For whom an officer acts.


def named(*acting):
    return replace(MAMPU, acting=acting)


@pytest.mark.parametrize("decision", ["approve", "reject", "return"])
@pytest.mark.parametrize(
    ("acting", "behind", "says"),
    [
        (NAMED, "pengarah ict", "Pengarah ICT"),
        (named(appointment(DAY + timedelta(1), DAY + timedelta(9))), "Pengarah ICT", "leave this"),
        (named(appointment(DAY - timedelta(9), DAY - timedelta(1))), "Pengarah ICT", "leave this"),
        (named(appointment(officer=FAIZ.subject)), "Pengarah ICT", "leave this"),
    ],
    ids=["in other letters", "not yet", "no longer", "only a colleague"],
)
def test_who_is_not_appointed_today_is_refused_with_what_is_allowed(decision, acting, behind, says):
    command = decide(decision, policy=acting, reason="Sebab.", on_behalf_of=behind)
    refused = given(DECIDER, opened()).when(command).then_refused(errors.FieldsWrong)
    assert pointers(refused) == ["/on_behalf_of"]
    assert says in refused.errors[0].detail


def test_an_appointed_officer_may_decide_in_their_own_name():
    given(DECIDER, opened()).when(decide("approve", policy=NAMED)).then(approved())


DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31))


@with_any(DAYS, DAYS, st.integers(0, 3 * 365 * 24))
def test_days_are_whole_days_in_malaysia(begins, ends, hours):
    begins, ends = sorted((begins, ends))
    there = datetime(2025, 1, 1, tzinfo=MALAYSIA) + timedelta(hours=hours)
    allowed = acts_for([appointment(begins, ends)], SITI.subject.upper(), there.astimezone(UTC))
    assert bool(allowed) == (begins <= there.date() <= ends)


@with_any(DAYS, DAYS, DAYS, DAYS)
def test_two_overlap_where_a_day_is_in_both(a, b, c, d):
    one, other = appointment(*sorted((a, b))), appointment(*sorted((c, d)))
    shared = max(one.from_, other.from_) <= min(one.until, other.until)
    assert one.overlaps(other) == other.overlaps(one) == shared
    assert not one.overlaps(appointment(*sorted((c, d)), officer=FAIZ.subject))
    assert not one.overlaps(appointment(*sorted((c, d)), behind="Lain"))


# Where several must approve.


def test_a_request_keeps_the_levels_of_the_rules_it_was_opened_under():
    two, incoming = Policy(approval_levels=2), received(REQUEST)
    given(DECIDER).when(open_review(incoming, policy=two)).then(
        opened(due_at=two.due_at(REQUEST.received_at)), papers(incoming, levels=2)
    )
    given(DECIDER, opened(), papers(incoming)).when(decide("approve", policy=two)).then(approved())
    given(DECIDER, *TWO).when(decide("approve", policy=MAMPU)).then(endorsed())


def test_an_endorsement_has_all_that_a_decision_has():
    told = {"reason": "Projek", "exception_reason": "Ya", "on_behalf_of": "Pengarah"}
    first = endorsement(approved=Granted(quota_bytes=5 * GB, max_file_size_bytes=GB), **told)
    command = decide("approve", quota_bytes=5 * GB, **told)
    given(DECIDER, *TWO).when(command).then(endorsed(first))


@pytest.mark.parametrize(
    ("first_behind", "second_behind"),
    [(SITI.subject, None), (SITI.name, None), ("Pengarah ICT", "pengarah ict")],
    ids=["the first acted for the second", "by name", "both act for the same person"],
)
def test_two_approvals_are_of_two_people_whoever_they_act_for(first_behind, second_behind):
    half = (*TWO, endorsed(endorsement(by=FAIZ, on_behalf_of=first_behind)))
    command = decide("approve", by=SITI, on_behalf_of=second_behind)
    given(DECIDER, *half).when(command).then_refused(errors.ApprovedBefore)


@pytest.mark.parametrize("lowered", [None, 2 * GB], ids=["silence", "lower"])
def test_a_later_level_lowers_what_was_granted_and_silence_keeps_it(lowered):
    first = endorsement(approved=Granted(quota_bytes=5 * GB, max_file_size_bytes=GB))
    command = decide("approve", by=FAIZ, quota_bytes=lowered)
    granted = Granted(quota_bytes=lowered or 5 * GB, max_file_size_bytes=GB)
    given(DECIDER, *TWO, endorsed(first)).when(command).then(
        approved(decided_by=FAIZ, approved=granted, endorsements=(first,))
    )


def test_each_level_is_held_to_the_rules():
    for before in (TWO, HALF):
        above = decide("approve", by=FAIZ, quota_bytes=101 * GB)
        given(DECIDER, *before).when(above).then_refused(errors.QuotaExceedsMaximum)
    warned = (opened(warnings=("not_serving",)), papers(received(REQUEST), levels=2))
    half = (*warned, endorsed(endorsement(exception_reason="Ya.")))
    for before in (warned, half):
        again = decide("approve", by=FAIZ)
        given(DECIDER, *before).when(again).then_refused(errors.WarningsNeedReason)


@pytest.mark.parametrize("before", [TWO, HALF], ids=["at the first", "at the last"])
@pytest.mark.parametrize(
    ("command", "end"),
    [
        (decide("reject", by=FAIZ, reason="Tidak"), rejected(decided_by=FAIZ, reason="Tidak")),
        (decide("return", by=FAIZ, reason="Tidak"), returned(decided_by=FAIZ, reason="Tidak")),
        (withdraw(), withdrawn()),
    ],
    ids=["reject", "return", "withdraw"],
)
def test_a_rejection_a_return_or_a_withdrawal_at_any_level_ends_it(before, command, end):
    given(DECIDER, *before).when(command).then(end)


def test_a_correction_begins_again_at_the_first_level():
    again = (*HALF, returned(), opened(), papers(received(REQUEST), levels=2))
    given(DECIDER, *again).when(decide("approve")).then(endorsed())


def test_a_termination_is_endorsed_without_sizes():
    nothing = Granted(quota_bytes=None, max_file_size_bytes=None)
    two = (opened(TERMINATION), papers(received(TERMINATION), levels=2))
    first = endorsed(endorsement(approved=nothing), request=TERMINATION)
    given(DECIDER, *two).when(decide("approve")).then(first)


# Comments: administrators of the agency note what they like, whatever the status.


@pytest.mark.parametrize(
    "end",
    [(), (approved(),), (rejected(),), (returned(),), (withdrawn(),)],
    ids=["open", "approved", "rejected", "returned", "withdrawn"],
)
def test_a_comment_is_added_whatever_the_status(end):
    given(DECIDER, opened(), *end).when(comment()).then(commented())


def test_comments_change_no_decision():
    before = (*TWO, commented(), endorsed(), commented())
    given(DECIDER, *before).when(decide("approve", by=FAIZ)).then(
        approved(decided_by=FAIZ, endorsements=(endorsement(),))
    )


@pytest.mark.parametrize("before", [(), (opened(),)], ids=["no request", "another agency's"])
def test_nobody_comments_on_another_agencys_request(before):
    refused = given(DECIDER, *before).when(comment(agency="JPA"))
    refused.then_refused(errors.UnknownRequest)


# A correction that nobody asked for comes before the decision, or after it, and never beside it.

UNTIL = NOW + timedelta(seconds=30)
BY = Submitter(subject=FAIZ.subject, role="administrator")
CORRECTED = facts(**{**dict(REQUEST), "quota_bytes": 5})


def hold(account=FAIZ.subject, agency: str | None = "MAMPU") -> HoldForCorrection:
    return HoldForCorrection(by=BY, account=account, agency=agency, until=UNTIL)


def held(returns: int = 0, until=UNTIL) -> HeldForCorrection:
    return HeldForCorrection(by=BY, until=until, returns=returns)


def correction(*, while_open: bool = True):
    """The correction that intake says, and the papers that it brings."""
    told = {"corrected_by": BY, "correction_reason": "Salah taip.", "while_open": while_open}
    incoming = received(CORRECTED).model_copy(update=told)
    return incoming, papers(incoming).model_copy(update=told)


HEARD, ITS_PAPERS = correction()


@pytest.mark.parametrize(
    ("before", "returns"),
    [
        pytest.param((), 0, id="not heard of yet"),
        pytest.param((opened(),), 0, id="open"),
        pytest.param((opened(), returned()), 1, id="returned"),
        pytest.param((opened(), returned(), opened()), 1, id="open again"),
        pytest.param((opened(), returned(), opened(), returned()), 2, id="returned twice"),
    ],
)
def test_what_nobody_decided_is_held_for_who_corrects_it(before, returns):
    given(DECIDER, *before).when(hold()).then(held(returns))
    own = hold(REQUEST.applicant.account.upper(), None)
    given(DECIDER, *before).when(own).then(held(returns))


@pytest.mark.parametrize(
    ("before", "command", "error"),
    [
        pytest.param((opened(), approved()), hold(), errors.AlreadyDecided, id="approved"),
        pytest.param((opened(), rejected()), hold(), errors.AlreadyDecided, id="rejected"),
        pytest.param((opened(), withdrawn()), hold(), errors.RequestClosed, id="withdrawn"),
        pytest.param((opened(),), hold(agency="JPA"), errors.UnknownRequest, id="another agency's"),
        pytest.param((opened(),), hold(agency=None), errors.UnknownRequest, id="another person's"),
    ],
)
def test_what_is_decided_or_of_others_is_not_held(before, command, error):
    given(DECIDER, *before).when(command).then_refused(error)


@pytest.mark.parametrize(
    "before", [(opened(), held()), (held(), opened())], ids=["held", "held before it was opened"]
)
@pytest.mark.parametrize("decision", ["approve", "reject", "return"])
def test_nobody_decides_meanwhile(before, decision):
    ruling = decide(decision, reason="Sebab.")
    refused = given(DECIDER, *before).when(ruling).then_refused(errors.BeingCorrected)
    assert refused.problem == "unavailable"


def test_a_correction_that_never_comes_holds_nothing_up():
    given(DECIDER, opened(), held(until=NOW)).when(decide("approve")).then(approved())


def test_the_correction_opens_it_with_its_values_and_the_days_go_on():
    given(DECIDER, opened(), held()).when(open_review(HEARD)).then(
        opened(CORRECTED, due_at=DUE), ITS_PAPERS
    )
    after = (opened(), held(), opened(CORRECTED), ITS_PAPERS)
    given(DECIDER, *after).when(decide("approve")).then(approved(CORRECTED))


def test_what_was_endorsed_begins_anew():
    again = ITS_PAPERS.model_copy(update={"approval_levels": 2})
    after = (*HALF, held(), opened(CORRECTED), again)
    (event,) = DECIDER.decide(decide("approve"), DECIDER.fold(after))
    assert event.endorsement.level == 1


def test_an_asked_for_correction_that_is_heard_first_ends_no_other_ones_hold():
    _, asked_for = correction(while_open=False)
    before = (opened(), returned(), held(1), opened(CORRECTED), asked_for)
    given(DECIDER, *before).when(decide("approve")).then_refused(errors.BeingCorrected)


def test_where_registrars_may_not_approve_correctors_may_not_either():
    policy = replace(MAMPU, registrar_may_approve=False)
    after = (opened(), papers(received(REQUEST)), opened(CORRECTED), ITS_PAPERS)
    again = (*after, returned(CORRECTED), opened(CORRECTED), papers(received(CORRECTED)))
    for before in (after, again):
        command = decide("approve", FAIZ, policy=policy)
        given(DECIDER, *before).when(command).then_refused(errors.RegistrarMayNotApprove)
    given(DECIDER, *after).when(decide("approve", SITI, policy=policy)).then(approved(CORRECTED))
