"""The first page: filtered by approval, whole where other services are down, and not at all where approval is."""

import json
from urllib.parse import parse_qs

import httpx
import pytest
from console_pages import browser, problem

COUNTS = {"open": 3, "overdue": 1}
NOTHING = {"items": [], "next_cursor": None}
SENT = {"key": "pukal-1", "decision": "approve"}


def services(calls, **refusals):
    """All services; a refusal by the path it answers."""

    def answers(call):
        path = call.url.path
        calls.append(call)
        if (name := path.removeprefix("/v1/").replace("/", "_")) in refusals:
            return refusals[name]
        if path == "/v1/decisions":
            items = json.loads(call.content)["items"]
            refused = {"type": "urn:bmt:problem:not_found", "status": 404}
            results = [
                {"request_id": one["request_id"], "status": 404, "problem": refused}
                for one in items
            ]
            return httpx.Response(200, json={"results": results})
        if path == "/v1/agencies/own":
            return problem("not_found", 404)
        return httpx.Response(200, json=COUNTS if path == "/v1/worklist/counts" else NOTHING)

    return answers


def asked(calls, path):
    return [parse_qs(call.url.query.decode()) for call in calls if call.url.path == path]


async def test_the_filter_and_the_place_are_asked_of_approval():
    calls = []
    address = "/?kind=termination&warned=no&due=late&limit=7&cursor=abc"
    assert (await browser(services(calls)).get(address)).status_code == 200
    (only,) = asked(calls, "/v1/worklist")
    assert (only["kind"], only["warned"], only["limit"], only["cursor"]) == (
        *(["termination"], ["false"]),
        *(["7"], ["abc"]),
    )
    assert "due_before" in only


@pytest.mark.parametrize("address", ["/?kind=other", "/?limit=201", "/?due=never"])
async def test_what_is_no_filter_is_refused(address):
    assert (await browser(services([])).get(address)).status_code == 422


async def test_a_service_that_is_down_is_left_out():
    page = await browser(services([], inbox=httpx.Response(502))).get("/")
    assert page.status_code == 200
    assert "tidak dapat dihubungi sekarang" in page.text
    assert "menunggu keputusan" in page.text


@pytest.mark.parametrize("part", ["worklist", "worklist_counts", "agencies_own"])
async def test_without_approval_there_is_no_worklist_and_the_page_says_so(part):
    page = await browser(services([], **{part: httpx.Response(502)})).get("/")
    assert page.status_code == 503
    assert "retry-after" in page.headers


async def test_a_bulk_decision_is_one_call_and_its_requests_are_named_by_the_hundred():
    calls = []
    chosen = [f"r{number}" for number in range(250)]
    page = await browser(services(calls)).post("/", data={**SENT, "chosen": chosen})
    assert page.status_code == 200
    (decided,) = [call for call in calls if call.method == "POST"]
    assert decided.headers["idempotency-key"] == "pukal-1"
    named = [one["request_id"] for one in asked(calls, "/v1/requests")]
    assert [len(one) for one in named] == [100, 100, 50]
    assert [one for part in named for one in part] == chosen


async def test_results_are_shown_where_nobody_can_name_the_requests():
    away = services([], requests=httpx.Response(502))
    page = await browser(away).post("/", data={**SENT, "chosen": ["r1"]})
    assert page.status_code == 200
    assert "r1" in page.text
