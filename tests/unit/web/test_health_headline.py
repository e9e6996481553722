"""What the operators' page says first."""

import httpx
import pytest
from console_pages import browser

from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime.clock import now
from web.health.pages import AREA

OPERATOR = Principal("ops", "", "Ops", "MAMPU", frozenset({"operator"}))


def services(storage_up):
    """Five services of which provisioning watches the storage, since five seconds."""

    def answered(call):
        if call.url.path != "/metrics":
            return httpx.Response(200, json={"items": [], "next_cursor": None})
        if call.url.host != "provisioning":
            return httpx.Response(200, text="")
        changed = now().timestamp() - 5
        return httpx.Response(
            200,
            text=f'bmt_part_up{{part="storage"}} {int(storage_up)}\n'
            f'bmt_part_changed_timestamp_seconds{{part="storage"}} {changed}\n',
        )

    return answered


@pytest.mark.parametrize("storage_up", [True, False])
async def test_all_is_well_only_while_every_part_answers(storage_up):
    answer = await browser(services(storage_up), OPERATOR, AREA).get("/")
    assert answer.status_code == 200
    assert ("Semuanya berjalan" in answer.text) is storage_up
    missing = "Tidak menjawab buat masa ini:</strong> Storan pemindahan"
    assert (missing in answer.text) is not storage_up
