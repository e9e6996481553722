"""The public page: who has reference and code sees where the request is; who guesses learns nothing."""

import re

import httpx
import pytest
from eventually import eventually
from fixtures import web
from fixtures.ledger_keys import SECRETS
from fixtures.procedure import rejected, returned
from my_visitors import HERE, received

from bmt.contracts.events import RequestFacts
from bmt.contracts.values import in_groups, status_code

pytestmark = pytest.mark.integration

KEY = SECRETS["BMT_STATUS_CODE_KEY"]
JUSTIFICATION = "Sebab yang tiada sesiapa patut tahu."


@pytest.fixture
async def stranger(pages):
    """The browser of somebody who never signs in."""
    async with web.another(pages) as browser:
        yield browser


@pytest.fixture
async def without_gateway(shared, services, issuer):
    """The same pages, from another process, which no gateway stands before."""
    async with web.pages(shared, services, **issuer, status_calls_per_second=1000) as browser:
        yield browser


@pytest.fixture
async def request_of_siti(visitor, wire):
    """`facts, code` of a request that was just received."""
    request_id = await received(await visitor(), justification=JUSTIFICATION, quota_bytes="7")
    (said,) = await wire.hear("bmt.requests.v1", request_id, "RequestReceived")
    facts = RequestFacts.model_validate(said.data["request"])
    return facts, in_groups(status_code(KEY, request_id))


async def asked(browser, reference, code, **more):
    return await browser.post("/status/", data={"reference": reference, "code": code}, **more)


async def test_who_has_both_sees_the_steps_with_their_dates_and_what_comes_next(
    stranger, request_of_siti, wire
):
    facts, code = request_of_siti
    answer = await asked(stranger, facts.reference, code)
    assert answer.status_code == 200, answer.text
    assert "Permohonan diterima" in answer.text
    assert "sedang menunggu keputusan" in answer.text
    assert "Keputusan dijangka selewat-lewatnya" in answer.text
    assert "hari bekerja" in answer.text
    assert "Menunggu" in answer.text
    assert f'datetime="{facts.received_at.year}-' in answer.text
    answer = await asked(stranger, facts.reference, code, params={"lang": "en"})
    assert "Request received" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex"


@pytest.mark.parametrize("event", [rejected, returned])
async def test_nothing_of_the_request_is_told_but_where_it_is(
    stranger, request_of_siti, wire, event
):
    facts, code = request_of_siti
    said = event(facts)
    await wire.say(said, sequence=2)

    async def is_told():
        page = (await asked(stranger, facts.reference, code)).text
        assert {rejected: "telah ditolak", returned: "perlu dibetulkan"}[event] in page
        return page

    page = await eventually(is_told)
    applicant = facts.applicant
    told = (applicant.name, applicant.account, applicant.email, facts.request_id)
    for secret in (*told, JUSTIFICATION, said.reason, said.decided_by.name, "7 GB"):
        assert secret not in page


async def test_another_language_keeps_what_was_typed_and_guesses_nothing(stranger, request_of_siti):
    facts, _ = request_of_siti
    for _ in range(12):
        typed = {"keep": "en", "was_wrong": "1"}
        answer = await stranger.post(
            "/status/?lang=en", data={"reference": facts.reference, "code": "0000", **typed}
        )
    assert "There is no request with this reference and this code." in answer.text
    assert f'value="{facts.reference}"' in answer.text
    assert 'value="0000"' in answer.text


async def test_an_unknown_reference_and_a_wrong_code_are_answered_alike(stranger, request_of_siti):
    facts, code = request_of_siti
    last = "0" if code[-1] != "0" else "1"
    tries = [
        (facts.reference, code[:-1] + last),
        (facts.reference, ""),
        (facts.reference, "kod \u202e😀"),
        (facts.reference, code[:-1]),
        ("BMT-MAMPU-2026-00000000", code),
        ("BMT-MAMPU-2026-00000000", ""),
        (facts.request_id, code),
        ("", ""),
        ("$ne", "{'$gt': ''}"),
    ]
    answers = [await asked(stranger, *each) for each in tries]
    seen = {
        (
            answer.status_code,
            re.sub(r'name="(reference|code)" value="[^"]*"', "", answer.text),
            tuple(sorted(set(answer.headers) - {"content-length", "traceresponse"})),
        )
        for answer in answers
    }
    assert len(seen) == 1
    assert answers[0].status_code == 404
    assert "Tiada permohonan dengan rujukan dan kod ini." in answers[0].text


