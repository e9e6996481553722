"""Grants to be confirmed, in the console: one answer about all that are chosen, and what became of each."""

import json
import re

import httpx
import pytest
from console_pages import browser, problem

from bmt.contracts.http.provisioning import Confirmation

AT = "2026-12-01T01:00:00Z"
ONE = Confirmation(
    request_id="r1",
    reference="BMT-MAMPU-2026-1",
    agency="MAMPU",
    account="lim.mampu@mygovuc.gov.my",
    applicant_name="Lim Mei Ling",
    status="open",
    campaign="2026-12",
    cause="not_serving",
    directory_read_at=AT,
    in_force_since=AT,
    asked_at=AT,
    answer_by=AT,
)
TYPED = {"key": "k1", "chosen": ["r1", "r2"], "reason": " Bersara. ", "do": "terminate"}


def console(answered=None, found=(ONE,)):
    """A browser, and the calls that provisioning got; `answered`: to a command."""
    calls = []

    def answers(call):
        if call.url.host == "provisioning" and call.url.path == "/v1/confirmations":
            calls.append(call)
            if call.method == "POST":
                return answered
            items = [one.model_dump(mode="json") for one in found]
            return httpx.Response(200, json={"items": items, "next_cursor": None})
        return problem("unavailable", 503)

    return browser(answers), calls


async def test_the_list_says_why_it_is_asked_and_until_when():
    page, _ = console()
    shown = (await page.get("/confirmations?all=1")).text
    for part in ("Lim Mei Ling", "Akaun tidak aktif dalam direktori", "Sahkan masih diperlukan"):
        assert part in shown
    assert re.search(r'name="chosen" value="r1" checked', shown)


async def test_a_list_that_is_empty_or_answered_has_no_form():
    page, _ = console(found=())
    assert "Tiada pemberian" in (await page.get("/confirmations")).text
    done = ONE.model_copy(update={"status": "confirmed", "reason": "Masih perlu."})
    page, _ = console(found=(done,))
    shown = (await page.get("/confirmations?status=confirmed")).text
    assert "Sahkan masih diperlukan" not in shown


async def test_all_that_are_chosen_are_answered_at_once_and_the_page_says_what_became_of_each():
    told = [
        {"request_id": "r1", "status": 201, "termination_id": "t1"},
        {
            "request_id": "r2",
            "status": 409,
            "problem": {"type": "urn:bmt:problem:already_decided", "code": "confirmation_answered"},
        },
    ]
    page, calls = console(httpx.Response(200, json={"results": told}))
    shown = (await page.post("/confirmations", data=TYPED)).text
    (sent,) = [call for call in calls if call.method == "POST"]
    assert json.loads(sent.content) == {
        "request_ids": ["r1", "r2"],
        "decision": "terminate",
        "reason": "Bersara.",
    }
    assert sent.headers["Idempotency-Key"] == "k1"
    assert "/requests/t1" in shown
    assert "r2: Seseorang telah menjawabnya." in shown


@pytest.mark.parametrize("missing", ["chosen", "reason", "do"])
async def test_what_is_missing_is_told_and_nothing_typed_is_lost(missing):
    page, calls = console()
    shown = (await page.post("/confirmations", data={**TYPED, missing: ""})).text
    assert not [call for call in calls if call.method == "POST"]
    assert 'role="alert"' in shown
    if missing != "reason":
        assert "Bersara." in shown


async def test_where_the_service_is_away_the_form_keeps_its_key():
    page, _ = console(problem("unavailable", 503))
    shown = (await page.post("/confirmations", data=TYPED)).text
    assert 'name="key" value="k1"' in shown
    assert re.search(r'value="r1" checked', shown)
