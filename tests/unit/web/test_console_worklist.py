"""The first page: filtered by approval, whole where other services are down, and not at all where approval is."""

import json
import re
from datetime import UTC, datetime

import httpx
import pytest
from console_pages import (
    ABOUT,
    APPLICANT,
    ASSIGNED,
    AT,
    COUNTS,
    Services,
    browser,
    problem,
    shown,
)
from starlette.requests import Request
from starlette.responses import Response

from web.console import wording, worklist

RULES = {
    "code": "MAMPU",
    "name": "MAMPU",
    "policy_version": "MAMPU-0123456789ab",
    "channels": {"in": ["form"], "out": ["email"]},
    "approval_levels": 1,
    "prepared_reasons": {"reject": [], "return": [], "exception": []},
    "acting_is_restricted": False,
    "acting": [],
    "usual_quota_bytes": 10**10,
}
SENT = {"key": "pukal-1", "decision": "approve"}
DOWN = httpx.Response(502)


def line(name="Siti binti Ali", **changes):
    """One of the worklist."""
    return {
        **ABOUT,
        "request_id": "r1",
        "applicant": {**APPLICANT, "name": name},
        "received_at": AT,
        "due_at": "2026-12-02T09:00:00Z",
        "warnings": ["not_registered"],
        "channel": "memo",
        "quota_bytes": 10**10,
        **changes,
    }


def services(*listed, **answers):
    """All services; `listed` is what waits, or what of it was asked for by its id."""

    def waiting(call):
        ids = call.url.params.get_list("request_id")
        return [one for one in listed if not ids or one["request_id"] in ids]

    def decided(call):
        refused = {"status": 404, "problem": {"type": "urn:bmt:problem:not_found", "status": 404}}
        items = json.loads(call.content)["items"]
        return {"results": [{"request_id": one["request_id"], **refused} for one in items]}

    counts = {**COUNTS, "for_caller": 2}
    told = {"worklist": waiting, "decisions": decided, "worklist/counts": counts}
    return Services({**told, "agencies/own": None, **answers})


async def test_the_filter_and_the_place_are_asked_of_approval():
    told = services()
    await shown(
        told,
        "/?kind=termination&channel=memo&warned=no&due=late&assigned=me&order=name&descending=1&limit=7&cursor=abc",
    )
    (only,) = told.asked("worklist")
    assert only["due_before"]
    assert dict(only.remove("due_before")) == {
        "kind": "termination",
        "channel": "memo",
        "warned": "false",
        "assigned": "me",
        "order": "name",
        "descending": "true",
        "limit": "7",
        "cursor": "abc",
    }


@pytest.mark.parametrize("asked", ["kind=other", "limit=201", "due=never", "order=colour"])
async def test_what_is_no_filter_is_refused(asked):
    assert (await browser(services()).get(f"/?{asked}")).status_code == 422


async def test_a_service_that_is_down_is_left_out():
    page = await shown(services(inbox=DOWN), "/")
    assert "tidak dapat dihubungi sekarang" in page
    assert "menunggu keputusan" in page


@pytest.mark.parametrize("part", ["worklist", "worklist/counts", "agencies/own"])
async def test_without_approval_there_is_no_worklist_and_the_page_says_so(part):
    page = await browser(services(**{part: DOWN})).get("/")
    assert page.status_code == 503
    assert "retry-after" in page.headers


async def test_a_bulk_decision_is_one_call_and_its_requests_are_named_by_the_hundred():
    told = services()
    chosen = [f"r{number}" for number in range(250)]
    page = await browser(told).post("/", data={**SENT, "chosen": chosen})
    assert page.status_code == 200
    (decided,) = told.posted
    assert decided.headers["idempotency-key"] == "pukal-1"
    named = [asked.get_list("request_id") for asked in told.asked("requests")]
    assert named == [chosen[:100], chosen[100:200], chosen[200:]]


async def test_results_are_shown_where_nobody_can_name_the_requests():
    page = await browser(services(requests=DOWN)).post("/", data={**SENT, "chosen": ["r1"]})
    assert page.status_code == 200
    assert "r1" in page.text


@pytest.mark.parametrize("reason", ["own_request", "approved_before", "registrar"])
async def test_what_the_visitor_may_not_approve_is_listed_without_a_box_and_not_counted(reason):
    page = await shown(services(line(withheld=reason)), "/")
    assert "Siti binti Ali" in page
    assert 'name="chosen"' not in page
    assert wording.WITHHELD[reason] in page
    assert '<span class="count">2</span>' in page


async def test_everything_is_chosen_by_a_link_and_a_warning_is_a_label():
    lines = services(line(), line(request_id="r2", withheld="own_request"))
    page = await shown(lines, "/?kind=application&all=1")
    assert page.count(" checked ") == 1
    assert "Tiada dalam direktori</span>" in page
    assert "?kind=application&amp;order=name" in page


async def test_what_is_not_decided_stays_chosen_with_what_was_typed():
    sent = {**SENT, "chosen": ["r1", "r9"], "reason": "Lengkap."}
    page = await browser(services(line())).post("/", data=sent)
    assert 'value="r1" checked' in page.text
    assert '<input type="checkbox" name="chosen" value="r9" checked>' in page.text
    assert "1 daripada 2 yang dipilih tidak kelihatan di sini" in page.text
    assert "Lengkap.</textarea>" in page.text
    assert 'value="pukal-1"' not in page.text


