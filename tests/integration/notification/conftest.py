"""One notification for all tests here; each test brings requests and an address of its own."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import yaml
from eventually import eventually
from fixtures.mail_server import MailServer
from fixtures.samples import APPLICANT, facts, received
from fixtures.service import AGENCIES_FILE
from fixtures.wire import Said, Wire

from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from bmt.contracts.events import RequestFacts
from services.notification.main import build
from services.notification.settings import Settings

SENDER = "bmt@mygovuc.gov.my"


class Desk:
    """Notification, its topics, its mail server, and those who call it.

    Attributes:
        office: who is reminded of JPJ's requests.
        above: who is told what is overdue there.
    """

    office = "pejabat@jpj.gov.my"
    above = "ketua@jpj.gov.my"

    def __init__(
        self,
        client: httpx.AsyncClient,
        wire: Wire,
        mail: MailServer,
        as_: Callable[..., dict[str, str]],
    ) -> None:
        self.client = client
        self.wire = wire
        self.mail = mail
        self.as_ = as_

    def request(self, **changes: Any) -> RequestFacts:
        """A request of an applicant whom no other test knows."""
        name = f"ahmad{uuid.uuid4().hex[:8]}"
        account = f"{name}.mampu@mygovuc.gov.my"
        applicant = APPLICANT.model_copy(
            update={"account": account, "email": f"{name}@mampu.gov.my"}
        )
        return facts(**{"applicant": applicant, **changes})

    async def acknowledged(self, **changes: Any) -> RequestFacts:
        """A request whose applicant was told that it was received."""
        request = self.request(**changes)
        await self.wire.say(received(request))
        await self.item(request, "acknowledgement", "notified")
        return request

    async def says(self, request: RequestFacts, *names: str) -> list[Said]:
        """All that is said of the request, once it is these events."""
        return await self.wire.hear(topics.NOTIFICATIONS, request.request_id, *names)

    async def item(self, request: RequestFacts, about: str, status: str) -> dict[str, Any]:
        """The notice as it is listed, once it has this status."""

        async def has_status() -> dict[str, Any]:
            answer = await self.listed(request)
            assert answer.status_code == 200
            items = [one for one in answer.json()["items"] if one["about"] == about]
            assert [item["status"] for item in items] == [status]
            return items[0]

        return await eventually(has_status)

    async def listed(self, request: RequestFacts, *who: str, **params: Any) -> httpx.Response:
        path = f"/v1/requests/{request.request_id}/notifications"
        headers = self.as_(*(who or ("administrator", request.agency)))
        return await self.client.get(path, headers=headers, params=params)

    async def document(self, item: dict[str, Any], *who: str) -> httpx.Response:
        path = f"/v1/notifications/{item['notification_id']}/document"
        return await self.client.get(path, headers=self.as_(*(who or ("administrator",))))

    async def post(
        self, item: dict[str, Any], call: str, *who: str, key: str = "", body: Any = None
    ) -> httpx.Response:
        path = f"/v1/notifications/{item['notification_id']}/{call}"
        headers = self.as_(*(who or ("administrator",)), key=key)
        return await self.client.post(path, headers=headers, json=body)

    async def mails(self, request: RequestFacts, count: int) -> list[Any]:
        """What arrived for the applicant, once it is so many."""

        def arrived() -> list[Any]:
            taken = self.mail.taken[request.applicant.email]
            assert len(taken) == count
            return taken

        return await eventually(arrived)

    async def get(self, path: str, *who: str, **params: Any) -> httpx.Response:
        headers = self.as_(*(who or ("administrator", "MAMPU")))
        return await self.client.get(path, headers=headers, params=params)

    async def send(
        self, method: str, path: str, body: Any, *who: str, key: str = "", **params: Any
    ) -> httpx.Response:
        headers = self.as_(*(who or ("administrator", "MAMPU")), key=key)
        return await self.client.request(method, path, headers=headers, json=body, params=params)

    async def reminders(self, request: RequestFacts, address: str, count: int) -> list[bytes]:
        """The mails to an office about this request, once they are so many."""

        def arrived() -> list[bytes]:
            about = request.request_id.encode()
            taken = [raw for raw in self.mail.raw[address] if about in raw]
            assert len(taken) == count
            return taken

        return await eventually(arrived)

    async def metric(self, line: str) -> float:
        metrics = (await self.client.get("/metrics")).text
        return sum(float(m.rpartition(" ")[2]) for m in metrics.splitlines() if m.startswith(line))


@pytest.fixture(scope="module")
async def mail() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def own() -> dict[str, Any]:
    """Settings that a module's notification has beside the usual ones."""
    return {}


@pytest.fixture(scope="module")
async def notification(shared, mail, own, tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    """With two more agencies: JKR, where a paper counts as handed over once it is prepared, and JPJ, whose
    office wants to be reminded of the client charter.
    """
    agencies = yaml.safe_load(AGENCIES_FILE.read_text())
    agencies["JKR"] = {**agencies["MAMPU"], "paper_dispatch": "on-preparation"}
    agencies["JPJ"] = {
        **agencies["MAMPU"],
        "office_email": Desk.office,
        "escalation_email": Desk.above,
    }
    rules = tmp_path_factory.mktemp("agencies") / "agencies.yaml"
    rules.write_text(yaml.safe_dump(agencies))
    variables = {
        "smtp_host": "127.0.0.1",
        "smtp_port": mail.port,
        "smtp_sender": SENDER,
        "web_url": "https://bmt.example/",
        **own,
    }
    async with shared.running(build, Settings, agencies_file=rules, **variables) as client:
        yield client


@pytest.fixture
def desk(notification, shared, mail, as_) -> Desk:
    return Desk(notification, shared.wire, mail, as_)


@pytest.fixture
async def stream_of(
    notification, shared, mongodb
) -> AsyncIterator[Callable[[RequestFacts], Awaitable[list[list[str]]]]]:
    """`await stream_of(request)`: the names of the events of each of its commits, in order."""
    client = connect(mongodb)
    commits = client[f"{shared.name}_notification"]["commits"]

    async def names(request: RequestFacts) -> list[list[str]]:
        found = commits.find({"stream": f"request-{request.request_id}"}).sort("version", 1)
        return [
            [event["type"].split(".")[-2] for event in commit["events"]] async for commit in found
        ]

    yield names
    client.close()
