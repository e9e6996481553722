"""What the views show of a configuration, and which work its events promise."""

import random
from datetime import timedelta

import pytest
from fixtures.memory_view_store import MemoryViewStore
from fixtures.procedure import approved, opened, rejected, returned, withdrawn
from fixtures.samples import APPLICANT, facts
from folds import checked, incoming
from orders import (
    DUE_AT,
    FAIZ,
    NOW,
    OPERATOR,
    REQUEST,
    SCREENSHOT,
    SITI,
    TASK,
    TERMINATION,
    awaiting,
    claimed,
    completed,
    configured,
    due,
    failed,
    retried,
    started,
    taken_over,
)

from bmt.chassis.http.sorting import SortedPage
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.work import WorkItem
from bmt.contracts.events import Retried
from services.provisioning import api, queries, tasks, views
from services.provisioning.queries import Turn, Turns
from services.provisioning.views import work_of


def heard(*history):
    """The events of one stream as the views hear them, one commit each."""
    return [incoming(event, position, NOW) for position, event in enumerate(history, 1)]


def projection(view):
    return ViewProjection(checked(view), MemoryViewStore())


async def shown(view, *history):
    filled = projection(view)
    await filled.apply(heard(*history))
    return filled


@pytest.mark.parametrize(
    ("history", "status", "waiting_for"),
    [
        ((due(),), "approved", "its turn"),
        ((due(), started()), "configuring", "its targets"),
        ((due(), started(), awaiting()), "awaiting_operator", f"an officer: task {TASK}"),
        ((due(), started(), awaiting(), completed()), "configuring", "its targets"),
        ((due(), failed()), "configuration_failed", "IPMS has no such account"),
        ((due(), failed(), retried()), "approved", "its turn"),
        ((due(), started(), configured()), "configured", ""),
    ],
)
async def test_every_status_has_a_reason(history, status, waiting_for):
    view = await shown(views.CONFIGURATIONS, *history)

    found = await view.get(due().request.request_id)

    assert (found.status, found.waiting_for) == (status, waiting_for)
    assert found.retryable == (status == "configuration_failed")


async def test_what_is_not_configured_in_time_is_overdue():
    for history, count in [((due(),), {"MAMPU": 1}), ((due(), started(), configured()), {})]:
        view = await shown(views.CONFIGURATIONS, *history)
        assert await queries.overdue(view, DUE_AT) == {}
        assert await queries.overdue(view, DUE_AT + timedelta(seconds=1)) == count


@pytest.mark.parametrize(("agency", "seen"), [("MAMPU", 1), ("JPA", 0), ("", 0), (None, 1)])
async def test_a_failure_is_listed_for_its_agency_until_somebody_retries(agency, seen):
    again = retried(reason="IPMS is mended.")
    history = (due(), failed(), again, failed(reason="IPMS refuses with 403"))
    view = await shown(views.CONFIGURATIONS, *history)

    for order in ("due_at", "name"):
        page = SortedPage(50, None, order, descending=False)
        found = await queries.failed(view, agency, page)
        assert len(found) == seen
    for one in map(api.failure, found):
        assert (one.target, one.reason) == ("ipms", "IPMS refuses with 403")
        assert (one.failures, one.failed_at, one.retryable) == (2, NOW, True)
        assert one.last_retry == Retried(by=OPERATOR, at=NOW, reason="IPMS is mended.")
    for quiet in [(due(),), (*history, again), (due(), started(), configured())]:
        view = await shown(views.CONFIGURATIONS, *quiet)
        assert (
            await queries.failed(view, agency, SortedPage(50, None, "due_at", descending=False))
            == []
        )


def order(milliseconds, account="ahmad.mampu@mygovuc.gov.my"):
    first = due(facts(applicant=APPLICANT.model_copy(update={"account": account})))
    at = first.decided_at + timedelta(milliseconds=milliseconds, microseconds=7)
    return first.model_copy(update={"decided_at": at})


async def test_a_request_waits_for_those_of_the_same_account_that_were_approved_before():
    first, second, other = order(0), order(1, "AHMAD.mampu@mygovuc.gov.my"), order(2, "someone")
    view = projection(views.CONFIGURATIONS)
    for each in (first, second, other):
        await view.apply(heard(each))

    waits = [await queries.must_wait(view, each) for each in (first, second, other)]

    assert waits == [False, True, False]
    await view.apply(heard(first, failed().model_copy(update={"request": first.request})))
    assert not await queries.must_wait(view, second)
    assert not await queries.overtaken(view, first)
    await view.apply(heard(second, started(second.request)))
    assert await queries.overtaken(view, first)
    assert not await queries.overtaken(view, second)


