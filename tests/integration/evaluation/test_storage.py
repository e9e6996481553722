"""The embedded file server: what a volume file does, as provisioning's connector relies on it."""

import asyncio
import xml.etree.ElementTree as ET

import httpx
import pytest

from evaluation.ports import any_free_port
from evaluation.storage import ADMIN, Storage, owner_password
from evaluation.supervisor import running

pytestmark = pytest.mark.integration

SITI = "siti.mampu@mygovuc.gov.my"
ASK = '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>'


@pytest.fixture(scope="module")
async def storage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("storage")
    server = Storage(folder / "storage", any_free_port(), "the-admins-password")
    async with running(server.program(), folder / "logs"):
        yield server


@pytest.fixture
async def admin(storage):
    async with httpx.AsyncClient(base_url=storage.url, auth=(ADMIN, storage.password)) as client:
        yield client


@pytest.fixture
def owner(storage):
    def client(account):
        password = owner_password(storage.password, account)
        return httpx.AsyncClient(base_url=f"{storage.url}/{account}", auth=(account, password))

    return client


def account_section(storage, account):
    return f"[accounts]\n  {account}: {owner_password(storage.password, account)}\n"


def volume_section(account, quota, largest):
    return (
        f"\n[/{account}]\n  data/{account}\n  accs:\n    rwmd: {account}\n    ra: admin\n"
        f"  flags:\n    daw\n    sz: 0b-{largest}b\n    vmaxb: {quota}b\n"
    )


async def reload(admin):
    return await admin.get("/", params={"reload": "cfg"})


async def open_volume(storage, admin, account, quota, largest):
    text = account_section(storage, account) + volume_section(account, quota, largest)
    (storage.volumes / f"{account}.conf").write_text(text)
    answer = await reload(admin)
    assert "have been reloaded" in answer.text


async def granted_quota(admin, account):
    answer = await admin.request(
        "PROPFIND", f"/{account}/", headers={"Depth": "0"}, content=ASK.encode()
    )
    assert answer.status_code == 207
    found = ET.fromstring(answer.text)
    names = ("quota-used-bytes", "quota-available-bytes")
    return sum(int(found.find(f".//{{DAV:}}{name}").text) for name in names)


async def test_a_volume_takes_files_up_to_its_largest_size_and_its_quota(storage, admin, owner):
    await open_volume(storage, admin, SITI, quota=5000, largest=2000)

    async with owner(SITI) as siti:
        sizes = [2000, 2001, 2000, 1001, 1000]
        answers = [await siti.put(f"/{n}.bin", content=b"x" * size) for n, size in enumerate(sizes)]

    assert [answer.is_success for answer in answers] == [True, False, True, False, True], [
        answer.text for answer in answers
    ]


async def test_uploads_at_once_never_exceed_the_quota(storage, admin, owner):
    await open_volume(storage, admin, "crowd", quota=50_000, largest=10_000)

    async with owner("crowd") as crowd:
        uploads = [crowd.put(f"/{n}.bin", content=b"x" * 10_000) for n in range(12)]
        answers = await asyncio.gather(*uploads)

    stored = list((storage.folder / "data" / "crowd").iterdir())
    assert sum(file.stat().st_size for file in stored) <= 50_000
    assert len(stored) == sum(answer.is_success for answer in answers)


async def test_a_refused_upload_leaves_alone_what_it_would_overwrite(storage, admin, owner):
    await open_volume(storage, admin, "writer", quota=3000, largest=4000)

    async with owner("writer") as writer:
        await writer.put("/kept.bin", content=b"k" * 2000)
        assert (await writer.put("/kept.bin", content=b"x" * 3001)).is_error
        assert (await writer.get("/kept.bin")).content == b"k" * 2000
        assert (await writer.put("/kept.bin", content=b"n" * 3000)).is_success


async def test_a_copy_within_a_volume_counts_as_well(storage, admin, owner):
    await open_volume(storage, admin, "copier", quota=3000, largest=2000)

    async with owner("copier") as copier:
        await copier.put("/one.bin", content=b"x" * 2000)
        answer = await copier.request(
            "COPY", "/one.bin", headers={"Destination": f"{storage.url}/copier/two.bin"}
        )

    assert answer.is_error
    assert [file.name for file in (storage.folder / "data" / "copier").iterdir()] == ["one.bin"]


async def test_the_admin_reads_the_granted_quota_and_a_change_is_in_force_at_once(
    storage, admin, owner
):
    await open_volume(storage, admin, "ali", quota=10_000_000_000, largest=10)
    assert await granted_quota(admin, "ali") == 10_000_000_000

    await open_volume(storage, admin, "ali", quota=100_000_000_000_000, largest=20)

    assert await granted_quota(admin, "ali") == 100_000_000_000_000
    async with owner("ali") as ali:
        assert (await ali.put("/fits.bin", content=b"x" * 20)).status_code == 201


async def test_a_closed_volume_answers_its_owner_403_or_404_and_keeps_its_files(
    storage, admin, owner
):
    await open_volume(storage, admin, "tan", quota=1000, largest=1000)
    async with owner("tan") as tan:
        await tan.put("/kept.txt", content=b"kept")
        (storage.volumes / "tan.conf").write_text(account_section(storage, "tan"))
        await reload(admin)

        for method, path in (
            ("GET", "/"),
            ("GET", "/kept.txt"),
            ("PUT", "/new.txt"),
            ("DELETE", "/kept.txt"),
            ("PROPFIND", "/"),
        ):
            assert (await tan.request(method, path)).status_code in {403, 404}, method
        assert (await admin.request("PROPFIND", "/tan/")).status_code == 404

        await open_volume(storage, admin, "tan", quota=1000, largest=1000)
        assert (await tan.get("/kept.txt")).content == b"kept"


async def test_nobody_enters_the_volume_of_another_or_with_a_wrong_password(storage, admin, owner):
    await open_volume(storage, admin, SITI, quota=5000, largest=2000)
    await open_volume(storage, admin, "ali", quota=5000, largest=2000)

    async with owner("ali") as ali:
        for _ in range(15):  # more than what would ban us by default
            assert (await ali.put(f"{storage.url}/{SITI}/x", content=b"x")).status_code == 403
    stranger = await admin.get(f"/{SITI}/", auth=(SITI, "wrong"))
    assert stranger.status_code == 401
    assert await granted_quota(admin, SITI) == 5000


async def test_a_broken_volume_file_is_refused_and_the_server_goes_on(storage, admin):
    await open_volume(storage, admin, "ali", quota=5000, largest=2000)
    broken = storage.volumes / "broken.conf"
    broken.write_text("[/broken]\n  data/broken\n  accs:\n    zz: nobody\n")

    answer = await reload(admin)

    assert answer.status_code == 500
    assert await granted_quota(admin, "ali") == 5000
    broken.unlink()
    assert (await reload(admin)).status_code == 200


async def test_a_volume_file_cannot_take_the_admins_password_over(storage, admin):
    hostile = storage.volumes / "hostile.conf"
    hostile.write_text("[accounts]\n  admin: taken-over\n")

    await reload(admin)

    hostile.unlink()
    assert (await reload(admin)).status_code == 200


async def test_the_owners_are_the_accounts_with_a_volume_file(storage, admin):
    await open_volume(storage, admin, "ali", quota=5000, largest=2000)

    assert storage.owners()["ali"] == owner_password(storage.password, "ali")
