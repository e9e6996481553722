"""The client charter's figures in a real browser: for an agency, and over all agencies."""

from urllib.parse import urljoin

import pytest
from eventually import eventually
from fixtures.browsing import LANGUAGES, MARKS, clean, picture, sign_in, sign_in_as
from fixtures.outside import SECONDS, registered
from fixtures.thoroughness import only_long
from playwright.async_api import expect

from bmt.contracts.http.records import CharterFigures

pytestmark = MARKS


@pytest.fixture(scope="module")
async def figures(ready, http, caller):
    """One request is decided and told, one is undecided and one is with its applicant; what records makes of all."""
    admin = caller("administrator")
    told, returned, _undecided = [
        await admin.submit(account=await registered(http, ready)) for _ in range(3)
    ]
    for request_id, decision in ((told, "reject"), (returned, "return")):
        answer = await admin.decide(request_id, decision, reason="Lampirkan memo.")
        assert answer.status_code == 201, answer.text

    async def counted():
        asked = {"from": "2020-01-01", "to": "2090-01-01"}
        answer = await admin.get("records", "/v1/charter", params=asked)
        made = CharterFigures.model_validate_json(answer.content)
        decide, _, notify = made.steps
        assert decide.kept
        assert decide.pending > 1
        assert notify.kept
        assert sum(one.returns for one in made.returns)
        return made

    return await eventually(counted, 2 * SECONDS)


@LANGUAGES
async def test_axe_finds_nothing_wrong_with_the_figures(new_page, figures, ready, language):
    page = await new_page("approval", scripts=True)
    await sign_in_as(page, "Aminah")
    here = f"{ready['web']['url']}/console/figures/"
    for name in (
        f"?lang={language}",
        "?from=2030-01-01&to=2020-01-01",
        "?from=2000-01-01&to=2000-02-01",
    ):
        await page.goto(urljoin(here, name))
        await clean(page, name)
        if language == "ms" and name.startswith("?lang"):
            await picture(page, "pentadbir-piagam")


async def as_operator(page):
    await page.locator("#account").fill("operator.semua@mygovuc.gov.my")
    await page.locator("#name").fill("Operator")
    await page.locator("input[name=role_operator]").check()
    await page.locator("button.main").press("Enter")
    await page.wait_for_url("**/audit/**")


@only_long
@pytest.mark.parametrize(("who", "area"), [(sign_in, "audit"), (as_operator, "health")])
async def test_who_looks_after_all_agencies_compares_them(new_page, figures, ready, who, area):
    page = await new_page(scripts=False)
    await who(page)
    await page.goto(f"{ready['web']['url']}/{area}/")
    await page.get_by_role("link", name="Piagam pelanggan").click()
    await expect(page.locator("h2#agencies")).to_be_visible()
    await page.locator("#agency").select_option("KPM")
    await page.get_by_role("button", name="Tunjukkan").click()
    name = page.locator("main > .soft").first
    await expect(name).to_have_text("Kementerian Pendidikan Malaysia")
    await expect(page.locator("h2#agencies")).to_have_count(0)