async def test_of_two_requests_that_were_approved_in_one_millisecond_one_is_first():
    one, other = sorted((order(0), order(0)), key=lambda each: each.request.request_id)
    view = projection(views.CONFIGURATIONS)
    for each in (other, one):
        await view.apply(heard(each))

    waits = [await queries.must_wait(view, each) for each in (one, other)]

    assert waits == [False, True]
    await view.apply(heard(other, started(other.request)))
    assert await queries.overtaken(view, one)
    assert not await queries.overtaken(view, other)


async def test_in_force_is_what_was_configured_last_in_whatever_order_it_is_heard():
    on = configured()
    off = configured(TERMINATION).model_copy(update={"configured_at": NOW + timedelta(days=1)})
    for first, second in ((on, off), (off, on)):
        view = projection(views.ENTITLEMENTS)
        await view.apply(heard(first))
        await view.apply(heard(second))

        found = await view.get(APPLICANT.account.casefold())

        assert found.kind == "termination"
        assert found.effective.ipms.bmt_enabled is False
        assert found.evidence == off.evidence


async def test_a_task_that_was_taken_over_names_both():
    history = (due(), started(), awaiting(), claimed(FAIZ), taken_over(SITI, FAIZ))
    found = await (await shown(views.TASKS, *history)).get(TASK)
    assert (found.claimed_by, found.taken_over_from, found.status) == (SITI, FAIZ, "open")

    done = completed(SITI, note="Selesai.")
    found = await (await shown(views.TASKS, *history, done)).get(TASK)
    assert (found.completed_by, found.evidence, found.note) == (SITI, (SCREENSHOT,), "Selesai.")


async def test_tasks_are_listed_due_first_by_what_is_to_be_done_with_them():
    view = projection(views.TASKS)
    for name, days, then in [("a", 2, ()), ("b", 0, (claimed,)), ("c", 1, (claimed, completed))]:
        request = facts()
        due_at = DUE_AT + timedelta(days=days)
        update = {"task_id": name, "request": request, "due_at": due_at}
        history = [awaiting(), *(happened() for happened in then)]
        await view.apply(heard(*(event.model_copy(update=update) for event in history)))
    older = awaiting().model_copy(update={"task_id": "d", "request": facts(), "due_at": None})
    await view.apply(heard(older))

    async def listed(status, after=None, order="due_at", *, descending=False):
        page = SortedPage(50, after, order, descending)
        return [one.task_id for one in await tasks.tasks_of(view, "MAMPU", status, page)]

    assert await listed(None) == ["d", "b", "c", "a"]
    assert await listed("open") == ["d", "b", "a"]
    assert await listed("claimed") == ["b"]
    assert await listed("done") == await listed("completed") == ["c"]
    assert await listed("open", (None, "d")) == ["b", "a"]
    assert await listed("open", (DUE_AT, "b")) == ["a"]
    assert await listed(None, order="kind") == ["a", "b", "c", "d"]
    assert await listed("open", order="name", descending=True) == ["d", "b", "a"]


@pytest.mark.parametrize(
    ("history", "status"),
    [
        ((opened,), "open"),
        ((opened, returned), "returned"),
        ((opened, returned, opened), "open"),
        ((opened, rejected), "rejected"),
        ((opened, withdrawn), "withdrawn"),
        ((withdrawn,), "withdrawn"),
        ((opened, approved), "open"),
    ],
)
async def test_a_review_is_open_until_it_ends_without_an_approval(history, status):
    view = await shown(views.REVIEWS, *(happened(REQUEST) for happened in history))

    found = await view.get(REQUEST.request_id)

    assert found.status == status
    assert found.asked.quota_bytes == REQUEST.quota_bytes
    assert APPLICANT.name not in found.model_dump_json()


def test_each_promise_is_work_of_its_own():
    history = (due(), started(), awaiting(), completed(), failed("storage"), retried())

    changes = [change for event in heard(*history) for change in work_of(event)]

    request_id = due().request.request_id
    assert changes == [
        WorkItem(f"{request_id}:1", "scim", request_id, NOW),
        WorkItem(f"{request_id}:4", "worklist", request_id, NOW),
        WorkItem(f"{request_id}:6", "scim", request_id, NOW),
    ]


@pytest.mark.parametrize("most_found", [2, 1_000])
async def test_turns_are_those_of_the_requests_one_by_one(most_found, monkeypatch):
    monkeypatch.setattr(queries, "MOST_FOUND", most_found)
    dice = random.Random(4)
    view = projection(views.CONFIGURATIONS)
    accounts = ("Ahmad@mampu.gov.my", "ahmad@mampu.gov.my", "siti@mampu.gov.my")
    orders = [order(dice.randrange(3), dice.choice(accounts)) for _ in range(12)]
    for each in orders:
        more = [started(each.request)] if dice.random() < 0.4 else []
        await view.apply(heard(each, *more))
    expected = [
        Turn(await queries.must_wait(view, each), await queries.overtaken(view, each))
        for each in orders
    ]
    looked = Turns(view)

    assert await looked.of(orders) == expected
    assert len(set(expected)) > 1
