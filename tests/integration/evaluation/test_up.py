"""`bmt up`, `bmt down` and `bmt token` as their user meets them, without the services."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from eventually import eventually
from joserfc import jwt
from joserfc.jwk import KeySet
from typer.testing import CliRunner

from bmt.chassis.runtime.mongodb import connect
from bmt.cli.main import app
from evaluation.ports import free_base

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[3]


def bmt(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "bmt.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=REPOSITORY,
        check=False,
    )


def answered(*arguments):
    """As `bmt`, in this process: for what starts nothing."""
    return CliRunner().invoke(app, list(map(str, arguments)))


class Up:
    """A system that a test started."""

    def __init__(self, folder):
        self.data, self.file, self.base = folder / "data", folder / "ready.json", free_base()

    def start(self):
        options = ("--port-base", self.base, "--ready-file", self.file, "--detach", "--parts-only")
        return bmt("up", "--data", self.data, *options)

    @property
    def ready(self):
        return json.loads(self.file.read_text())

    def processes(self):
        """Ids of all processes that know its data directory."""
        marker = str(self.data).encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if marker in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:  # it ended meanwhile
                continue
        return found


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    system = Up(tmp_path_factory.mktemp("up"))
    started = system.start()
    assert started.returncode == 0, started.stderr
    assert "127.0.0.1" in started.stdout
    yield system
    answered("down", "--data", system.data)


async def test_the_ready_file_says_where_everything_is(up):
    ready = up.ready

    assert ready["issuer"] == f"http://127.0.0.1:{up.base}"
    assert ready["kafka"]["bootstrap_servers"] == f"127.0.0.1:{up.base + 20}"
    assert set(ready["kafka"]["principals"]) == {"hrmis", "observer"}
    assert ready["mail"] == {
        "smtp": f"127.0.0.1:{up.base + 25}",
        "maildir": str(up.data / "mail"),
    }
    assert ready["storage"]["kind"] == "copyparty"
    assert "siti.mampu@mygovuc.gov.my" in ready["storage"]["owners"]
    assert up.file.stat().st_mode & 0o077 == 0


async def test_a_token_verifies_with_the_keys_of_the_issuer(up):
    options = ("--role", "applicant", "--role", "auditor", "--agency", "MAMPU", "--subject", "siti")
    printed = answered(
        "token", "--data", up.data, *options, "--expires-in", "60", "--audience", "x"
    )

    assert printed.exit_code == 0
    async with httpx.AsyncClient(trust_env=False) as client:
        keys = (await client.get(up.ready["issuer"] + "/keys")).json()
    claims = jwt.decode(printed.stdout.strip(), KeySet.import_key_set(keys)).claims
    assert (claims["sub"], claims["agency"]) == ("siti", "MAMPU")
    assert claims["roles"] == ["applicant", "auditor"]
    assert (claims["aud"], claims["exp"] - claims["iat"]) == ("x", 60)
    printed = answered("token", "--data", up.data, "--role", "auditor").stdout.strip()
    told = jwt.decode(printed, KeySet.import_key_set(keys))
    assert (told.claims["aud"], told.header["typ"]) == ("bmt-api", "at+jwt")


async def test_an_owner_is_in_the_ready_file_once_the_volume_is_there(up):
    volume = up.data / "storage" / "volumes" / "new.owner.conf"
    volume.write_text("[accounts]\n  new.owner: x\n")

    await eventually(lambda: "new.owner" in up.ready["storage"]["owners"])
    volume.unlink()


async def test_a_killed_mongod_is_back_with_what_was_acknowledged(up):
    client = connect(up.ready["mongodb"]["uri"])
    await client.trial.things.insert_one({"_id": "acknowledged"})
    killed = up.ready["mongodb"]["pid"]

    os.kill(killed, signal.SIGKILL)

    await eventually(lambda: up.ready["mongodb"]["pid"] != killed)
    assert await client.trial.things.find_one() == {"_id": "acknowledged"}
    client.close()


async def test_a_second_system_on_the_same_data_is_refused_in_one_line(up):
    refused = up.start()

    assert refused.returncode == 2
    assert refused.stderr.startswith(f"bmt: a system runs on {up.data} already")
    assert refused.stderr.count("\n") == 1


async def test_a_port_in_use_is_named_in_one_line(up, tmp_path):
    refused = bmt("up", "--data", tmp_path / "other", "--port-base", up.base)

    assert refused.returncode == 3
    assert refused.stderr.startswith(f"bmt: port {up.base} (for issuer) is in use")
    assert refused.stderr.count("\n") == 1


async def test_a_wrong_port_base_is_wrong_use(tmp_path):
    refused = answered("up", "--data", tmp_path / "other", "--port-base", 80)

    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)


async def test_a_token_needs_a_system_that_was_started_once(tmp_path):
    refused = answered("token", "--data", tmp_path / "nowhere", "--role", "auditor")

    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (3, "", 1)


async def test_a_killed_supervisor_leaves_nothing_and_the_next_start_goes_on_from_the_data(up):
    os.kill(up.ready["supervisor"]["pid"], signal.SIGKILL)
    await eventually(lambda: up.processes() == [])
    token = answered("token", "--data", up.data, "--role", "auditor")
    assert token.exit_code == 0

    started = up.start()

    assert started.returncode == 0, started.stderr
    client = connect(up.ready["mongodb"]["uri"])
    assert await client.trial.things.find_one() == {"_id": "acknowledged"}
    client.close()


def test_down_leaves_no_process_and_no_ready_file(up):
    stopped = bmt("down", "--data", up.data)

    assert stopped.returncode == 0
    assert up.processes() == []
    assert not up.file.exists()
    assert "Nothing runs" in answered("down", "--data", up.data).stdout