async def test_nothing_that_is_chosen_is_lost_while_approval_is_down():
    paths = ("decisions", "worklist", "worklist/counts", "agencies/own")
    away = services(**dict.fromkeys(paths, DOWN))
    page = await browser(away).post("/", data={**SENT, "chosen": ["r1"], "reason": "Lengkap."})
    assert page.status_code == 503
    assert '<input type="checkbox" name="chosen" value="r1" checked>' in page.text
    assert 'value="pukal-1"' in page.text
    assert "Lengkap.</textarea>" in page.text


async def test_the_list_is_a_file_that_no_spreadsheet_runs():
    told = services(line("=1+1"))
    page = await browser(told).get("/worklist.csv?warned=yes&lang=en")
    assert page.headers["content-type"] == "text/csv; charset=utf-8"
    head, only = page.text.removeprefix("\ufeff").splitlines()
    assert head.startswith("Decide by,Received,Name,Account")
    assert only == (
        "2026-12-02 17:00,2026-11-28 09:00,'=1+1,siti,siti@mampu.gov.my,Application,Memo,10 GB,"
        "Not in the directory,BMT-MAMPU-2026-7K3QF9ZT"
    )
    assert [asked["warned"] for asked in told.asked("worklist")] == ["true"]


async def test_what_could_not_be_taken_stays_chosen():
    first = httpx.Response(201, json={"assignment": None})
    second = problem("already_assigned", 409, assignment=ASSIGNED)
    taken = {"requests/r1/assignment": first, "requests/r2/assignment": second}
    data = {"key": "ambil-1", "assign": "take", "chosen": ["r1", "r2"]}
    page = await browser(services(line(), line(request_id="r2"), **taken)).post("/", data=data)
    assert "Hamid" in page.text
    assert re.findall(r'value="(r\d)" checked', page.text) == ["r2"]


LARGE = line("Ahmad bin Daud", quota_bytes=25 * 10**9, warnings=[])


def asked_again(page):
    return re.search(r'id="once-more".*?</div>', page, re.DOTALL)[0]


async def test_many_are_asked_about_once_more_where_more_than_is_usual_would_be_approved():
    warned = line(request_id="r4", quota_bytes=30 * 10**9)
    lines = (LARGE, line(request_id="r2"), {**LARGE, "request_id": "r3"}, warned)
    told = services(*lines, **{"agencies/own": RULES})
    sent = {**SENT, "chosen": ["r1", "r2", "r4"]}
    page = (await browser(told).post("/", data=sent)).text
    assert "Ahmad bin Daud, 25 GB" in asked_again(page)
    assert "(10 GB)" in asked_again(page)
    assert re.findall(r'name="sure" value="(\w+)"', page) == ["r1"]
    assert page.count(" checked ") == 3
    assert told.posted == []
    await browser(told).post("/", data={**sent, "sure": "r1"})
    (call,) = told.posted
    assert len(json.loads(call.content)["items"]) == 3


async def test_what_is_chosen_and_not_seen_is_asked_about_too_and_comes_along_to_another_page():
    def waiting(call):
        by_id = call.url.params.get_list("request_id")
        return [{**LARGE, "request_id": "r9"}] if "r9" in by_id else [] if by_id else [line()]

    told = services(worklist=waiting, **{"agencies/own": RULES})
    page = (await browser(told).post("/", data={**SENT, "chosen": ["r1", "r9"]})).text
    assert "Ahmad bin Daud, 25 GB (tidak kelihatan di sini)" in asked_again(page)
    onward = {**SENT, "keep": "next", "chosen": "r9", "reason": "Lengkap."}
    page = (await browser(told).post("/?cursor=abc", data=onward)).text
    assert 'value="r9" checked' in page
    assert "Lengkap.</textarea>" in page
    nothing = await browser(told).post("/?cursor=abc", data={**SENT, "keep": "next"})
    assert (nothing.status_code, nothing.headers["location"]) == (303, "/?cursor=abc")


NOW = 1_800_000_000
YESTERDAY, JUST_NOW = NOW - 86_400, NOW - 60


@pytest.mark.parametrize(
    ("kept", "since"),
    [
        pytest.param(None, None, id="never here"),
        pytest.param(f"0.{YESTERDAY}", YESTERDAY, id="was here yesterday"),
        pytest.param(f"{YESTERDAY}.{JUST_NOW}", YESTERDAY, id="is still here"),
        pytest.param(f"0.{JUST_NOW}", None, id="still the first visit"),
        pytest.param(f"0.{NOW + 60}", None, id="a clock that was wrong, or a forgery"),
        pytest.param("1.2.3", None, id="three"),
        pytest.param("-5.7", None, id="negative"),
        pytest.param("9" * 40 + ".1", None, id="too long"),
    ],
)
def test_the_visit_before_this_one_is_known_and_remembered(monkeypatch, kept, since):
    monkeypatch.setattr(worklist.time, "time", lambda: NOW)
    headers = [(b"cookie", f"{worklist.COOKIE}={kept}".encode())] if kept else []
    look = Request({"type": "http", "scheme": "http", "path": "/console/", "headers": headers})
    assert worklist.last_visit(look) == (since and datetime.fromtimestamp(since, UTC))
    answer = Response()
    worklist.remember(look, answer, "/console", over_tls=True)
    remembered, *how = answer.headers["set-cookie"].split("; ")
    assert remembered == f"{worklist.COOKIE}={since or 0}.{NOW}"
    assert {"HttpOnly", "Path=/console", "SameSite=lax", "Secure"} <= set(how)
