"""What administrators read: the fold from approval's own events."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fixtures.memory_view_store import MemoryViewStore
from fixtures.samples import received
from folds import checked, folded, incoming
from reviews import (
    FAIZ,
    NOW,
    REQUEST,
    SITI,
    approved,
    endorsed,
    opened,
    papers,
    rejected,
    returned,
    withdrawn,
)

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http import bodies
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.bodies import ChangeSignal
from bmt.chassis.readmodels.views import ViewProjection
from bmt.contracts.events import Granted
from bmt.contracts.http.approval import (
    DecisionInFull,
    Levels,
    RequestUnderReview,
    Step,
    WorklistChanged,
)
from bmt.contracts.values import Submitter
from services.approval import views
from services.approval.domain.events import BulkAnswered
from services.approval.views import REVIEWS, withheld

OPENED_AT = datetime(2025, 11, 24, 2, tzinfo=UTC)

PAPERS = papers(received(REQUEST))


def heard(event: Any, sequence: int = 1) -> IncomingEvent[Any]:
    return incoming(event, sequence, OPENED_AT)


def after(*events: Any) -> RequestUnderReview | None:
    return folded(REVIEWS, [heard(event, n) for n, event in enumerate(events, start=1)])


def test_an_approval_shows_who_when_what_and_why():
    event = approved(
        reason="Projek khas",
        exception_reason="Bertukar minggu depan",
        on_behalf_of="Pengarah ICT",
        approved=Granted(quota_bytes=1, max_file_size_bytes=2),
    )
    review = after(opened(), event)
    assert review.status == "approved"
    assert review.decision == DecisionInFull(
        decision="approve",
        decided_by=SITI,
        decided_at=NOW,
        reason="Projek khas",
        version=2,
        approved=event.approved,
        exception_reason="Bertukar minggu depan",
        on_behalf_of="Pengarah ICT",
    )
    assert review.history[1:] == (
        Step(step="approved", at=NOW, by=SITI.subject, by_name=SITI.name, detail="Projek khas"),
    )


@pytest.mark.parametrize(
    ("event", "status", "decision", "by"),
    [
        pytest.param(rejected(), "rejected", "reject", SITI.subject, id="rejected"),
        pytest.param(returned(), "returned", "return", SITI.subject, id="returned"),
        pytest.param(withdrawn(), "withdrawn", None, REQUEST.applicant.account, id="withdrawn"),
    ],
)
def test_any_other_end_shows_by_whom_and_why(event, status, decision, by):
    review = after(opened(), event)
    assert review.status == status
    assert (review.decision and review.decision.decision) == decision
    assert (review.history[1].by, review.history[1].detail) == (by, event.reason)


def test_a_bulk_call_is_no_request():
    assert REVIEWS.key(heard(BulkAnswered(results=()))) is None


def test_a_correction_shows_the_new_facts_and_papers_and_keeps_the_history():
    corrected = REQUEST.model_copy(update={"quota_bytes": 5})
    new_papers = papers(received(corrected, justification="Lebih jelas.", documents=()))
    review = after(opened(), PAPERS, returned(), opened(corrected, ("not_serving",)), new_papers)
    assert (review.status, review.decision, review.quota_bytes) == ("received", None, 5)
    assert (review.justification, review.documents) == ("Lebih jelas.", ())
    assert review.warnings == ("not_serving",)
    assert [step.step for step in review.history] == ["received", "returned", "received"]


def test_a_correction_shows_by_whom_why_and_what_differs():
    named = REQUEST.applicant.model_copy(update={"name": "Siti binti Ahmad"})
    corrected = REQUEST.model_copy(update={"quota_bytes": 5, "applicant": named})
    told = {
        "corrected_by": Submitter(subject=FAIZ.subject, role="administrator"),
        "correction_reason": "Salah taip.",
        "while_open": True,
    }
    incoming = received(corrected, justification="Lebih jelas.")
    review = after(opened(), PAPERS, opened(corrected), papers(incoming).model_copy(update=told))
    assert not review.history[0].changes
    step = review.history[1]
    assert (step.by, step.detail, step.corrected) == (FAIZ.subject, "Salah taip.", True)
    assert [(one.field, one.before, one.after) for one in step.changes] == [
        ("name", REQUEST.applicant.name, "Siti binti Ahmad"),
        ("quota_bytes", REQUEST.quota_bytes, 5),
        ("justification", PAPERS.justification, "Lebih jelas."),
    ]
    assert review.submitted_by == PAPERS.submitted_by


def test_an_approval_that_is_not_the_last_is_shown_with_how_many_are_needed():
    two = papers(received(REQUEST), levels=2)
    assert after(opened(), two).levels == Levels(given=0, needed=2)
    half = after(opened(), two, endorsed())
    assert (half.status, half.decision) == ("received", None)
    assert (half.levels, half.endorsements) == (
        Levels(given=1, needed=2),
        (endorsed().endorsement,),
    )
    assert half.history[-1] == Step(
        step="received",
        at=NOW,
        by=SITI.subject,
        by_name=SITI.name,
        detail=None,
        levels=half.levels,
    )
    done = after(opened(), two, endorsed(), approved())
    assert done.levels == Levels(given=2, needed=2)
    again = after(opened(), two, endorsed(), returned(), opened(), two)
    assert (again.levels, again.endorsements) == (Levels(given=0, needed=2), ())
    assert half.history == again.history[:2]


def test_where_one_approval_is_enough_nothing_is_said_of_levels():
    shown = after(opened(), PAPERS, approved()).model_dump()
    assert not {"levels", "endorsements"} & set(shown)
    assert all("levels" not in step for step in shown["history"])


def officer(subject):
    return Principal(subject, "", "", "MAMPU", frozenset({"administrator"}))


@pytest.mark.parametrize(
    ("subject", "reason", "where_registrars_may"),
    [
        (REQUEST.applicant.account.upper(), "own_request", "own_request"),
        (SITI.subject, "approved_before", "approved_before"),
        ("Kaunter@mampu.gov.my", "registrar", None),
        (FAIZ.subject, None, None),
    ],
)
def test_who_may_not_approve_is_known_by_the_reason(subject, reason, where_registrars_may):
    counter = Submitter(subject="kaunter@mampu.gov.my", role="administrator")
    handed_in = PAPERS.model_copy(update={"submitted_by": counter, "approval_levels": 2})
    given = endorsed()
    review = after(opened(), handed_in, given)
    assert withheld(review, officer(subject), registrar_may_approve=False) == reason
    assert withheld(review, officer(subject), registrar_may_approve=True) == where_registrars_may


def test_after_a_correction_approvals_start_again_and_who_corrected_it_is_kept():
    counter = Submitter(subject="kaunter@mampu.gov.my", role="administrator")
    given = endorsed()
    corrected = PAPERS.model_copy(update={"corrected_by": counter, "correction_reason": "Nama."})
    applicant = REQUEST.applicant.model_copy(update={"name": "Ahmad bin Dawood"})
    request = REQUEST.model_copy(update={"applicant": applicant})
    review = after(opened(), PAPERS, given, opened(request), corrected)
    assert withheld(review, officer(SITI.subject), registrar_may_approve=False) is None
    assert withheld(review, officer(counter.subject), registrar_may_approve=False) == "registrar"
    assert {"daud", "dawood"} <= set(review.words)


BEFORE = OPENED_AT - timedelta(seconds=1)


@pytest.fixture
async def reviews():
    reviews = ViewProjection(checked(REVIEWS), MemoryViewStore())
    await reviews.apply(
        [heard(opened(warnings=("not_serving",))), heard(papers(received(REQUEST)), 2)]
    )
    return reviews


@pytest.fixture
def look(reviews):
    """`look(since)`: finds how many requests changed."""

    def look(since):
        async def found():
            count = await views.changes(reviews, "MAMPU", since)
            return WorklistChanged(count=count) if count else None

        return found

    return look


async def first(stream):
    """The first change that a stream tells."""
    async for event in stream:
        if event.event == "changed":
            return event.data
    return None


async def test_what_this_process_does_is_told_at_once(reviews, look, monkeypatch):
    monkeypatch.setattr(bodies, "LOOKS_EVERY_SECONDS", 60)
    change_signal = ChangeSignal()
    told = asyncio.create_task(
        first(bodies.live_changes(look(OPENED_AT + timedelta(seconds=1)), change_signal))
    )
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    decided = heard(rejected(), 3)
    await reviews.apply([decided])
    await change_signal.apply([decided])
    assert await asyncio.wait_for(told, 5) == WorklistChanged(count=1)


async def test_what_another_process_did_is_seen_when_it_is_looked_for_again(
    reviews, look, monkeypatch
):
    monkeypatch.setattr(bodies, "LOOKS_EVERY_SECONDS", 0.01)
    told = asyncio.create_task(
        first(bodies.live_changes(look(OPENED_AT + timedelta(seconds=1)), ChangeSignal()))
    )
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    await reviews.apply([heard(rejected(), 3)])
    assert await asyncio.wait_for(told, 5) == WorklistChanged(count=1)


async def test_a_stream_ends_by_itself_and_says_when_to_come_again(look):
    events = [event async for event in bodies.live_changes(look(BEFORE), ChangeSignal(), 0)]
    assert [(event.comment, event.retry) for event in events] == [("open", 500)]


async def test_what_is_as_it_was_is_not_told_again(look, monkeypatch):
    monkeypatch.setattr(bodies, "LOOKS_EVERY_SECONDS", 0.01)
    events = [event async for event in bodies.live_changes(look(BEFORE), ChangeSignal(), 0.1)]
    assert [event.event for event in events] == [None, "changed"]
