"""A crowd is served as far as it can be, and the rest is told so at once."""

import asyncio

import httpx
import pytest
from eventually import eventually
from fastapi import Request
from fixtures.problems import assert_problem
from parcel_api import calling

from bmt.chassis.http.limits import ConcurrencyLimits
from bmt.chassis.http.routes import api_router

MOST = 3


class Counter:
    """A counter with one clerk, who can be held up."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.under_way = 0

    async def serve(self, _: Request) -> dict[str, str]:
        self.under_way += 1
        await self.goes_on.wait()
        self.under_way -= 1
        return {"served": "yes"}


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def crowded(counter, app_of) -> httpx.AsyncClient:
    routes = api_router()
    routes.get("/v1/counter")(counter.serve)
    return calling(app_of(routes, concurrency=ConcurrencyLimits(most=MOST, each=MOST)))


async def test_who_comes_to_a_crowd_is_told_to_come_again_and_the_crowd_is_served(counter, crowded):
    first = [asyncio.create_task(crowded.get("/v1/counter")) for _ in range(MOST)]
    await eventually(lambda: counter.under_way == MOST)
    refused = await asyncio.gather(*(crowded.get("/v1/counter") for _ in range(20)))
    for answer in refused:
        assert_problem(answer, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["cache-control"] == "no-store"
    assert (await crowded.get("/healthz")).status_code == 200
    assert (await crowded.get("/readyz")).status_code == 200
    assert (await crowded.get("/metrics")).status_code == 200

    counter.goes_on.set()
    assert [answer.status_code for answer in await asyncio.gather(*first)] == [200] * MOST
    assert (await crowded.get("/v1/counter")).status_code == 200


async def test_who_goes_away_or_is_refused_leaves_a_place(counter, crowded):
    for _ in range(MOST):
        leaving = asyncio.create_task(crowded.get("/v1/counter"))
        await eventually(lambda: counter.under_way > 0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        counter.under_way = 0
        assert (await crowded.get("/v1/nothing")).status_code == 404
    counter.goes_on.set()
    assert (await crowded.get("/v1/counter")).status_code == 200
