"""Provisioning says at its start what it is missing."""

import pytest
from fixtures.service import AGENCIES_FILE
from pydantic import ValidationError

from bmt.chassis.errors import WrongConfiguration
from services.provisioning.main import build
from services.provisioning.settings import Settings

NEEDED = {
    "port": 8103,
    "kafka_bootstrap_servers": "127.0.0.1:9092",
    "mongodb_uri": "mongodb://127.0.0.1:27017/?replicaSet=bmt",
    "issuer": "http://127.0.0.1:8100",
    "agencies_file": AGENCIES_FILE,
    "storage_url": "http://127.0.0.1:8140",
    "storage_password": "secret",
    "storage_volumes": "volumes",
}


NO_STORAGE = {name: value for name, value in NEEDED.items() if not name.startswith("storage_")}
IPMS = {"ipms_url": "http://127.0.0.1:8130/v2", "ipms_token": "secret"}


@pytest.mark.parametrize(
    ("storage", "given", "missing"),
    [
        ("copyparty", NEEDED, "IPMS_URL is missing: KPM, MAMPU"),
        ("copyparty", NO_STORAGE | IPMS, "STORAGE_URL is missing: JPA, KPM, MAMPU"),
        ("sftpgo", NEEDED | IPMS, "SFTPGO_URL is missing: JPA, KPM, MAMPU"),
        ("nextcloud", NEEDED | IPMS, "NEXTCLOUD_URL is missing: JPA, KPM, MAMPU"),
    ],
)
async def test_what_an_agency_uses_needs_its_address(tmp_path, storage, given, missing):
    file = tmp_path / "agencies.yaml"
    file.write_text(AGENCIES_FILE.read_text().replace("copyparty", storage))
    with pytest.raises(WrongConfiguration, match=f"BMT_{missing}"):
        build(Settings(**given | {"agencies_file": file}))


@pytest.mark.parametrize(
    ("left_out", "given"),
    [
        ("storage_password", {}),
        ("storage_volumes", {}),
        ("sftpgo_key", {"sftpgo_url": "http://127.0.0.1:8080"}),
        ("nextcloud_password", {"nextcloud_url": "http://127.0.0.1:8080"}),
    ],
)
def test_an_address_of_storage_needs_what_belongs_to_it(left_out, given):
    given = {name: value for name, value in (NEEDED | given).items() if name != left_out}
    with pytest.raises(ValidationError, match=f"BMT_{left_out.upper()} is missing"):
        Settings(**given)


def test_the_address_of_ipms_needs_its_token():
    with pytest.raises(ValidationError, match="BMT_IPMS_TOKEN is missing"):
        Settings(**NEEDED, ipms_url="http://127.0.0.1:8130/v2")


@pytest.mark.parametrize(
    "daily", ["02:00", "2:00-04:00", "02:00-24:00", "02:60-03:00", "02:00-02:00"]
)
def test_a_maintenance_has_a_beginning_and_another_end(daily):
    with pytest.raises(ValidationError, match="maintenance_of_ipms"):
        Settings(**NEEDED, maintenance_of_ipms=daily)
