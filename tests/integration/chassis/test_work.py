"""Leased work: performed, put off, and found again after a crash."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from types import SimpleNamespace

import pytest
from eventually import eventually

from bmt.chassis.errors import StoreUnavailable, Unavailable
from bmt.chassis.runtime.clock import now
from bmt.chassis.work import (
    Done,
    Later,
    Postpone,
    Remove,
    Worker,
    WorkItem,
    WorkProjection,
    WorkQueue,
    each,
    together,
)

pytestmark = pytest.mark.integration


@pytest.fixture
async def queue(database) -> WorkQueue:
    queue = WorkQueue(database["work"])
    await queue.prepare()
    return queue


def item(id_: str, target: str = "post") -> WorkItem:
    return WorkItem(id_, target, subject=id_, due_at=now())


@asynccontextmanager
async def working(queue, perform, **options):
    """A worker at work; `perform` is of one item."""
    async with working_on_lists(
        queue, each(perform, options.pop("at_once", 500)), **options
    ) as one:
        yield one


@asynccontextmanager
async def waiting(queue, perform, monkeypatch, **options):
    """A worker that has looked once and looks no more unless it is woken: what comes now is handed to it."""
    looked = asyncio.Event()
    take = queue.take

    async def take_and_tell(*args):
        taken = await take(*args)
        looked.set()
        return taken

    monkeypatch.setattr(queue, "take", take_and_tell)
    monkeypatch.setattr("bmt.chassis.work.SWEEP_EVERY_SECONDS", 600)
    async with working(queue, perform, **options) as worker:
        await looked.wait()
        yield worker


@asynccontextmanager
async def working_on_lists(queue, perform, **options):
    worker = Worker(target="post", queue=queue, perform=perform, clock=now, **options)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


PROMISE = SimpleNamespace(unmarked=False, topic="")
"""An event that promises work, and that the outbox holds."""


async def is_empty(queue) -> None:
    assert not await queue.list(10)


async def test_work_is_held_by_one_until_its_lease_runs_out(queue):
    await queue.change([item("a")])
    lease = timedelta(seconds=60)
    (taken,) = await queue.take("post", now(), lease)
    assert (taken.id, taken.attempts) == ("a", 1)
    assert not await queue.take("post", now(), lease)
    assert not await queue.take("other", now() + 2 * lease, lease)
    (again,) = await queue.take("post", now() + 2 * lease, lease)
    assert again.attempts == 2


async def test_putting_the_same_work_in_twice_changes_nothing(queue):
    await queue.change([item("a")])
    await queue.change([Postpone("a", now() + timedelta(hours=1), "the post office is closed")])
    await queue.change([item("a")])
    (waiting,) = await queue.list(10)
    assert waiting.waiting_for == "the post office is closed"
    await queue.change([Remove("a"), Remove("unknown")])
    await is_empty(queue)


async def test_changes_to_the_same_work_are_taken_in_their_order(queue):
    assert list(await queue.change([item("a"), item("b"), Remove("a"), item("c")])) == [
        "a",
        "b",
        "c",
    ]
    assert sorted(one.id for one in await queue.list(10)) == ["b", "c"]
    assert list(await queue.change([Remove("b"), item("b"), item("c")])) == ["b"]
    assert sorted(one.id for one in await queue.list(10)) == ["b", "c"]


async def test_what_waits_is_found_by_its_id(queue):
    await queue.change([item("a"), item("b"), item("c")])
    found = await queue.find(["a", "c", "unknown"])
    assert sorted(one.id for one in found) == ["a", "c"]


async def test_a_worker_performs_all_with_bounded_concurrency(queue):
    at_once, most, done = 0, 0, []

    async def perform(work):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)  # no time: others have their turn of the loop
        at_once -= 1
        done.append(work.id)
        return Done()

    await queue.change([item(str(n)) for n in range(20)])
    async with working(queue, perform, at_once=3):
        await eventually(lambda: is_empty(queue))
    assert sorted(done) == sorted(str(n) for n in range(20))
    assert most <= 3


async def test_a_wake_is_not_lost(queue):
    done = []

    async def perform(work):
        done.append(work.id)
        return Done()

    async with working(queue, perform) as worker:
        for n in range(10):
            await queue.change([item(str(n))])
            worker.wake()
            await eventually(lambda n=n: len(done) == n + 1, 2)


async def test_what_fails_is_tried_again_with_its_reason_shown(queue):
    tries = []

    async def perform(work):
        tries.append(work.attempts)
        if len(tries) == 1:
            raise Unavailable("the post office")
        if len(tries) == 2:
            raise ValueError("a fault")
        if len(tries) == 3:
            return Later(3600, "a person must look")
        return Done()

    await queue.change([item("a")])
    async with working(queue, perform) as worker:

        async def looked_at() -> None:
            worker.wake()
            (waiting,) = await queue.list(10)
            assert waiting.waiting_for == "a person must look"

        await eventually(looked_at, 15)
    assert tries == [1, 2, 3]


async def test_what_hangs_is_given_up_and_tried_again(queue, monkeypatch):
    monkeypatch.setattr("bmt.chassis.work.AT_MOST_SECONDS", 0.05)
    tries = []

    async def perform(work):
        tries.append(work.attempts)
        await asyncio.Event().wait()
        return Done()

    await queue.change([item("a")])
    async with working(queue, perform) as worker:

        async def put_off() -> None:
            (waiting,) = await queue.list(10)
            assert waiting.waiting_for == "not finished in time"

        await eventually(put_off)
        worker.wake()
        await eventually(lambda: len(tries) > 1)


async def test_what_waits_is_performed_as_one_list_and_written_as_one(queue, monkeypatch):
    lists, writes = [], []
    change = WorkQueue.change

    async def counted(self, changes):
        writes.append(Counter(type(one).__name__ for one in changes))
        return await change(self, changes)

    async def perform(items, settle):
        lists.append(len(items))
        for place, work in enumerate(items):
            settle(work, Later(3600, "it rains") if place % 2 else Done())

    await queue.change([item(str(n)) for n in range(100)])
    monkeypatch.setattr(WorkQueue, "change", counted)
    async with working_on_lists(queue, together(perform)):

        async def put_off() -> None:
            waiting = await queue.list(100)
            assert [work.waiting_for for work in waiting] == ["it rains"] * 50
            assert not any(work.held for work in waiting)

        await eventually(put_off)
    assert lists == [100]
    assert writes == [Counter(Remove=50), Counter(Postpone=50)]


async def test_an_item_that_takes_long_holds_up_neither_the_outcomes_nor_the_lists_of_others(queue):
    finish = asyncio.Event()

    async def perform(items, settle):
        for work in sorted(items, key=lambda work: work.id == "slow"):
            if work.id == "slow":
                await finish.wait()
            settle(work, Done())

    await queue.change([item("slow"), item("a")])
    async with working_on_lists(queue, together(perform)) as worker:

        async def only_the_slow_one() -> None:
            assert [work.id for work in await queue.list(10)] == ["slow"]

        await eventually(only_the_slow_one)
        await queue.change([item("b")])
        worker.wake()
        await eventually(only_the_slow_one)
        finish.set()
        await eventually(lambda: is_empty(queue))


async def test_a_list_that_fails_is_tried_item_by_item(queue):
    done = []

    async def perform(items, settle):
        if any(work.id == "bad" for work in items):
            raise ValueError("a fault")
        for work in items:
            done.append(work.id)
            settle(work, Done())

    await queue.change([item("a"), item("bad"), item("b")])
    async with working_on_lists(queue, together(perform)):

        async def only_the_bad_one() -> None:
            waiting = await queue.list(10)
            assert [(work.id, work.waiting_for) for work in waiting] == [("bad", "ValueError")]

        await eventually(only_the_bad_one)
    assert sorted(done) == ["a", "b"]


async def test_a_list_of_which_nothing_comes_is_given_up(queue, monkeypatch):
    monkeypatch.setattr("bmt.chassis.work.AT_MOST_SECONDS", 0.05)

    async def perform(items, settle):
        for work in items:
            if work.id == "forgotten":
                continue
            settle(work, Done())
        await asyncio.Event().wait()

    await queue.change([item("a"), item("forgotten")])
    async with working_on_lists(queue, together(perform)):

        async def put_off() -> None:
            waiting = [work.waiting_for for work in await queue.list(10)]
            assert waiting == ["not finished in time"]

        await eventually(put_off)


async def test_a_lease_is_renewed_for_as_long_as_the_work_takes(queue):
    begun, finish = asyncio.Event(), asyncio.Event()
    times = []

    async def perform(work):
        times.append(work.attempts)
        begun.set()
        await finish.wait()
        return Done()

    lease = timedelta(seconds=0.3)
    await queue.change([item("a")])
    async with working(queue, perform, lease=lease):
        await begun.wait()
        taken_at = now()

        async def held_beyond_its_first_lease() -> None:
            (held,) = await queue.list(10)
            assert held.due_at > taken_at + 3 * lease

        await eventually(held_beyond_its_first_lease)
        assert times == [1]
        finish.set()
        await eventually(lambda: is_empty(queue))


def promised(queue, worker, *ids):
    """The projection of one event that promises work with these ids, and the event."""
    return WorkProjection(queue, lambda _: [item(id_) for id_ in ids], [worker]), [PROMISE]


async def test_what_was_performed_while_the_queue_was_away_is_not_performed_again(
    queue, monkeypatch
):
    done, refused, change = [], [], queue.change
    back = asyncio.Event()

    async def perform(work):
        done.append(work.id)
        return Done()

    async def away(changes):
        if not back.is_set():
            refused.append(changes)
            raise StoreUnavailable
        return await change(changes)

    await queue.change([item("a")])
    monkeypatch.setattr(queue, "change", away)
    async with working(queue, perform, lease=timedelta(seconds=0.2)):
        await eventually(lambda: len(refused) > 1)
        back.set()
        await eventually(lambda: is_empty(queue))
    assert done == ["a"]


async def test_a_stop_waits_for_the_answer_to_what_is_performed_and_records_it(queue):
    asked, answer = asyncio.Event(), asyncio.Event()

    async def perform(work):
        asked.set()
        await answer.wait()
        return Done()

    await queue.change([item("a")])
    async with working(queue, perform):
        await asked.wait()
        asyncio.get_running_loop().call_later(0.1, answer.set)
    await is_empty(queue)


async def test_new_work_goes_to_the_worker_held_and_is_performed_without_being_looked_for(
    queue, monkeypatch
):
    begun, finish = asyncio.Event(), asyncio.Event()

    async def perform(work):
        begun.set()
        await finish.wait()
        return Done()

    async with waiting(queue, perform, monkeypatch) as worker:
        projection, event = promised(queue, worker, "a")
        await projection.apply(event)
        await begun.wait()
        (held,) = await queue.list(10)
        assert (held.held, held.attempts) == (True, 1)
        assert not await queue.take("post", now(), timedelta(seconds=6))
        finish.set()
        await eventually(lambda: is_empty(queue))


async def test_work_that_ends_at_once_is_given_to_no_worker(queue, monkeypatch):
    performed = []

    async def perform(work):
        performed.append(work.id)
        return Done()

    async with waiting(queue, perform, monkeypatch) as worker:
        changes = [item("a"), item("b"), Remove("a"), Remove("c"), item("c")]
        await WorkProjection(queue, lambda _: changes, [worker]).apply([PROMISE])
        await eventually(lambda: is_empty(queue))
        assert performed == ["b", "c"]


async def test_work_that_is_promised_again_is_not_performed_twice_at_a_time(queue, monkeypatch):
    finish = asyncio.Event()
    performed = []

    async def perform(work):
        performed.append(work.id)
        await finish.wait()
        return Done()

    async with waiting(queue, perform, monkeypatch) as worker:
        projection, event = promised(queue, worker, "a", "b")
        await projection.apply(event)
        await projection.apply(event)
        await eventually(lambda: len(performed) == 2)
        finish.set()
        await eventually(lambda: is_empty(queue))
    assert sorted(performed) == ["a", "b"]


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("waves", [("abc",), ("a", "b", "c")], ids=["one wave", "one by one"])
async def test_what_no_hand_is_free_for_waits_in_the_queue(queue, monkeypatch, waves, most):
    finish = asyncio.Event()
    performed = []

    async def perform(work):
        performed.append(work.id)
        await finish.wait()
        return Done()

    async with waiting(queue, perform, monkeypatch, most=most) as worker:
        for ids in waves:
            projection, event = promised(queue, worker, *ids)
            await projection.apply(event)
        assert [work.held for work in await queue.list(10)].count(False) == 3 - most
        finish.set()
        await eventually(lambda: is_empty(queue))
    assert sorted(performed) == ["a", "b", "c"]


async def test_while_spans_are_on_work_stays_in_the_trace_that_promised_it(
    queue, monkeypatch, switched_on
):
    spans = switched_on()
    promised_by = f"00-{'a' * 32}-{'b' * 16}-01"
    given = []

    async def perform(work):
        given.append(work.traceparent)
        return Done() if len(given) > 1 else Later(0, "closed")

    event = SimpleNamespace(**vars(PROMISE), envelope=SimpleNamespace(traceparent=promised_by))
    async with waiting(queue, perform, monkeypatch) as worker:
        await WorkProjection(queue, lambda _: [item("a")], [worker]).apply([event])
        await eventually(lambda: is_empty(queue))
    first, second = spans()
    assert [traceparent[36:52] for traceparent in given] == [
        f"{span.get_span_context().span_id:016x}" for span in (first, second)
    ]
    assert {f"{span.parent.trace_id:032x}" for span in (first, second)} == {"a" * 32}
    assert {f"{span.parent.span_id:016x}" for span in (first, second)} == {"b" * 16}
    assert [span.attributes["bmt.outcome"] for span in (first, second)] == ["later", "done"]
    assert [span.attributes["bmt.work.attempts"] for span in (first, second)] == [1, 2]


@pytest.mark.parametrize(
    ("promise", "durable"),
    [
        (PROMISE, False),
        (SimpleNamespace(unmarked=True, topic=""), True),
        (SimpleNamespace(unmarked=False, topic="bmt.requests.v1"), True),
    ],
)
async def test_work_that_no_outbox_would_promise_again_survives_any_crash(
    queue, monkeypatch, promise, durable
):
    asked = []
    change = queue.change

    async def noted(changes, **options):
        asked.append(options["durable"])
        return await change(changes, **options)

    monkeypatch.setattr(queue, "change", noted)
    await WorkProjection(queue, lambda _: [item("a")], []).apply([promise])
    assert asked == [durable]
    assert len(await queue.list(10)) == 1