async def test_who_keeps_guessing_is_told_to_wait_whether_there_is_such_a_request_or_not(
    stranger, request_of_siti
):
    facts, code = request_of_siti
    for reference in (facts.reference, "BMT-MAMPU-2026-ZZZZZZZZ"):
        statuses = [(await asked(stranger, reference, "x")).status_code for _ in range(12)]
        assert statuses[0] == 404
        assert statuses[-1] == 429
        answer = await asked(stranger, reference, code)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1


async def from_address(pages, address, reference, code, **headers):
    """What is answered to who asks from there."""
    transport = httpx.ASGITransport(pages._transport.app, client=(address, 4711))
    headers = {"Origin": HERE, **headers}
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers) as browser:
        return (await asked(browser, reference, code)).status_code


async def test_who_guesses_locks_themselves_out_and_not_the_owner(pages, request_of_siti):
    facts, code = request_of_siti
    for guesser in ("198.51.100.7", "2001:db8:1:1::7"):
        for _ in range(11):
            status = await from_address(pages, guesser, facts.reference, "x")
        assert status == 429
        assert await from_address(pages, guesser, facts.reference, code) == 429
    assert await from_address(pages, "2001:db8:1:1::8", facts.reference, code) == 429
    for owner in ("198.51.100.8", "2001:db8:1:2::7"):
        assert await from_address(pages, owner, facts.reference, code) == 200


async def test_a_right_code_counts_for_no_wrong_one(pages, request_of_siti):
    facts, code = request_of_siti
    for _ in range(12):
        assert await from_address(pages, "198.51.100.9", facts.reference, code) == 200


async def test_behind_a_gateway_clients_are_told_apart_by_what_it_writes(pages, request_of_siti):
    facts, code = request_of_siti
    gateway = "10.0.0.1"

    async def through(*addresses, code):
        forwarded = {"X-Forwarded-For": ", ".join(addresses)}
        return await from_address(pages, gateway, facts.reference, code, **forwarded)

    for made_up in range(11):
        status = await through(f"192.0.2.{made_up}", "203.0.113.1", code="x")
    assert status == 429
    assert await through("203.0.113.2", code=code) == 200


async def test_a_header_that_no_setting_names_tells_nothing(without_gateway, request_of_siti):
    facts, _ = request_of_siti
    for made_up in range(11):
        status = await from_address(
            without_gateway,
            "198.51.100.10",
            facts.reference,
            "x",
            **{"X-Forwarded-For": f"203.0.113.{made_up}"},
        )
    assert status == 429


async def test_no_address_and_no_log_has_the_code(stranger, request_of_siti, caplog, capfd):
    facts, code = request_of_siti
    page = await stranger.get("/status/", params={"reference": facts.reference})
    assert f'value="{facts.reference}"' in page.text
    assert 'method="post"' in page.text
    answer = await stranger.get("/status/", params={"reference": facts.reference, "code": code})
    assert "Permohonan diterima" not in answer.text
    await asked(stranger, facts.reference, code)
    output = capfd.readouterr()
    assert code not in caplog.text + output.out + output.err


async def test_another_site_and_too_large_a_form_are_refused(stranger, request_of_siti):
    facts, code = request_of_siti
    evil = {"Origin": "https://evil.example"}
    assert (await asked(stranger, facts.reference, code, headers=evil)).status_code == 403
    assert (await asked(stranger, "x" * 10_000, code)).status_code == 413
    long = await stranger.get("/status/", params={"reference": "x" * 200})
    assert long.status_code == 422
    assert "Log masuk" not in long.text


def full_width(text):
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


async def test_reference_and_code_are_read_as_people_type_them(stranger, request_of_siti):
    facts, code = request_of_siti
    reference = facts.reference
    for typed, typed_code in (
        (reference.lower().replace("-", " "), code.lower().replace("-", " ")),
        (reference.replace("-", ""), code.replace("-", "")),
        (f"No. rujukan: {reference}", f"Kod semakan: {code}"),
        (full_width(reference), full_width(code)),
        (reference.replace("0", "O").replace("1", "l"), code.replace("0", "o").replace("1", "I")),
    ):
        answer = await asked(stranger, typed, typed_code)
        assert answer.status_code == 200, (typed, typed_code)
        assert facts.reference in answer.text
