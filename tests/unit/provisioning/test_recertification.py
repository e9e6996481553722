"""A grant is confirmed by a person of the agency, or its termination is requested; nothing is asked or answered twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from decider_specification import given
from orders import (
    FAIZ,
    NOW,
    REQUEST,
    SITI,
    TERMINATION,
    configured,
    correction_requested,
    drifted,
    due,
    record,
    start,
    started,
)

from bmt.contracts.events import (
    ConfirmationDue,
    ConfirmationsAwaited,
    GrantConfirmed,
    TerminationProposed,
)
from bmt.contracts.values import Officer
from services.provisioning.domain.configuration import (
    AnswerGrant,
    AskConfirmation,
    Confirmation,
    RemindOffice,
    SupersedeConfirmation,
)
from services.provisioning.domain.configuration_rules import DECIDER, ITSELF
from services.provisioning.domain.confirmation_rules import is_due, is_leaver_due
from services.provisioning.domain.drift_rules import are_too_many
from services.provisioning.domain.errors import (
    Answered,
    NoConfirmation,
    OwnAccount,
    UnknownRequest,
)
from services.provisioning.domain.events import (
    ConfirmationSuperseded,
    Corrected,
    CorrectionFailed,
    CorrectionStarted,
)

IN_FORCE = (due(), started(), configured())
LATER = NOW + timedelta(days=370)
BY = datetime(2026, 12, 30, 9, tzinfo=UTC)
NEXT = "019b0000-0000-7000-8000-000000000001"
ASK = AskConfirmation("2026-12", "rule", NOW, BY)
ASKED = ConfirmationDue(
    request=REQUEST, campaign="2026-12", cause="rule", in_force_since=NOW, answer_by=BY
)
LEFT = ASKED.model_copy(update={"cause": "not_serving", "directory_read_at": LATER})
CONFIRM = AnswerGrant(FAIZ, "MAMPU", "Masih perlu.", LATER)
CONFIRMED = GrantConfirmed(
    request=REQUEST, confirmed_by=FAIZ, confirmed_at=LATER, reason="Masih perlu."
)
PROPOSE = AnswerGrant(FAIZ, "MAMPU", "Bersara.", LATER, NEXT)
SUPERSEDED = ConfirmationSuperseded(request=REQUEST, superseded_at=LATER)
CORRECTING = (*IN_FORCE, drifted(), ASKED, correction_requested())


def proposed(asked=ASKED):
    return given(DECIDER, *IN_FORCE, asked).when(PROPOSE).then_one(TerminationProposed)


ENDED = (due(TERMINATION), started(TERMINATION), configured(TERMINATION))
ASK_OF_LEAVER = replace(ASK, cause="not_serving", directory_read_at=LATER)
REMIND, END = RemindOffice("2026-12", "escalation", BY, 3), SupersedeConfirmation(LATER)
REMINDED = ConfirmationsAwaited(
    request=REQUEST, campaign="2026-12", level="escalation", answer_by=BY, grants=3
)
STEPS = {
    "asked about what is in force": (IN_FORCE, ASK, ASKED),
    "about a leaver, with what the directory shows": (IN_FORCE, ASK_OF_LEAVER, LEFT),
    "not about what was never approved": ((), ASK, None),
    "nor about what is due": ((due(),), ASK, None),
    "or not configured yet": ((due(), started()), ASK, None),
    "or ended": (ENDED, ASK, None),
    "not again while no answer came": ((*IN_FORCE, ASKED), ASK, None),
    "whatever the campaign": ((*IN_FORCE, ASKED), replace(ASK, campaign="2027-01"), None),
    "confirmed with a reason": ((*IN_FORCE, ASKED), CONFIRM, CONFIRMED),
    "the office is reminded of how many wait": ((*IN_FORCE, ASKED), REMIND, REMINDED),
    "a later request ends the question": ((*IN_FORCE, ASKED), END, SUPERSEDED),
    "once": ((*IN_FORCE, ASKED, SUPERSEDED), END, None),
    "not what was answered": ((*IN_FORCE, ASKED, CONFIRMED), END, None),
    "nor what was not asked": (IN_FORCE, END, None),
}


@pytest.mark.parametrize(("before", "command", "then"), STEPS.values(), ids=STEPS)
def test_the_agency_is_asked_once_about_a_grant_in_force(before, command, then):
    given(DECIDER, *before).when(command).then(*[then] if then else [])


def test_what_was_answered_is_asked_again_in_another_campaign_only():
    for answer in (CONFIRMED, proposed(), SUPERSEDED):
        given(DECIDER, *IN_FORCE, ASKED, answer).when(ASK).then_nothing()
        again = replace(ASK, campaign="2027-12")
        given(DECIDER, *IN_FORCE, ASKED, answer).when(again).then_one(ConfirmationDue)


def test_the_first_answer_counts():
    for answer, word in ((CONFIRMED, "confirm"), (proposed(), "terminate")):
        for late in (replace(CONFIRM, officer=SITI), replace(PROPOSE, officer=SITI)):
            refused = given(DECIDER, *IN_FORCE, ASKED, answer).when(late).then_refused(Answered)
            assert refused.extra["decision"]["decision"] == word
            assert refused.extra["decision"]["decided_by"]["subject"] == FAIZ.subject


@pytest.mark.parametrize("answer", [CONFIRM, PROPOSE])
def test_nobody_answers_what_is_not_asked(answer):
    given(DECIDER, *IN_FORCE).when(answer).then_refused(NoConfirmation)
    given(DECIDER, *IN_FORCE, ASKED, SUPERSEDED).when(answer).then_refused(NoConfirmation)
    gone = replace(answer, superseded=True)
    given(DECIDER, *IN_FORCE, ASKED).when(gone).then_refused(NoConfirmation)


@pytest.mark.parametrize("answer", [CONFIRM, PROPOSE])
def test_another_agency_is_told_of_nothing_and_nobody_answers_about_themselves(answer):
    foreign = replace(answer, agency="JPA")
    given(DECIDER, *IN_FORCE, ASKED).when(foreign).then_refused(UnknownRequest)
    given(DECIDER).when(answer).then_refused(UnknownRequest)
    account = REQUEST.applicant.account
    own = Officer(subject=account.upper(), name="Diri", role="administrator")
    given(DECIDER, *IN_FORCE, ASKED).when(replace(answer, officer=own)).then_refused(OwnAccount)


def test_a_proposed_termination_says_why_with_the_evidence_in_both_languages():
    event = proposed(LEFT)
    assert (event.proposed_by, event.termination_id) == (FAIZ, NEXT)
    assert event.justification.startswith("Bersara.\n\n")
    for part in ("tidak aktif", "is not active", "2026-11-30", REQUEST.reference):
        assert part in event.justification
    assert "2026-12-30" in proposed().justification


def test_the_rule_proposes_as_an_officer_does():
    rule = replace(PROPOSE, officer=ITSELF)
    event = given(DECIDER, *IN_FORCE, ASKED).when(rule).then_one(TerminationProposed)
    assert event.proposed_by.role == "service"


def test_a_correction_under_way_neither_hinders_an_answer_nor_forgets_it():
    begun = (*CORRECTING, CorrectionStarted(request=REQUEST, plan=start().plan))
    given(DECIDER, *begun).when(CONFIRM).then(CONFIRMED)
    ends = (
        given(DECIDER, *begun, CONFIRMED).when(record()).then_one(Corrected),
        CorrectionFailed(request=REQUEST, target="ipms", reason="refused"),
    )
    for end in ends:
        given(DECIDER, *begun, CONFIRMED, end).when(PROPOSE).then_refused(Answered)
        state = DECIDER.fold([*begun, CONFIRMED, end])
        assert state.confirmation == Confirmation(ASKED, CONFIRMED)


@pytest.mark.parametrize(
    ("since", "every_months", "now", "is_"),
    [
        ("2026-01-31", 12, "2027-01-01", True),  # by the calendar's months
        ("2026-01-01", 12, "2026-12-31", False),
        (
            "2025-12-31T17:00",
            1,
            "2026-01-31T17:00",
            True,
        ),  # it is January, then February, in Malaysia
        ("2025-12-31T17:00", 1, "2026-01-31T15:00", False),
        ("2016-01-01", 0, "2026-01-01", False),  # no rule
    ],
)
def test_a_grant_is_due_so_many_months_after_it_came_into_force(since, every_months, now, is_):
    since, now = (datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (since, now))
    assert is_due(since, every_months, now) == is_


@pytest.mark.parametrize(
    ("answered", "every_months", "is_"),
    [(None, 0, True), ("2025-12-01", 0, True), ("2026-06-01", 0, False), ("2026-06-01", 6, True)],
)
def test_a_leaver_is_asked_about_once_and_again_by_the_rule_or_after_a_year(
    answered, every_months, is_
):
    at = datetime.fromisoformat(answered).replace(tzinfo=UTC) if answered else None
    assert is_leaver_due(at, every_months, datetime(2026, 12, 1, tzinfo=UTC)) == is_


@pytest.mark.parametrize(
    ("count", "of", "is_"), [(10, 10, False), (11, 10, True), (50, 1000, False), (51, 1000, True)]
)
def test_what_more_than_a_few_and_more_than_their_share_show_at_once_is_not_believed(
    count, of, is_
):
    assert are_too_many(count, of, most_percent=5) == is_
