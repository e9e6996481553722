"""A manager changes the agency's rules in the console: previewed, sent once, waiting for a day, withdrawn."""

import html
import re
from datetime import timedelta

import pytest
from fixtures import signing_in, web

from bmt.agencies.charter import day_of
from bmt.chassis.runtime.clock import now

pytestmark = pytest.mark.integration

ROSNAH = {"account": "rosnah", "name": "Rosnah", "agency": "MAMPU", "role_agency_manager": "on"}
CHANGE = "/console/agency/change"
TODAY = day_of(now())


@pytest.fixture
async def manager(visitor):
    browser = web.another(visitor)
    await signing_in.sign_in(browser, "/console/agency/", ROSNAH)
    yield browser
    await browser.aclose()


def typed(text):
    """Every field of the page's form, as a browser sends it back."""
    fields = dict(
        re.findall(r'<input type="(?:hidden|text|date)"[^>]* name="([^"]+)" value="([^"]*)"', text)
    )
    fields |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)</textarea>', text))
    checked = re.findall(r'type="checkbox"[^>]* name="([^"]+)" checked', text)
    levels = re.search(r'<option value="(\d)" selected', text)
    found = (
        fields | dict.fromkeys(checked, "on") | ({"approval_levels": levels[1]} if levels else {})
    )
    return {name: html.unescape(value) for name, value in found.items()}


async def previewed(manager, **changes):
    fields = typed((await manager.get(CHANGE)).text)
    return await manager.post(CHANGE, data={**fields, **changes, "do": "preview"})


async def test_a_manager_sees_what_changes_and_sends_it_once(manager):
    assert (await manager.get("/account/")).headers["location"] == "/console/agency/"
    assert (await manager.get("/console/")).status_code == 403
    shown = await previewed(manager, quota_default="20", why="Arahan 9/2026")
    assert shown.status_code == 200, shown.text
    assert "<del>10 GB</del>" in shown.text
    assert "<ins>20 GB</ins>" in shown.text
    sent = {**typed(shown.text), "do": "send"}
    edited = await manager.post(CHANGE, data={**sent, "do": "edit"})
    assert 'name="quota_default" value="20"' in edited.text
    for _ in range(2):
        answer = await manager.post(CHANGE, data=sent)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/agency/")
    text = (await manager.get("/console/agency/")).text
    assert text.count("Arahan 9/2026") == 1
    assert "Diubah oleh Rosnah (rosnah)" in text
    assert "20 GB" in text
    assert '<span class="soft">(diubah di konsol)</span>' in text
    compared = (await manager.get("/console/agency/?older=2&newer=1")).text
    assert 'id="compared"' in compared


async def test_what_was_typed_stays_and_every_fault_is_named(manager):
    shown = await previewed(
        manager, quota_default="banyak", decide="0", **{"acting-0-officer": "rosnah"}
    )
    assert shown.status_code == 422
    for field in ("quota_default", "decide", "acting-0-on_behalf_of", "why"):
        assert f'href="#{field}"' in shown.text
        assert f'id="{field}-fault"' in shown.text
    assert 'value="banyak"' in shown.text
    more = await manager.post(CHANGE, data={**typed(shown.text), "do": "more"})
    assert 'id="acting-3-officer"' in more.text
    own = await previewed(
        manager,
        why="x",
        **{
            "acting-0-officer": "rosnah",
            "acting-0-on_behalf_of": "Pengarah",
            "acting-0-from": TODAY.isoformat(),
            "acting-0-until": TODAY.isoformat(),
        },
    )
    assert own.status_code == 422
    assert "Tiada siapa melantik dirinya sendiri" in own.text


async def test_a_change_waits_for_its_day_and_is_withdrawn(manager):
    later = (TODAY + timedelta(9)).isoformat()
    shown = await previewed(manager, notify="4", in_force_from=later, why="Kemudian.")
    answer = await manager.post(CHANGE, data={**typed(shown.text), "do": "send"})
    assert answer.status_code == 303, answer.text
    text = (await manager.get("/console/agency/")).text
    assert "Perubahan menunggu" in text
    refused = await previewed(manager, notify="5", why="Sekarang.")
    assert refused.status_code == 409
    assert "Satu perubahan sedang menunggu harinya" in refused.text
    withdrawal = typed(text)
    bad = await manager.post("/console/agency/withdrawal", data={**withdrawal, "why": ""})
    assert bad.status_code == 422
    assert 'id="why-fault"' in bad.text
    done = await manager.post("/console/agency/withdrawal", data={**withdrawal, "why": "Tangguh."})
    assert done.status_code == 303, done.text
    text = (await manager.get("/console/agency/")).text
    assert "Perubahan menunggu" not in text
    assert "menarik balik versi" in text


async def test_a_manager_sets_that_grants_are_confirmed(manager):
    begun = typed((await manager.get(CHANGE)).text)
    assert (begun["every_months"], begun["days_to_answer"]) == ("0", "30")
    assert "leavers" not in begun
    wrong = await previewed(manager, every_months="61", days_to_answer="", why="Semakan.")
    for field in ("every_months", "days_to_answer"):
        assert f'href="#{field}"' in wrong.text
    rule = {"every_months": "12", "days_to_answer": "20", "leavers": "on"}
    shown = await previewed(manager, **rule, why="Semakan ISO 27001.")
    assert "<ins>12</ins>" in shown.text
    sent = {**typed(shown.text), "do": "send"}
    assert (await manager.post(CHANGE, data=sent)).status_code == 303
    again = typed((await manager.get(CHANGE)).text)
    assert {name: again.get(name) for name in (*rule, "unanswered")} == {**rule, "unanswered": None}
