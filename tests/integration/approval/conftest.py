"""One approval for all tests here; each test brings requests of its own."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from eventually import eventually
from fixtures.samples import APPLICANT, facts, received
from fixtures.uploads import Archive
from fixtures.wire import Wire

from bmt.chassis.runtime.mongodb import connect
from bmt.contracts.requests import RequestFacts
from services.approval.main import build
from services.approval.settings import Settings


class Office:
    """Approval, its topics, and the administrators who call it."""

    def __init__(
        self, client: httpx.AsyncClient, wire: Wire, as_: Callable[..., dict[str, str]]
    ) -> None:
        self.client = client
        self.wire = wire
        self.as_ = as_

    async def receives(self, *, warnings: tuple[str, ...] = (), **changes: Any) -> RequestFacts:
        """A request that was received and stands on the worklist."""
        account = f"ahmad.{changes.get('agency', 'MAMPU').lower()}@mygovuc.gov.my"
        applicant = APPLICANT.model_copy(update={"account": account})
        request = facts(**{"applicant": applicant, **changes})
        await self.wire.say(received(request, warnings=warnings))
        await eventually(lambda: self.shows(request, "received"))
        return request

    async def shows(self, request: RequestFacts, status: str) -> dict[str, Any]:
        answer = await self.get(f"/v1/requests/{request.request_id}", request.agency)
        assert answer.status_code == 200
        assert answer.json()["status"] == status
        return answer.json()

    async def handled(self, event: str) -> float:
        """How many events of this name were heard and handled so far, whatever came of them."""
        metrics = (await self.client.get("/metrics")).text
        return sum(
            float(line.rpartition(" ")[2])
            for line in metrics.splitlines()
            if line.startswith("bmt_events_handled_total") and f".{event}.v1" in line
        )

    async def get(self, path: str, agency: str = "MAMPU", **params: Any) -> httpx.Response:
        headers = self.as_("administrator", agency)
        return await self.client.get(path, headers=headers, params=params)

    async def decide(
        self,
        request: RequestFacts | str,
        decision: str = "approve",
        *who: str,
        key: str = "",
        **fields: Any,
    ) -> httpx.Response:
        """`who` as for the fixture `token`: role, agency, subject, name."""
        request_id = request if isinstance(request, str) else request.request_id
        return await self.client.post(
            f"/v1/requests/{request_id}/decision",
            headers=self.as_(*(who or ("administrator",)), key=key),
            json={"decision": decision, **fields},
        )

    async def decide_all(self, items: list[dict[str, Any]], key: str = "") -> httpx.Response:
        headers = self.as_("administrator", key=key)
        return await self.client.post("/v1/decisions", headers=headers, json={"items": items})

    async def worklist(self, agency: str = "MAMPU") -> list[dict[str, Any]]:
        """All pages of it."""
        items, cursor = [], None
        while True:
            params = {"limit": 7} | ({"cursor": cursor} if cursor else {})
            page = (await self.get("/v1/worklist", agency, **params)).json()
            items += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return items


@pytest.fixture(scope="module")
async def approval(shared) -> AsyncIterator[httpx.AsyncClient]:
    async with shared.running(build, Settings) as client:
        yield client


@pytest.fixture
async def archive(shared, mongodb) -> AsyncIterator[Archive]:
    """What intake took in."""
    client = connect(mongodb)
    yield Archive(client[f"{shared.name}_documents"])
    client.close()


@pytest.fixture
def office(approval, shared, as_) -> Office:
    return Office(approval, shared.wire, as_)
