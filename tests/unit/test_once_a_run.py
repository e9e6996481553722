"""What several processes of a run share is started once, and lives as long as any of them needs it."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from eventually import eventually
from fixtures.once_a_run import once_a_run


class Broker:
    """What is started, as its users see it."""

    def __init__(self):
        self.starts, self.runs = 0, False

    @asynccontextmanager
    async def start(self):
        self.starts += 1
        self.runs = True
        yield f"broker {self.starts}"
        self.runs = False


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def use(broker, tmp_path_factory, monkeypatch):
    """`use(until)`: a process that uses the broker until then; it has a lock of its own, as a process does."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    name = f"broker-{id(broker)}"

    async def use(seen, until):
        async with once_a_run(name, tmp_path_factory, broker.start) as text:
            seen.append((text, broker.runs))
            await until.wait()
            assert broker.runs

    return use


async def test_two_who_ask_at_once_share_what_the_first_starts(broker, use):
    seen, until = [], asyncio.Event()
    users = [asyncio.create_task(use(seen, until)) for _ in range(2)]
    await eventually(lambda: len(seen) == 2)
    until.set()
    await asyncio.gather(*users)

    assert seen == [("broker 1", True)] * 2
    assert (broker.starts, broker.runs) == (1, False)


async def test_whoever_started_it_ends_it_after_the_last_who_uses_it(broker, use):
    seen, first, second = [], asyncio.Event(), asyncio.Event()
    starter = asyncio.create_task(use(seen, first))
    await eventually(lambda: len(seen) == 1)
    other = asyncio.create_task(use(seen, second))
    await eventually(lambda: len(seen) == 2)

    first.set()
    await asyncio.wait([starter], timeout=0.2)
    assert broker.runs

    second.set()
    await asyncio.gather(starter, other)
    assert not broker.runs


async def test_whoever_asks_after_its_end_starts_it_anew(broker, use):
    seen, until = [], asyncio.Event()
    until.set()
    await use(seen, until)
    await use(seen, until)

    assert seen == [("broker 1", True), ("broker 2", True)]


async def test_a_run_of_one_process_needs_no_file(broker, tmp_path_factory, monkeypatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    name = f"alone-{id(broker)}"

    async with once_a_run(name, tmp_path_factory, broker.start) as text:
        assert text == "broker 1"

    assert not (tmp_path_factory.getbasetemp().parent / name).exists()
