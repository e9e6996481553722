"""Every bench runs and gives its figures; how large they are is nothing that a test could ask."""

import importlib
from contextlib import asynccontextmanager
from inspect import iscoroutinefunction

import pytest
from fixtures.thoroughness import only_long

from bench.__main__ import APART, NAMES
from bench.options import Options
from bench.system import running
from bench.table import markdown

pytestmark = [pytest.mark.bench, pytest.mark.integration]

SMALL = Options(requests=20, rounds=1, commits=60)
IN_TURN = ("procedures", "latency", "intake", "consumer", "rebuild", "growth", "ledger", "search")


@pytest.fixture(scope="module")
async def system():
    """One for all of them: most of a bench's time is its start."""
    async with running(accounts=1000) as bench:
        yield bench


@pytest.mark.parametrize("name", [*NAMES, *APART])
def test_every_bench_that_can_be_named_is_there(name):
    assert iscoroutinefunction(importlib.import_module(f"bench.{name}").run)


@only_long
@pytest.mark.parametrize("name", IN_TURN)
async def test_a_bench_gives_its_figures(name, system, monkeypatch):
    @asynccontextmanager
    async def at_hand(*_, **__):
        yield system

    bench = importlib.import_module(f"bench.{name}")
    monkeypatch.setattr(bench, "running", at_hand)

    figures = await bench.run(SMALL)

    assert figures
    assert all(each.rounds and each.value >= 0 for each in figures)
    assert markdown({}, figures).count(f"| {name}") == len(figures)
