"""The auditor's pages, in both languages: signed in with the issuer, and seen by nobody who may not."""

import re

import httpx
import pytest
from eventually import eventually
from fixtures import signing_in, web
from fixtures.procedure import (
    MONDAY,
    OFFICER,
    approved,
    configured,
    notified,
    numbered,
    opened,
    returned,
)
from fixtures.samples import APPLICANT, facts, received
from fixtures.signing_in import asked_by_issuer, said_at_issuer
from fixtures.web import HERE

from bmt.contracts.events import Endorsement, Granted
from bmt.verify_record import Key, verify
from evaluation.issuer import Holder
from services.records.main import build
from services.records.settings import Settings

pytestmark = pytest.mark.integration

AUDITOR = {"account": "juruaudit", "name": "Puan Juruaudit", "role_auditor": "on"}
OF_JPA = {**AUDITOR, "account": "faridah", "agency": "JPA"}
APPLICANT_ALONE = {"account": "ahmad", "name": "Ahmad", "role_applicant": "on"}
HOSTILE = "<script>alert('x')</script> & \"Co\""


@pytest.fixture(scope="module")
async def records(shared, embedded_issuer):
    async with shared.running(build, Settings, issuer=embedded_issuer.url, web_url=HERE) as client:
        yield client


@pytest.fixture(scope="module")
async def site(shared, records, embedded_issuer):
    async with web.pages(shared, {"records": records}, issuer=embedded_issuer.url) as client:
        yield client


@pytest.fixture
def token(embedded_issuer):
    def token(role, agency="MAMPU", subject="siti", name="Siti"):
        return embedded_issuer.mint().token(Holder(subject, name, agency, [role]))

    return token


@pytest.fixture
async def browser(site):
    """Somebody's browser: keeps cookies, follows nothing by itself."""
    async with httpx.AsyncClient(transport=site._transport, base_url=HERE) as client:
        yield client


@pytest.fixture
def sign_in(browser):
    async def sign_in(person=AUDITOR, address="/audit/"):
        return await signing_in.sign_in(browser, address, person)

    return sign_in


@pytest.fixture
def page(browser):
    async def page(address, expected=200, **asked):
        answer = await browser.get(address, params=asked or None)
        assert answer.status_code == expected, answer.text
        return answer.text

    return page


@pytest.fixture
async def filed(once_filed, put, record_of, say):
    """A request that was corrected once, whose applicant has a hostile name."""
    request = facts(applicant=APPLICANT.model_copy(update={"name": HOSTILE}))
    form = received(request).model_copy(
        update={"documents": (await put(b"borang", "borang <b>.pdf"),), "justification": HOSTILE}
    )
    warned = opened(request).model_copy(update={"warnings": ("not_registered",)})
    first = Endorsement(
        level=1,
        endorsed_by=OFFICER.model_copy(update={"name": "Hamid bin Yusof"}),
        endorsed_at=MONDAY,
        approved=Granted(quota_bytes=request.quota_bytes, max_file_size_bytes=None),
    )
    done = approved(request, endorsements=(first,), exception_reason="Disahkan.")
    events = (form, opened(request), returned(request), form, warned, done)
    events = (*events, configured(request), notified(request, "configured"))
    *before, done, told = numbered(*events)
    await say(before)

    async def is_approved():
        on_record = (await record_of(request))["events"]
        assert any(".Approved." in each["type"] for each in on_record)

    await eventually(is_approved)  # topics come in no order
    await say([done, told])
    await once_filed(request)
    return request


async def test_who_is_not_signed_in_signs_in_and_goes_on_where_they_were(browser, sign_in):
    answer = await sign_in(address="/audit/?q=surat&status=filed")
    assert answer.headers["location"] == "/audit/?q=surat&status=filed"
    answer = await browser.get("/audit/")
    assert "Puan Juruaudit" in answer.text
    cookie = (await browser.get("/account/login")).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


