"""What the job `prepare` of deploy/kubernetes runs, run here on a real mongod."""

import asyncio
import os
import sys
from urllib.parse import urlsplit

import pytest
from fixtures.compose import make_secrets
from fixtures.kubernetes import FOLDER
from fixtures.mongodb import embedded_mongodb

from bmt.chassis.runtime.mongodb import connect
from bmt.rights import mongodb_rights
from evaluation.supervisor import running

pytestmark = pytest.mark.integration


async def prepared(variables):
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(FOLDER / "base" / "mongodb_users.py"),
        env={**os.environ, **variables},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(child.communicate(), 60)
    return child.returncode, said.decode()


@pytest.fixture
async def mongod(tmp_path):
    """A MongoDB of its own, whose users may get other passwords; yields its administrator's address."""
    server = embedded_mongodb(tmp_path)
    async with running(server.program(), tmp_path / "logs"):
        yield server.uri()


async def test_every_user_of_mongodb_has_the_password_of_its_address_and_its_rights(
    mongod, tmp_path
):
    secrets = make_secrets(tmp_path / "secrets")
    given = {
        "SECRETS": str(secrets),
        "BMT_MONGODB_URI": mongod,
        "BMT_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",  # as in the job, and not asked here
    }
    assert await prepared(given) == (0, "")

    here = urlsplit(mongod).netloc.rpartition("@")[2]
    for user in mongodb_rights.USERS:
        address = (secrets / f"mongodb-{user}").read_text().replace("mongodb:27017", here)
        client = connect(address)
        found = await client.admin.command("connectionStatus", showPrivileges=True)
        client.close()
        held = mongodb_rights.flattened(found["authInfo"]["authenticatedUserPrivileges"])
        assert held == mongodb_rights.rights_of(user)


async def test_a_missing_address_is_named_and_nobody_is_made(tmp_path):
    code, said = await prepared({"SECRETS": str(tmp_path)})
    assert code == 2
    assert said.startswith(
        f"bmt: {tmp_path}/mongodb-intake is wrong: mongodb://USER:PASSWORD@HOST/"
    )
