"""Lists come in pages, and a cursor continues where the page before ended."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from fixtures.problems import assert_problem, pointers
from pydantic import AwareDatetime

from bmt.chassis.http.routes import Paging


async def test_pages_hold_every_item_once_and_in_order(client):
    seen, cursor = [], ""
    while cursor is not None:
        query = {"limit": 50} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/parcels", params=query)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert len(seen) == 120
    assert seen == sorted(seen)


async def test_the_last_page_has_no_cursor_even_when_it_is_full(client):
    assert len((await client.get("/v1/parcels")).json()["items"]) == 50
    page = (await client.get("/v1/parcels", params={"limit": 120})).json()
    assert len(page["items"]) == 120
    assert page["next_cursor"] is None


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many", "1.5", "9" * 5000])
async def test_a_limit_out_of_bounds_is_refused(client, limit):
    response = await client.get("/v1/parcels", params={"limit": limit})
    body = assert_problem(response, "validation_failed")
    assert pointers(body) == {"/query/limit"}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%00",
        "\u00e9",
        "A" * 2000,
        urlsafe_b64encode(b"[1]").decode(),
        urlsafe_b64encode(b'[{"$gt": 0}, "p"]').decode(),
        urlsafe_b64encode(b'["one", "p"]').decode(),
        urlsafe_b64encode(b"\xff").decode(),
        urlsafe_b64encode(b"[" * 700).decode(),
    ],
)
async def test_a_cursor_that_is_none_of_ours_is_refused(client, cursor):
    response = await client.get("/v1/parcels", params={"cursor": cursor})
    body = assert_problem(response, "validation_failed")
    assert pointers(body) == {"/query/cursor"}


async def test_a_time_in_a_cursor_comes_back_exactly():
    by_time = Paging(tuple[AwareDatetime, str])
    key = (datetime(2026, 11, 24, 3, 4, 5, 678000, tzinfo=UTC), "id")
    asked = await by_time(limit=10, cursor=by_time.cursor(key))
    assert asked.after == key
