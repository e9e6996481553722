"""The operators' page in Chromium: what was refused is tried again and discarded, in both languages, without scripts too."""

import uuid

import pytest
from aiokafka import AIOKafkaProducer
from eventually import eventually
from fixtures.browsing import MARKS, TOO_WIDE, clean, ways
from fixtures.outside import as_principal
from playwright.async_api import expect

pytestmark = MARKS

RETRY = {"ms": "Cuba semula", "en": "Try again"}
WHY = {"ms": "tidak dapat dibaca sebagai peristiwa", "en": "cannot be read as an event"}
DISCARD = {"ms": "Ketepikan", "en": "Discard"}


@pytest.fixture
async def refused(ready):
    """The place of an event of hrmis that intake refuses."""
    async with AIOKafkaProducer(**as_principal(ready, "hrmis")) as producer:
        headers = [("ce_id", uuid.uuid4().hex.encode())]
        sent = await producer.send_and_wait("bmt.inbound.hrmis.v1", b"{}", headers=headers)
    return f"{sent.topic}:{sent.partition}:{sent.offset}"


@ways("ms", scripts=True)
async def test_an_operator_sees_to_what_was_refused(ready, new_page, refused, language, scripts):
    page = await new_page(scripts=scripts)
    await page.goto(f"{ready['web']['url']}/health/?lang={language}")
    assert await page.get_by_text("Kesihatan sistem").count() == 1  # for which pages one signs in
    await page.get_by_role("button", name="operator.jpa").press("Enter")
    await page.wait_for_url("**/health/**")

    # Tried again, it waits in another list for a moment.
    row = page.locator(f"tr:has(form[action*='dead-letters']):has(code.hash:text-is('{refused}'))")

    async def listed():
        await page.goto(f"{ready['web']['url']}/health/?lang={language}")
        assert await row.count() == 1

    await eventually(listed, 60)
    await expect(row).to_contain_text(WHY[language])
    await row.locator("summary").press("Enter")
    for does in ("show", "retry", "discard"):
        await expect(
            row.locator("code", has_text=f"bmt dead-letters {does} {refused}")
        ).to_be_visible()
    found = page.locator("section.banner.bad")
    await expect(found).to_contain_text("bmt dead-letters list")
    for part in ("Kafka", "MongoDB", "IPMS"):
        assert await page.get_by_role("rowheader", name=part, exact=True).count() == 1
    await row.get_by_role("button", name=f"{DISCARD[language]} {refused}", exact=True).press(
        "Enter"
    )
    await page.wait_for_url("**/health/dead-letters/**")
    assert await page.locator("[aria-invalid=true]").count() == 1
    if scripts:  # axe needs them; who has none sees the same
        await clean(page, "refused")
    await page.set_viewport_size({"width": 390, "height": 800})
    assert await page.evaluate(TOO_WIDE) == []
    await row.get_by_role("button", name=f"{RETRY[language]} {refused}", exact=True).press("Enter")
    await page.wait_for_url("**/health/?done=retried")
    await eventually(listed, 60)  # it is refused again
    await row.get_by_role("textbox").fill("hrmis was told")
    await row.get_by_role("button", name=f"{DISCARD[language]} {refused}", exact=True).press(
        "Enter"
    )
    await page.wait_for_url("**/health/?done=discarded")
    assert await row.count() == 0
    if scripts:
        await clean(page, "done")
    assert page.strangers == []
