"""One request on the console: nothing half typed is lost, the unusual is asked once more, and then comes the next one."""

import html
import re

import pytest
from fixtures.samples import GB

pytestmark = pytest.mark.integration

SITI = {"account": "siti", "name": "Siti", "agency": "MAMPU", "role_administrator": "on"}
AMINAH = {**SITI, "account": "aminah", "name": "Aminah"}
TYPED = {
    "decision": "reject",
    "reason": "Belum lengkap & belum sah.",
    "quota_bytes": "7",
    "max_file_size_bytes": "1",
}


def place(request):
    return f"/console/requests/{request.request_id}"


def keys(text):
    """The unseen keys of the page's form."""
    return dict(re.findall(r'name="(key|comment_key)" value="([^"]+)"', text))


async def opened(browser, request, **asked):
    answer = await browser.get(place(request), params=asked)
    assert answer.status_code == 200, answer.text
    return answer.text


async def sent(browser, request, to="", **fields):
    unseen = keys(await opened(browser, request))
    return await browser.post(place(request) + to, data={**unseen, **fields})


def shows_what_was_typed(text):
    told = html.unescape(text)
    assert re.search(r'value="reject" checked', text)
    assert TYPED["reason"] in told
    assert 'name="quota_bytes" value="7"' in text


async def test_the_heading_is_the_person_and_what_is_asked_and_the_steps_say_what_it_waits_for(
    office, desk
):
    request = await office.receives()
    text = await opened(await desk(), request)
    heading = re.search(r"<h1>(.*?)</h1>", text)[1]
    assert request.applicant.name in heading
    assert "permohonan" in heading
    assert request.reference in text
    assert "keputusan pentadbir agensi" in text
    assert "hari bekerja" in text or "hari ini" in text
    # Only approval runs here: the page is whole, and says that it may be behind.
    assert "mungkin ada yang belum ditunjukkan" in text


async def test_a_decision_half_typed_survives_a_comment(office, desk):
    request = await office.receives()
    browser = await desk()
    answer = await sent(browser, request, "/comments", text="Sila semak.", **TYPED)
    assert answer.status_code == 303, answer.text
    text = await opened(browser, request)
    shows_what_was_typed(text)
    assert "Sila semak." in re.search(r"<ol class=\"timeline\">(.*?)</ol>", text, re.DOTALL)[1]
    assert re.search(r'name="text"[^>]*></textarea>', text)
    await office.shows(request, "received")


async def test_a_decision_half_typed_survives_a_comment_that_is_refused(office, desk):
    request = await office.receives()
    answer = await sent(await desk(), request, "/comments", text=" ", **TYPED)
    assert answer.status_code == 422
    shows_what_was_typed(answer.text)


async def test_what_is_half_typed_survives_another_language(office, desk):
    request = await office.receives()
    browser = await desk()
    answer = await sent(browser, request, keep="en", text="Belum dihantar.", **TYPED)
    assert answer.headers["location"] == f"{place(request)}?lang=en"
    text = await opened(browser, request, lang="en")
    assert "Send the decision" in text
    shows_what_was_typed(text)
    assert "Belum dihantar." in text
    other = await opened(await desk(AMINAH), request)
    assert "Belum dihantar." not in other
    assert TYPED["reason"] not in html.unescape(other)


async def test_what_is_decided_is_no_draft_any_more(office, desk):
    request = await office.receives()
    browser = await desk()
    await sent(browser, request, keep="reload", **TYPED)
    answer = await sent(browser, request, text="Minit yang belum dihantar.", **TYPED)
    assert answer.status_code == 303
    text = await opened(browser, request)
    assert "Hantar keputusan" not in text
    assert "Minit yang belum dihantar." in text
    assert "Ditolak" in re.search(r'id="heading".*?</div>', text, re.DOTALL)[0]


@pytest.mark.parametrize("typed", [{"quota_bytes": "25"}, {"max_file_size_bytes": "1.5"}])
async def test_more_than_was_asked_for_is_asked_once_more(office, desk, typed):
    request = await office.receives(quota_bytes=10 * GB, max_file_size_bytes=GB)
    browser = await desk()
    told = {"decision": "approve", **typed}
    answer = await sent(browser, request, **told)
    assert answer.status_code == 200
    assert 'id="once-more"' in answer.text
    await office.shows(request, "received")
    sure = re.search(r'name="sure" value="([^"]+)"', answer.text)[1]
    other = await sent(browser, request, **told, sure="1/1")
    assert 'id="once-more"' in other.text
    answer = await sent(browser, request, **told, sure=sure)
    assert answer.status_code == 303, answer.text
    await office.shows(request, "approved")


async def test_more_than_is_usual_is_asked_once_more_though_it_was_asked_for(office, desk):
    request = await office.receives(quota_bytes=20 * GB)
    browser = await desk()
    answer = await sent(browser, request, decision="approve")
    assert "Kebiasaan agensi ini: 10 GB" in answer.text
    assert "Ya, luluskan 20 GB" in answer.text
    answer = await sent(browser, request, decision="reject", reason="Tidak.")
    assert answer.status_code == 303


async def test_after_a_decision_comes_the_next_in_ones_own_list(office, desk):
    first, second = [await office.receives() for _ in range(2)]
    browser = await desk()
    answer = await sent(browser, first, decision="return", reason="Lampirkan kelulusan.")
    await office.shows(first, "returned")
    text = (await browser.get(answer.headers["location"])).text
    assert "Keputusan anda telah direkodkan" in text
    upcoming = re.search(r'href="(/console/requests/[^"]+)">\s*Seterusnya dalam senarai saya', text)
    assert upcoming
    assert upcoming[1] != place(first)
    assert (await browser.get(place(second))).status_code == 200


async def test_an_outcome_stays_on_the_page_with_what_was_granted(office, desk):
    request = await office.receives(warnings=("not_registered",), quota_bytes=10 * GB)
    browser = await desk()
    answer = await sent(
        browser, request, decision="approve", quota_bytes="5", exception_reason="Disahkan."
    )
    assert answer.status_code == 303
    await office.shows(request, "approved")
    text = await opened(browser, request)
    heading = re.search(r'id="heading".*?</div>', text, re.DOTALL)[0]
    assert "Diluluskan, 5 GB" in heading
    for told in ("dipohon 10 GB", "Disahkan.", "Amaran ketika itu", "tiada dalam direktori"):
        assert told in text
