"""The embedded IPMS: the extension, and what a kill leaves of it."""

import signal
from pathlib import Path

import httpx
import pytest
import yaml

from evaluation.ipms_server import EXTENSION
from evaluation.ports import any_free_port
from evaluation.services import Ipms
from evaluation.supervisor import running

pytestmark = pytest.mark.integration

ACCOUNTS = Path(__file__).parents[3] / "examples" / "accounts.yaml"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SITI = "siti.mampu@mygovuc.gov.my"


@pytest.fixture(scope="module")
def ipms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ipms")
    return Ipms(folder / "accounts.jsonl", any_free_port(), "the-token", ACCOUNTS)


@pytest.fixture(scope="module")
async def server(ipms, tmp_path_factory):
    async with running(ipms.program(), tmp_path_factory.mktemp("logs")):
        yield ipms


def client(ipms):
    return httpx.AsyncClient(
        base_url=ipms.url, headers={"Authorization": f"Bearer {ipms.token}"}, trust_env=False
    )


async def find(scim, user_name):
    answer = await scim.get("/Users", params={"filter": f'userName eq "{user_name}"'})
    return answer.json()["Resources"][0]


async def change(scim, identity, **service):
    operations = [
        {"op": "replace", "path": f"{EXTENSION}:{name}", "value": value}
        for name, value in service.items()
    ]
    return await scim.patch(
        f"/Users/{identity}", json={"schemas": [PATCH], "Operations": operations}
    )


async def test_it_starts_with_the_sample_accounts(server):
    async with client(server) as scim:
        found = (await scim.get("/Users")).json()["Resources"]

    expected = {each["userName"]: each["active"] for each in yaml.safe_load(ACCOUNTS.read_text())}
    assert {each["userName"]: each["active"] for each in found} == expected
    assert all(each["meta"]["location"].startswith(f"{server.url}/Users/") for each in found)


async def test_nobody_enters_without_the_token(server):
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as stranger:
        assert (await stranger.get("/Users")).status_code == 401
        stranger.headers["Authorization"] = "Bearer wrong"
        assert (await stranger.get("/Users")).status_code == 401


async def test_the_service_is_given_and_taken_by_the_extension(server):
    async with client(server) as scim:
        siti = await find(scim, SITI)

        answer = await change(scim, siti["id"], bmtEnabled=True, maxFileSizeBytes="2000000000")

        assert answer.status_code in {200, 204}
        service = (await find(scim, SITI))[EXTENSION]
        assert service == {"bmtEnabled": True, "maxFileSizeBytes": "2000000000"}


async def test_a_stale_version_is_refused(server):
    async with client(server) as scim:
        siti = await find(scim, SITI)
        await change(scim, siti["id"], maxFileSizeBytes="12")

        answer = await scim.patch(
            f"/Users/{siti['id']}",
            headers={"If-Match": siti["meta"]["version"]},
            json={
                "schemas": [PATCH],
                "Operations": [{"op": "replace", "value": {"active": False}}],
            },
        )

    assert answer.status_code == 412


async def test_the_extension_is_discovered(server):
    async with client(server) as scim:
        schema = (await scim.get(f"/Schemas/{EXTENSION}")).json()
        user = (await scim.get("/ResourceTypes/User")).json()

    types = {each["name"]: each["type"] for each in schema["attributes"]}
    assert types == {"bmtEnabled": "boolean", "maxFileSizeBytes": "string"}
    assert EXTENSION in {each["schema"] for each in user["schemaExtensions"]}


async def test_what_was_answered_outlives_a_kill(tmp_path):
    ipms = Ipms(tmp_path / "accounts.jsonl", any_free_port(), "the-token", ACCOUNTS)
    async with running(ipms.program(), tmp_path / "logs") as process, client(ipms) as scim:
        siti = await find(scim, SITI)
        await change(scim, siti["id"], bmtEnabled=True, maxFileSizeBytes="5")
        new = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "new"}
        await scim.post("/Users", json=new)
        gone = await find(scim, "ravi.mampu@mygovuc.gov.my")
        await scim.delete(f"/Users/{gone['id']}")
        before = (await scim.get("/Users")).json()
        process.signal(signal.SIGKILL)
        await process.ended()
    with ipms.journal.open("a") as journal:
        journal.write('{"id": "cut sho')

    async with running(ipms.program(), tmp_path / "logs"), client(ipms) as scim:
        after = (await scim.get("/Users")).json()
        assert after == before
        siti = await find(scim, SITI)
        await change(scim, siti["id"], bmtEnabled=False)
        assert (await find(scim, SITI))["meta"]["version"] != siti["meta"]["version"]
