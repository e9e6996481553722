"""What the operators' page says first."""

import httpx
import pytest
from console_pages import Services, browser

from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime.clock import now
from web.health.pages import AREA

OPERATOR = Principal("ops", "", "Ops", "MAMPU", frozenset({"operator"}))


@pytest.mark.parametrize("storage_up", [True, False])
async def test_all_is_well_only_while_every_part_answers(storage_up):
    storage = (
        f'bmt_part_up{{part="storage"}} {int(storage_up)}\n'
        f'bmt_part_changed_timestamp_seconds{{part="storage"}} {now().timestamp() - 5}\n'
    )
    watched = {"provisioning /metrics": httpx.Response(200, text=storage)}
    services = Services({**watched, "/metrics": httpx.Response(200, text="")})
    answer = await browser(services, OPERATOR, AREA).get("/")
    assert answer.status_code == 200
    assert ("Semuanya berjalan" in answer.text) is storage_up
    missing = "Tidak menjawab buat masa ini:</strong> Storan pemindahan"
    assert (missing in answer.text) is not storage_up
