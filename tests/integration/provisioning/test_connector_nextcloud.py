"""Nextcloud, where one is at hand: what is set is what its owners meet, and what others set is seen."""

import httpx
import pytest
from connector_benches import NEXTCLOUD, nextcloud_of
from fixtures.procedure import approved
from fixtures.samples import APPLICANT, facts

from bmt.chassis.runtime import clock
from bmt.contracts import topics
from bmt.contracts.events import EffectiveStorage, Granted
from services.provisioning.connectors.connector import TargetAway
from services.provisioning.connectors.nextcloud import HEADERS
from services.provisioning.domain.order import NOTHING_IN_FORCE

pytestmark = pytest.mark.integration

PASSWORD = "Kata-laluan.pemilik-1"
SMALL = EffectiveStorage(enabled=True, quota_bytes=30 * 2**20, max_file_size_bytes=None)


async def set_as_administrator(account, key, value):
    """What an administrator does in Nextcloud's own pages."""
    async with httpx.AsyncClient(base_url=NEXTCLOUD, headers=HEADERS, trust_env=False) as admin:
        path = f"/ocs/v2.php/cloud/users/{account}"
        (await admin.put(path, data={"key": key, "value": value})).raise_for_status()


async def upload(account, size):
    """The status of an upload by WebDAV."""
    async with httpx.AsyncClient(auth=(account, PASSWORD), trust_env=False) as owner:
        url = httpx.URL(NEXTCLOUD).join(f"/remote.php/dav/files/{account}/{size}")
        return (await owner.put(url, content=b"x" * size, timeout=30)).status_code


@pytest.fixture
async def owner(nextcloud):
    """An account with a small quota, whose owner can sign in; Nextcloud puts its own first files there."""
    await nextcloud.connector.apply(nextcloud.account, SMALL)
    await set_as_administrator(nextcloud.account, "password", PASSWORD)
    return nextcloud.account


async def test_an_owner_meets_the_quota_that_is_read_back(nextcloud, owner):
    assert await upload(owner, 2**20) == 201
    assert await upload(owner, SMALL.quota_bytes) == 507

    await nextcloud.connector.apply(owner, NOTHING_IN_FORCE.storage)
    assert await upload(owner, 1) in {401, 403, 503}


async def test_what_somebody_else_changes_is_seen(nextcloud, owner):
    await set_as_administrator(owner, "quota", "none")
    assert (await nextcloud.connector.read_back(owner)).effective.quota_bytes is None


async def test_capitals_are_no_other_account(nextcloud, owner):
    assert (await nextcloud.connector.read_back(owner.upper())).effective == SMALL


async def test_a_wrong_password_is_no_empty_answer(nextcloud):
    stranger = nextcloud_of(str(httpx.URL(NEXTCLOUD).copy_with(password="wrong")))
    with pytest.raises(TargetAway):
        await stranger.read_back(nextcloud.account)
    await stranger.close()


async def test_what_is_approved_is_configured_where_the_agency_has_it(
    provisioning, wire, ipms, nextcloud, agencies_file
):
    agencies_file.write_text(agencies_file.read_text().replace("copyparty", "nextcloud"))
    account = nextcloud.account.replace("@", ".mampu@")
    await ipms.register(account)
    request = facts(applicant=APPLICANT.model_copy(update={"account": account}))
    granted = Granted(quota_bytes=10**10, max_file_size_bytes=2 * 10**9)
    at = httpx.URL(NEXTCLOUD)
    async with provisioning(
        nextcloud_url=str(at.copy_with(username="", password="")),
        nextcloud_user=at.username,
        nextcloud_password=at.password,
    ):
        await wire.say(approved(request, approved=granted, decided_at=clock.now()), sequence=2)
        names = ("ConfigurationStarted", "Configured")
        _, configured = await wire.hear(
            topics.CONFIGURATIONS, request.request_id, *names, seconds=30
        )

    assert {one["connector"] for one in configured.data["evidence"]} == {"scim", "nextcloud"}
    # No more than was granted: the next of the sizes that Nextcloud can hold.
    held = {"enabled": True, "quota_bytes": 9_985_798_963, "max_file_size_bytes": None}
    assert configured.data["effective"]["storage"] == held
    assert configured.data["effective"]["ipms"]["max_file_size_bytes"] == 2 * 10**9
