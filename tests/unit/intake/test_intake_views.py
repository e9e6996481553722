"""Where a request stands: the same, in whatever order the topics bring its events."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
from fixtures import procedure
from fixtures.memory_view_store import MemoryViewStore
from folds import checked
from starlette.routing import Match
from submissions import (
    ADMINISTRATOR,
    AGENCIES,
    ID,
    MESSAGE,
    NOON,
    SCAN,
    facts,
    received,
    waiting,
)

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.readmodels.views import ViewProjection
from bmt.contracts import topics
from bmt.contracts.envelope import Envelope
from bmt.contracts.events import Endorsement, Filed, Granted, WithdrawalRequested
from bmt.contracts.values import Officer
from services.intake.domain.events import Bounce, InboxItemDismissed, ScanOrigin
from services.intake.integrators import router
from services.intake.status import due_at, request_status
from services.intake.views import HOLDERS, INBOX, REQUESTS, RequestDocument, StepTaken

WRITERS = {event: topics.WRITERS[topic] for topic, said in topics.EVENTS.items() for event in said}


def incoming(event, position: int, seconds: float) -> IncomingEvent:
    """An event of intake's own stream, or of another service's topic."""
    writer = WRITERS.get(type(event), "intake")
    envelope = Envelope(
        id=f"{writer}-{position}",
        source=f"/bmt/{writer}",
        type=event.TYPE,
        subject=ID,
        time=NOON + timedelta(seconds=seconds),
        data={},
    )
    origin = f"request-{ID}" if writer == "intake" else f"/bmt/{writer}/{ID}"
    return IncomingEvent(envelope, event, position, origin)


FIRST = Endorsement(
    level=1,
    endorsed_by=Officer(subject="hamid", name="Hamid", role="administrator"),
    endorsed_at=NOON,
    approved=Granted(quota_bytes=5, max_file_size_bytes=4),
)
OPENED = procedure.opened(facts())
APPROVED = procedure.approved(facts(), endorsements=(FIRST,))
RETURNED = procedure.returned(facts())
STARTED = procedure.started(facts())
CONFIGURED = procedure.configured(
    facts(),
    configured_by=Officer(subject="provisioning", name="provisioning", role="service"),
)
FILED = Filed(request=facts(), file_number="MAMPU/1", volume=1, folios=9, filed_at=NOON)

DISMISSED = InboxItemDismissed(
    agency="MAMPU", reason="spam", dismissed_by=ADMINISTRATOR.submitter, dismissed_at=NOON
)

WHOLE = [
    (received(), 1, 0),
    (OPENED, 1, 1),
    (procedure.prepared(facts(), "acknowledgement"), 1, 1),
    (procedure.notified(facts(), "acknowledgement"), 2, 2),
    (APPROVED, 2, 3),
    (STARTED, 1, 4),
    (CONFIGURED, 2, 5),
    (procedure.prepared(facts(), "configured"), 3, 6),
    (procedure.notified(facts(), "configured"), 4, 7),
    (FILED, 1, 8),
]


async def told(*events):
    view = ViewProjection(checked(REQUESTS), MemoryViewStore())
    for event in events:
        await view.apply([event])
    return await view.get(ID)


class TestRequests:
    async def test_the_whole_procedure_is_told_in_its_order(self):
        document = await told(*(incoming(*each) for each in WHOLE))
        status = request_status(document, ())
        assert status.status == "filed"
        assert [(step.step, step.by, step.detail) for step in status.steps] == [
            ("received", ADMINISTRATOR.subject, "memo"),
            ("review_opened", "approval", "due 2025-11-27"),
            ("notification_prepared", "notification", "acknowledgement by email"),
            ("acknowledged", "notification", "acknowledgement by email"),
            ("approved", "Aminah", "quota 10000000000 bytes, largest file 2000000000 bytes"),
            ("configuring", "provisioning", "ipms"),
            ("configured", "provisioning", "quota 10000000000 bytes"),
            ("notification_prepared", "notification", "configured by email"),
            ("notified", "notification", "configured by email"),
            ("filed", "records", "MAMPU/1, 9 folios"),
        ]
        assert document.decision.decision == "approve"
        assert document.decision.version == 2
        assert [one.by.name for one in status.approvals_before] == ["Hamid"]
        assert document.open_for is None

    async def test_whatever_order_the_topics_bring_it_says_the_same(self):
        expected = await told(*(incoming(*each) for each in WHOLE))
        rng = random.Random(7)
        by_writer = {}
        for each in WHOLE:
            by_writer.setdefault(WRITERS[type(each[0])], []).append(incoming(*each))
        for _ in range(50):
            queues = [list(queue) for queue in by_writer.values()]
            mixed = []
            while any(queues):
                mixed.append(rng.choice([queue for queue in queues if queue]).pop(0))
            assert await told(*mixed) == expected

    async def test_events_of_one_moment_stand_in_the_procedures_order(self):
        events = [incoming(event, 1, 0) for event in (received(), APPROVED, CONFIGURED, FILED)]
        for order in itertools.permutations(events):
            document = await told(*order)
            steps = [step.step for step in document.steps]
            assert steps == ["received", "approved", "configured", "filed"]

    @pytest.mark.parametrize(
        ("events", "status", "is_open"),
        [
            ([received()], "received", True),
            ([received(), OPENED], "received", True),
            ([received(), RETURNED], "returned", True),
            ([received(), APPROVED], "approved", True),
            ([received(), APPROVED, STARTED], "configuring", True),
            ([received(), APPROVED, CONFIGURED], "configured", False),
            ([received(), procedure.rejected(facts())], "rejected", False),
        ],
    )
    async def test_where_it_stands_and_whether_it_is_open(self, events, status, is_open):
        document = await told(*(incoming(event, 1, n) for n, event in enumerate(events)))
        assert document.status == status
        expected = "MAMPU/siti.mampu@mygovuc.gov.my" if is_open else None
        assert document.open_for == expected

    async def test_a_correction_is_received_again_and_its_facts_count(self):
        applicant = facts().applicant.model_copy(update={"name": "Siti Baharu"})
        again = received(applicant=applicant).model_copy(update={"warnings": ("not_serving",)})
        events = [incoming(received(), 1, 0), incoming(RETURNED, 2, 1), incoming(again, 2, 2)]
        for document in (await told(*events), await told(events[0], events[2], events[1])):
            assert document.status == "received"
            assert document.facts.applicant.name == "Siti Baharu"
            assert document.warnings == ("not_serving",)
            assert [step.step for step in document.steps] == ["received", "returned", "received"]

    async def test_a_withdrawal_shows_who_asked_and_when_it_was_granted(self):
        withdrawn = procedure.withdrawn(facts())
        asked = WithdrawalRequested(**dict(withdrawn))
        document = await told(
            incoming(received(), 1, 0), incoming(asked, 2, 1), incoming(withdrawn, 2, 2)
        )
        assert document.status == "withdrawn"
        assert [(step.step, step.by, step.detail) for step in document.steps[1:]] == [
            (step, facts().applicant.account, withdrawn.reason)
            for step in ("withdrawal_requested", "withdrawn")
        ]


@pytest.mark.parametrize(
    ("first", "then", "status", "reason"),
    [
        ({}, [], "waiting", None),
        ({}, [received(), received()], "registered", None),
        ({}, [DISMISSED], "dismissed", "spam"),
        ({"set_aside": "A machine sent it."}, [], "set_aside", "A machine sent it."),
        ({"set_aside": "A machine sent it."}, [received()], "registered", None),
        ({"bounce": Bounce(message_id="<1@bmt.my>", request_id=ID)}, [], "waiting", None),
    ],
    ids=["waits", "registered once", "dismissed", "set aside", "and registered", "bounce"],
)
async def test_an_item_of_the_inbox_stays_whatever_becomes_of_it(first, then, status, reason):
    view = ViewProjection(checked(INBOX), MemoryViewStore())
    for position, event in enumerate([waiting().model_copy(update=first), *then], start=1):
        await view.apply([incoming(event, position, position)])
    item = await view.get(ID)
    assert (item.status, item.reason) == (status, reason)
    if status == "registered":
        assert item.settled_at == NOON + timedelta(seconds=2)


def test_a_request_that_never_waited_is_no_item_of_the_inbox():
    assert INBOX.key(incoming(received(), 1, 0)) is None


async def test_a_scan_of_many_papers_is_no_applicants_where_one_of_them_is():
    """Officers read it in the inbox still; it holds what others wrote."""
    paper = waiting(scan=ScanOrigin(batch=SCAN, pages=(2,)))
    request = received().model_copy(update={"documents": (MESSAGE,)})
    both = {MESSAGE.document_id, SCAN.document_id}
    view = ViewProjection(checked(HOLDERS), MemoryViewStore())
    await view.apply([incoming(paper, 1, 0)])
    waits = await view.get(ID)
    assert (set(waits.document_ids), waits.account, waits.account_document_ids) == (both, None, ())
    await view.apply([incoming(request, 2, 1)])
    registered = await view.get(ID)
    assert set(registered.document_ids) == both
    assert registered.account_document_ids == (MESSAGE.document_id,)


@pytest.mark.parametrize("id_", ["1", "a/b", "a/", "/", "hr 1", "line\nend", "end\n", "\x00"])
def test_the_path_of_a_submission_holds_its_whole_id(id_):
    *_, one = router.routes
    scope = {"type": "http", "method": "GET", "path": f"/v1/submissions/{id_}"}
    match, found = one.matches(scope)
    assert match is Match.FULL
    assert found["path_params"] == {"submission_id": id_}


STEPS = {"received": 2, "review_opened": 2, "approved": 3, "configured": 4}
"""The days of November 2026, a Monday and the two after it, each at nine in the morning in Malaysia."""


def known(status, steps=STEPS, agency="MAMPU"):
    about = {"by": "", "detail": "", "rank": 0, "position": 0}
    taken = tuple(
        StepTaken(step=step, at=datetime(2026, 11, day, 1, tzinfo=UTC), **about)
        for step, day in steps.items()
    )
    return RequestDocument.model_construct(status=status, steps=taken, agency=agency)


@pytest.mark.parametrize(
    ("status", "day"),
    [
        ("received", 5),
        ("returned", None),
        ("approved", 4),
        ("configuring", 4),
        ("configuration_failed", 4),
        ("configured", 5),
        ("notified", None),
        ("filed", None),
    ],
)
def test_each_status_has_the_promise_of_its_next_step(status, day):
    expected = datetime(2026, 11, day, 9, tzinfo=UTC) if day else None
    assert due_at(known(status), AGENCIES) == expected


def test_nothing_is_promised_by_an_unknown_agency_or_before_the_step_is_known():
    assert due_at(known("received", agency="NONE"), AGENCIES) is None
    assert due_at(known("approved", {"received": 2}), AGENCIES) is None