async def test_pages_run_no_script_load_nothing_from_elsewhere_and_are_not_kept(browser, sign_in):
    await sign_in()
    answer = await browser.get("/audit/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    stylesheet = re.search(r'href="(/static-pages/bmt.css\?v=\w+)"', answer.text).group(1)
    assert (await browser.get(stylesheet)).headers["content-type"].startswith("text/css")
    assert not re.findall(r'(?:src|href|action)="https?:', answer.text)


@pytest.mark.parametrize(
    "elsewhere",
    [
        *("https://evil.example/", "//evil.example/", "/\\evil.example", "/v1/records"),
        *("/audit/../v1", "/audit/%2e%2e/v1", "/audit/\n", "http://[", ""),
    ],
)
async def test_nobody_is_led_elsewhere_after_signing_in(browser, elsewhere):
    answer = await browser.get("/account/login", params={"goes_on_at": elsewhere})
    back = await said_at_issuer(answer.headers["location"], AUDITOR)
    answer = await browser.get(back)
    target = httpx.URL(HERE).join(answer.headers["location"])
    assert (str(target), answer.status_code) == (f"{HERE}/account/", 303)


async def test_an_answer_that_belongs_to_another_browser_signs_nobody_in(browser, site):
    back = await said_at_issuer(await asked_by_issuer(browser, "/audit/"), AUDITOR)
    async with httpx.AsyncClient(transport=site._transport, base_url=HERE) as thief:
        answer = await thief.get(back)
        assert answer.status_code == 401
        assert "Log masuk tidak berjaya" in answer.text
        assert (await thief.get("/audit/")).status_code == 303
    assert (await browser.get(back)).status_code == 303
    assert (await browser.get(back)).status_code == 401
    forged = httpx.URL(back).copy_set_param("state", "another")
    assert (await browser.get(str(forged))).status_code == 401


async def test_a_cookie_that_was_changed_is_none(browser, sign_in):
    await sign_in()
    (cookie,) = [each for each in browser.cookies.jar if each.name == "bmt"]
    changed = cookie.value[:10] + ("A" if cookie.value[10] != "A" else "B") + cookie.value[11:]
    browser.cookies.set("bmt", changed, domain=cookie.domain, path=cookie.path)
    assert (await browser.get("/audit/")).status_code == 303


async def test_who_lacks_the_role_is_told_so_and_may_sign_in_as_another(sign_in, page, browser):
    await sign_in(APPLICANT_ALONE)
    text = await page("/audit/", 403)
    assert "Tidak dibenarkan" in text
    assert 'href="/account/login"' in text
    await sign_out(browser)
    assert (await browser.get("/audit/")).status_code == 303


async def sign_out(browser):
    """As a browser does: to the issuer, and back."""
    answer = await browser.post("/account/logout", headers={"Origin": HERE})
    assert answer.status_code == 303
    async with httpx.AsyncClient(trust_env=False) as elsewhere:
        answer = await elsewhere.get(answer.headers["location"])
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{HERE}/account/signed-out?state=")
    return await browser.get(answer.headers["location"])


async def test_a_form_of_another_site_does_nothing(sign_in, browser):
    await sign_in()
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": HERE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": HERE, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ):
        answer = await browser.post("/account/logout", headers=headers)
        assert answer.status_code == 403
        assert "Borang ini bukan dari halaman ini" in answer.text
        assert (await browser.get("/audit/")).status_code == 200
    answer = await browser.post("/account/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303


async def test_files_are_searched_in_either_language(filed, sign_in, page):
    await sign_in()
    text = await page("/audit/", q=filed.reference, agency="", status="", to="", **{"from": ""})
    assert f'href="/audit/records/{filed.request_id}"' in text
    assert "Difailkan" in text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert 'lang="ms"' in text
    text = await page("/audit/", q=filed.reference, lang="en")
    assert "Files found, the newest first." in text
    assert "Carian" not in text
    text = await page("/audit/", q=filed.reference)
    assert '<html lang="en">' in text
    assert "No file matches" in await page("/audit/", q="tiadalahfailbegini")
    text = await page("/audit/", 422, **{"from": "31 Ogos"})
    assert "Received from: <span>A day is needed, for example 2026-11-28.</span>" in " ".join(
        text.split()
    )
    assert "/query" not in text
    assert "31 Ogos" not in text


async def test_a_list_goes_on_where_it_ended(filed, once_filed, say, sign_in, page):
    await sign_in()
    for _ in range(2):
        await say(numbered(received(facts()), opened(facts())))
    seen, address = [], "/audit/?limit=1&q="
    while address:
        text = await page(address)
        seen += re.findall(r'href="/audit/records/([^"/]+)"', text)
        found = re.search(r'class="button second" href="(\?[^"]*)"', text)
        address = f"/audit/{found.group(1).replace('&amp;', '&')}" if found else None
    assert filed.request_id in seen
    assert len(seen) == len(set(seen))


async def test_a_file_is_a_timeline_with_its_folios_now_and_as_it_was(
    filed, sign_in, page, browser, record_of
):
    await sign_in()
    place = f"/audit/records/{filed.request_id}"
    text = await page(place)
    happened = re.findall(r'<span class="what">([^<]+)</span>', text)
    assert happened == [
        *("Permohonan diterima", "Semakan dibuka", "Dikembalikan untuk pembetulan"),
        *("Permohonan diterima", "Semakan dibuka", "Diluluskan", "Dikonfigurasi"),
        "Pengguna dimaklumkan: kelulusan",
    ]
    assert text.count("IPMS: disahkan oleh pegawai, tidak dibaca semula oleh sistem") == 1
    assert "borang &lt;b&gt;.pdf" in text
    assert HOSTILE not in text
    heading = re.search(r"<h1>(.*?)</h1>", text)[1]
    assert "&lt;script&gt;" in heading
    assert "permohonan" in heading
    decision = re.search(r'id="decision".*?</dl>', text, re.DOTALL)[0]
    for told in ("Hamid bin Yusof", "Disahkan.", "Amaran: akaun tiada dalam direktori"):
        assert told in decision
    (document,) = re.findall(r'href="(/audit/documents/[^"]+)"', text)
    answer = await browser.get(document)
    assert answer.content == b"borang"
    assert answer.headers["content-disposition"].startswith("attachment")

    events = (await record_of(filed))["events"]
    (decided,) = [each["index"] for each in events if ".Approved." in each["type"]]
    text = await page(place, version=decided, lang="en")
    assert "This is the file as it was after event" in text
    assert "Approved" in text
    assert "Approved" not in await page(place, version=decided - 1)


async def test_a_file_is_verified_in_place_and_taken_away(filed, sign_in, page, browser):
    await sign_in()
    place = f"/audit/records/{filed.request_id}"
    text = await page(f"{place}/verification")
    assert "Sah." in text
    assert len(re.findall(r"Peristiwa \d+</span>", text)) == 8
    assert re.search(r"<code>bmt\.records\n\d+\n", text)
    (key,) = re.findall(r"bmt\.records\+[0-9a-f]{8}\+[\w+/=]+", text)[:1]
    answer = await browser.get(f"{place}/bundle")
    report = verify(answer.content, [Key.parse(key)])
    assert (report.valid, report.leaves, report.documents) == (True, 8, 1)


async def test_what_was_changed_in_the_database_is_named_in_place(filed, sign_in, page, own):
    await sign_in()
    where = {"request_id": filed.request_id, "event.type": "my.gov.bmt.Approved.v1"}
    kept = await own.leaves.find_one(where)
    await own.leaves.update_one(where, {"$set": {"event.time": "2025-11-01T00:00:00.000Z"}})
    try:
        text = await page(f"/audit/records/{filed.request_id}/verification")
    finally:
        await own.leaves.replace_one({"_id": kept["_id"]}, kept)
    assert "Tidak sah." in text
    assert f"proofs/{kept['index']:06}.json" in text
    assert "Sah." in await page(f"/audit/records/{filed.request_id}/verification")


async def test_nobody_sees_another_agencys_file(filed, sign_in, page):
    await sign_in(OF_JPA)
    place = f"/audit/records/{filed.request_id}"
    for address in (place, f"{place}/verification", f"{place}/bundle"):
        assert "Tidak dijumpai" in await page(address, 404)
    assert filed.request_id not in await page("/audit/", q=filed.reference)
    assert "Tidak dijumpai" in await page(
        "/audit/conformance", 404, agency="MAMPU", to="2026-12-31", **{"from": "2026-01-01"}
    )


async def test_a_period_is_reported_on_and_taken_away(filed, sign_in, page, browser):
    await sign_in()
    assert "Buat laporan" in await page("/audit/conformance")
    asked = {"agency": filed.agency, "from": "1990-01-01", "to": "2090-01-01"}
    text = await page("/audit/conformance", **asked)
    assert filed.reference in text
    assert "Tidak dibaca semula: IPMS" in text
    forms = re.findall(r'href="(/audit/conformance/(?:csv|pdf)\?[^"]+)"', text)
    for address, begins in zip(forms, (b"reference,", b"%PDF-"), strict=True):
        answer = await browser.get(address.replace("&amp;", "&"))
        assert answer.content.startswith(begins)


async def test_each_look_stands_in_the_file(filed, sign_in, page, own):
    await sign_in()
    place = f"/audit/records/{filed.request_id}"
    await page(place)
    await page(f"{place}/verification")
    await page(f"{place}/bundle")
    commits = own.commits.find({"stream": f"request-{filed.request_id}"})
    types = [event["type"] async for commit in commits for event in commit["events"]]
    ours = [each.rpartition("records.")[2] for each in types if "my.gov.bmt.records" in each]
    assert ours[-3:] == ["RecordViewed.v1", "RecordViewed.v1", "RecordExported.v1"]


async def test_what_is_not_there_is_a_page_too(sign_in, page):
    await sign_in()
    assert "Tidak dijumpai" in await page("/audit/nowhere", 404)
    assert "Tidak dijumpai" in await page("/audit/records/nobody", 404)
    assert "Tidak dijumpai" in await page("/audit/documents/sha256:00", 404)


async def test_while_records_is_down_the_pages_say_so(shared, embedded_issuer):
    async with web.pages(shared, {}, issuer=embedded_issuer.url) as site:
        browser = await web.signed_in(site, "/audit/", "juruaudit", "role_auditor")
        for address in ("/audit/", "/audit/records/r-1", "/audit/records/r-1/bundle"):
            answer = await browser.get(address)
            assert answer.status_code == 503
            assert "Tidak tersedia buat sementara" in answer.text


async def test_an_address_of_before_leads_to_the_page(records):
    answer = await records.get("/audit/records/r-1/verification?lang=en")
    assert answer.status_code == 308
    assert answer.headers["location"] == f"{HERE}/audit/records/r-1/verification?lang=en"
