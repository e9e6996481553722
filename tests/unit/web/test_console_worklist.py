"""The first page: filtered by approval, whole where other services are down, and not at all where approval is."""

import json
import re
from urllib.parse import parse_qs

import httpx
import pytest
from console_pages import browser, problem

from web.console import wording

COUNTS = {"open": 3, "overdue": 1, "for_caller": 2, "done_by_caller": 5}
NOTHING = {"items": [], "next_cursor": None}
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


def item(name="Siti binti Ali", **changes):
    """A line of the worklist."""
    return {
        "request_id": "r1",
        "reference": "BMT-MAMPU-2026-7K3QF9ZT",
        "kind": "application",
        "applicant": {"account": "siti", "name": name, "email": "siti@mampu.gov.my"},
        "received_at": "2026-11-28T01:00:00Z",
        "due_at": "2026-12-02T09:00:00Z",
        "warnings": ["not_registered"],
        "channel": "memo",
        "quota_bytes": 10**10,
        **changes,
    }


def services(calls, listed=(), **refusals):
    """All services; a refusal by the path it answers."""

    listed = list(listed)

    def of_ids(call):
        """What is listed, or what was asked for by its id."""
        ids = call.url.params.get_list("request_id")
        return [one for one in listed if not ids or one["request_id"] in ids]

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
        if path == "/v1/worklist":
            return httpx.Response(200, json={"items": of_ids(call), "next_cursor": None})
        if path == "/v1/agencies/own":
            return problem("not_found", 404)
        return httpx.Response(200, json=COUNTS if path == "/v1/worklist/counts" else NOTHING)

    return answers


def asked(calls, path):
    return [parse_qs(call.url.query.decode()) for call in calls if call.url.path == path]


async def test_the_filter_and_the_place_are_asked_of_approval():
    calls = []
    address = "/?kind=termination&channel=memo&warned=no&due=late&assigned=me&order=name&descending=1&limit=7&cursor=abc"
    assert (await browser(services(calls)).get(address)).status_code == 200
    (only,) = asked(calls, "/v1/worklist")
    assert only.pop("due_before")
    assert only == {
        "kind": ["termination"],
        "channel": ["memo"],
        "warned": ["false"],
        "assigned": ["me"],
        "order": ["name"],
        "descending": ["true"],
        "limit": ["7"],
        "cursor": ["abc"],
    }


@pytest.mark.parametrize(
    "address", ["/?kind=other", "/?limit=201", "/?due=never", "/?order=colour"]
)
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


@pytest.mark.parametrize("reason", ["own_request", "approved_before", "registrar"])
async def test_what_the_visitor_may_not_approve_is_listed_without_a_box_and_not_counted(reason):
    page = await browser(services([], [item(withheld=reason)])).get("/")
    assert "Siti binti Ali" in page.text
    assert 'name="chosen"' not in page.text
    assert wording.WITHHELD[reason] in page.text
    assert '<span class="count">2</span>' in page.text


async def test_everything_is_chosen_by_a_link_and_a_warning_is_a_label():
    lines = [item(), item(request_id="r2", withheld="own_request")]
    page = await browser(services([], lines)).get("/?kind=application&all=1")
    assert page.text.count(" checked ") == 1
    assert "Tiada dalam direktori</span>" in page.text
    assert "?kind=application&amp;order=name" in page.text


async def test_what_is_not_decided_stays_chosen_with_what_was_typed():
    sent = {**SENT, "chosen": ["r1", "r9"], "reason": "Lengkap."}
    page = await browser(services([], [item()])).post("/", data=sent)
    assert page.text.count("Tiada") >= 1
    assert 'value="r1" checked' in page.text
    assert '<input type="checkbox" name="chosen" value="r9" checked>' in page.text
    assert "1 daripada 2 yang dipilih tidak kelihatan di sini" in page.text
    assert "Lengkap.</textarea>" in page.text
    assert 'value="pukal-1"' not in page.text


