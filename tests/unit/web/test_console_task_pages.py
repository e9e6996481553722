"""A task in the console: what an officer confirmed is not called read back."""

import re

import httpx
import pytest
from console_pages import browser

from bmt.contracts.events import Effective, EffectiveIpms, EffectiveStorage, Evidence
from bmt.contracts.http.provisioning import TaskInFull
from bmt.contracts.values import Officer

AT = "2026-11-28T01:00:00Z"
HASSAN = Officer(subject="hassan.jpa@mygovuc.gov.my", name="Hassan", role="administrator")
STORAGE = Evidence(target="storage", connector="copyparty", read_back_at=AT)
BEFORE = Evidence(target="ipms", connector="worklist", read_back_at=AT)
CONFIRMED = Evidence(target="ipms", connector="worklist", confirmed_by=HASSAN, confirmed_at=AT)


async def page(ipms: Evidence) -> str:
    task = TaskInFull(
        task_id="t",
        request_id="r",
        reference="JPA/2026/000001",
        agency="JPA",
        kind="application",
        account="lim.jpa@mygovuc.gov.my",
        target="ipms",
        instructions="Hidupkan. Turn it on.",
        status="completed",
        opened_at=AT,
        completed_by=HASSAN,
        completed_at=AT,
        request_status="configured",
        effective=Effective(
            ipms=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=1),
            storage=EffectiveStorage(enabled=True, quota_bytes=1, max_file_size_bytes=1),
        ),
        proof=(STORAGE, ipms),
    )
    answer = httpx.Response(200, content=task.model_dump_json(by_alias=True))
    shown = await browser(lambda _: answer).get("/tasks/t")
    assert shown.status_code == 200
    return re.sub(r"\s+", " ", shown.text)


@pytest.mark.parametrize("ipms", [CONFIRMED, BEFORE])
async def test_only_the_storage_was_read_back(ipms):
    shown = await page(ipms)
    assert shown.count("Dibaca semula") == 1
    assert "<dt>IPMS</dt> <dd>Disahkan oleh pegawai, tidak dibaca semula oleh sistem" in shown
