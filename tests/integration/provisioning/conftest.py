"""The real targets of provisioning: the embedded IPMS and the embedded transfer storage."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import connector_benches
import httpx
import pytest
import yaml
from connector_benches import Bench
from fixtures.service import AGENCIES_FILE
from fixtures.sftpgo import SftpgoServer
from fixtures.sftpgo import sftpgo as sftpgo_in

from evaluation.ports import any_free_port
from evaluation.services import Ipms
from evaluation.storage import Storage, owner_password
from evaluation.supervisor import Process, running
from services.provisioning.main import build
from services.provisioning.settings import Settings

Provisioning = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]

ACCOUNTS = Path(__file__).parents[3] / "examples" / "accounts.yaml"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SERVICE = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"


@dataclass(frozen=True)
class IpmsServer:
    """IPMS, and what an outsider sees and does there."""

    part: Ipms
    process: Process

    def client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.part.token}"}
        return httpx.AsyncClient(base_url=self.part.url, headers=headers, trust_env=False)

    async def register(self, account: str) -> None:
        async with self.client() as scim:
            user = {"schemas": [USER], "userName": account, "active": True}
            (await scim.post("/Users", json=user)).raise_for_status()

    async def set(self, account: str, *, enabled: bool, size: int | None = None) -> None:
        """What somebody does in the portal."""
        shown = {"bmtEnabled": enabled, "maxFileSizeBytes": size and str(size)}
        await self._set(account, {f"{SERVICE}:{name}": value for name, value in shown.items()})

    async def leave(self, account: str) -> None:
        """The account is no longer active."""
        await self._set(account, {"active": False})

    async def _set(self, account: str, values: dict[str, Any]) -> None:
        async with self.client() as scim:
            answer = await scim.get("/Users", params={"filter": f'userName eq "{account}"'})
            (user,) = answer.json()["Resources"]
            changes = [
                {"op": "replace", "path": path, "value": value} for path, value in values.items()
            ]
            patch = {"schemas": [PATCH], "Operations": changes}
            (await scim.patch(f"/Users/{user['id']}", json=patch)).raise_for_status()

    async def service(self, account: str) -> dict[str, Any]:
        """The extension of the account's user."""
        async with self.client() as scim:
            answer = await scim.get("/Users", params={"filter": f'userName eq "{account}"'})
        (user,) = answer.json()["Resources"]
        return user.get(SERVICE, {})


@dataclass(frozen=True)
class StorageServer:
    """The transfer storage, and what an owner meets there."""

    part: Storage
    process: Process

    def owner(self, account: str) -> httpx.AsyncClient:
        password = owner_password(self.part.password, account)
        return httpx.AsyncClient(
            base_url=f"{self.part.url}/{account}", auth=(account, password), trust_env=False
        )

    async def upload(self, account: str, name: str, size: int) -> int:
        """The status of an upload by the owner."""
        async with self.owner(account) as client:
            return (await client.put(f"/{name}", content=b"x" * size)).status_code

    async def visit(self, account: str) -> int:
        """The status that the owner meets."""
        async with self.owner(account) as client:
            return (await client.get("/")).status_code


@pytest.fixture(scope="session")
async def ipms(tmp_path_factory) -> AsyncIterator[IpmsServer]:
    """One IPMS for all tests of provisioning."""
    folder = tmp_path_factory.mktemp("ipms")
    part = Ipms(folder / "accounts.jsonl", any_free_port(), "the-token", ACCOUNTS)
    async with running(part.program(), folder / "logs") as process:
        yield IpmsServer(part, process)


@pytest.fixture(scope="session")
async def storage(tmp_path_factory) -> AsyncIterator[StorageServer]:
    """One storage for all tests of provisioning."""
    folder = tmp_path_factory.mktemp("storage")
    part = Storage(folder / "storage", any_free_port(), "the-admins-password")
    async with running(part.program(), folder / "logs") as process:
        yield StorageServer(part, process)


@pytest.fixture(scope="session")
async def sftpgo_server(tmp_path_factory) -> AsyncIterator[SftpgoServer]:
    """One SFTPGo for all tests of provisioning, where its program is at hand."""
    async with sftpgo_in(tmp_path_factory.mktemp("sftpgo")) as server:
        yield server


@pytest.fixture
def agencies_file(tmp_path) -> Path:
    """The evaluation's agencies, except that at JPA the approver may not configure."""
    return _agencies_file(tmp_path)


def _agencies_file(folder: Path) -> Path:
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    rules["JPA"]["separation"] = {"approver_may_configure": False}
    file = folder / "agencies.yaml"
    file.write_text(yaml.safe_dump(rules))
    return file


def _targets(ipms: IpmsServer, storage: StorageServer) -> dict[str, Any]:
    return {
        "ipms_url": ipms.part.url,
        "ipms_token": ipms.part.token,
        "storage_url": storage.part.url,
        "storage_password": storage.part.password,
        "storage_volumes": storage.part.volumes,
    }


@pytest.fixture(scope="module")
async def client(shared, ipms, storage, tmp_path_factory) -> AsyncIterator[httpx.AsyncClient]:
    """One service for all tests of a module that bring accounts of their own."""
    file = _agencies_file(tmp_path_factory.mktemp("agencies"))
    targets = _targets(ipms, storage)
    async with shared.running(build, Settings, **targets, agencies_file=file) as client:
        yield client


@pytest.fixture
def provisioning(running, ipms, storage, agencies_file) -> Provisioning:
    """`async with provisioning() as client`: the service with its real targets."""

    def start(**variables: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        targets = {**_targets(ipms, storage), "agencies_file": agencies_file}
        return running(build, Settings, **{**targets, **variables})

    return start


@pytest.fixture
async def scim(ipms) -> AsyncIterator[Bench]:
    async with connector_benches.of_scim(ipms) as bench:
        yield bench


@pytest.fixture
async def copyparty(storage) -> AsyncIterator[Bench]:
    async with connector_benches.of_copyparty(storage) as bench:
        yield bench


@pytest.fixture
async def sftpgo(sftpgo_server) -> AsyncIterator[Bench]:
    async with connector_benches.of_sftpgo(sftpgo_server) as bench:
        yield bench


@pytest.fixture
async def nextcloud() -> AsyncIterator[Bench]:
    if not connector_benches.NEXTCLOUD:
        pytest.skip("BMT_TEST_NEXTCLOUD does not say where a Nextcloud and its administrator are")
    async with connector_benches.of_nextcloud() as bench:
        yield bench


@pytest.fixture
def worklist() -> Bench:
    return connector_benches.of_worklist()


@pytest.fixture
async def folder() -> AsyncIterator[Bench]:
    async with connector_benches.of_folder() as bench:
        yield bench


@pytest.fixture
async def own() -> AsyncIterator[Bench]:
    async with connector_benches.own() as bench:
        yield bench


SYSTEMS = [
    "scim",
    "copyparty",
    "sftpgo",
    "nextcloud",
    "folder",
    *(["own"] if connector_benches.OWN else []),
]


@pytest.fixture(params=[*SYSTEMS, "worklist"])
def bench(request) -> Bench:
    """Each connector in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=SYSTEMS)
def system(request) -> Bench:
    """Each connector that calls another system."""
    return request.getfixturevalue(request.param)