async def test_nothing_that_is_chosen_is_lost_while_approval_is_down():
    down = httpx.Response(502)
    away = services([], decisions=down, worklist=down, worklist_counts=down, agencies_own=down)
    page = await browser(away).post("/", data={**SENT, "chosen": ["r1"], "reason": "Lengkap."})
    assert page.status_code == 503
    assert '<input type="checkbox" name="chosen" value="r1" checked>' in page.text
    assert 'value="pukal-1"' in page.text
    assert "Lengkap.</textarea>" in page.text


async def test_the_list_is_a_file_that_no_spreadsheet_runs():
    calls = []
    page = await browser(services(calls, [item("=1+1")])).get("/worklist.csv?warned=yes&lang=en")
    assert page.headers["content-type"] == "text/csv; charset=utf-8"
    head, line = page.text.removeprefix("\ufeff").splitlines()
    assert head.startswith("Decide by,Received,Name,Account")
    assert line == (
        "2026-12-02 17:00,2026-11-28 09:00,'=1+1,siti,siti@mampu.gov.my,Application,Memo,10 GB,"
        "Not in the directory,BMT-MAMPU-2026-7K3QF9ZT"
    )
    (only,) = asked(calls, "/v1/worklist")
    assert only["warned"] == ["true"]


async def test_what_could_not_be_taken_stays_chosen():
    hamid = {"subject": "hamid", "name": "Hamid", "role": "administrator"}
    first = {"by": hamid, "at": "2026-11-28T01:00:00Z", "until": "2026-11-29T01:00:00Z"}
    refused = problem("already_assigned", 409, assignment=first)
    answers = services(
        [],
        [item(), item(request_id="r2")],
        requests_r1_assignment=httpx.Response(201, json={"assignment": None}),
        requests_r2_assignment=refused,
    )
    data = {"key": "ambil-1", "assign": "take", "chosen": ["r1", "r2"]}
    page = (await browser(answers).post("/", data=data)).text
    assert "Hamid" in page
    assert 'value="r2" checked' in page
    assert 'value="r1" checked' not in page


async def test_many_are_asked_about_once_more_where_more_than_is_usual_would_be_approved():
    calls = []
    large = item("Ahmad bin Daud", quota_bytes=25 * 10**9, warnings=[])
    warned = item(request_id="r4", quota_bytes=30 * 10**9)
    listed = [large, item(request_id="r2"), {**large, "request_id": "r3"}, warned]
    answers = services(calls, listed, agencies_own=httpx.Response(200, json=RULES))
    sent = {**SENT, "chosen": ["r1", "r2", "r4"]}
    page = (await browser(answers).post("/", data=sent)).text
    asked_again = re.search(r'id="once-more".*?</div>', page, re.DOTALL)[0]
    assert "Ahmad bin Daud, 25 GB" in asked_again
    assert "(10 GB)" in asked_again
    assert re.findall(r'name="sure" value="(\w+)"', page) == ["r1"]
    assert page.count(" checked ") == 3
    assert not [call for call in calls if call.url.path == "/v1/decisions"]
    await browser(answers).post("/", data={**sent, "sure": "r1"})
    (call,) = [call for call in calls if call.url.path == "/v1/decisions"]
    assert len(json.loads(call.content)["items"]) == 3


async def test_what_is_chosen_and_not_seen_is_asked_about_too_and_comes_along_to_another_page():
    far = item("Ahmad bin Daud", request_id="r9", quota_bytes=25 * 10**9, warnings=[])
    here = services([], [item()], agencies_own=httpx.Response(200, json=RULES))
    elsewhere = services([], [far])
    told = lambda call: (elsewhere if "request_id" in call.url.params else here)(call)  # noqa: E731
    page = (await browser(told).post("/", data={**SENT, "chosen": ["r1", "r9"]})).text
    asked_again = re.search(r'id="once-more".*?</div>', page, re.DOTALL)[0]
    assert "Ahmad bin Daud, 25 GB (tidak kelihatan di sini)" in asked_again
    onward = {**SENT, "keep": "next", "chosen": "r9", "reason": "Lengkap."}
    page = (await browser(told).post("/?cursor=abc", data=onward)).text
    assert 'value="r9" checked' in page
    assert "Lengkap.</textarea>" in page
    nothing = await browser(told).post("/?cursor=abc", data={**SENT, "keep": "next"})
    assert (nothing.status_code, nothing.headers["location"]) == (303, "/?cursor=abc")
