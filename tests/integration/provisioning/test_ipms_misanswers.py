"""Provisioning before an IPMS that answers as some servers do: nobody else is touched, and the office can act."""

import pytest
from eventually import eventually
from fixtures.procedure import approved
from fixtures.samples import APPLICANT, facts
from fixtures.scim_server import EXTENSION, ScimServer, user

from bmt.chassis.runtime import clock
from bmt.contracts import topics
from bmt.contracts.events import Granted

pytestmark = pytest.mark.integration

GRANTED = Granted(quota_bytes=5000, max_file_size_bytes=2000)


class Loose(ScimServer):
    """Finds who begins with a name, until it is mended."""

    mended = False

    def matching(self, name):
        if self.mended:
            return super().matching(name)
        return [one for one in self.users if one["userName"].startswith(name[:5])]


class Numbers(ScimServer):
    """Keeps a size as a number."""

    def changed(self, one):
        one[EXTENSION]["maxFileSizeBytes"] = int(one[EXTENSION]["maxFileSizeBytes"])
        return 204, None


@pytest.fixture
def account() -> str:
    return f"u{clock.new_id()[-12:]}.mampu@mygovuc.gov.my"


@pytest.fixture
def approve(wire, account):
    async def approve():
        request = facts(applicant=APPLICANT.model_copy(update={"account": account}))
        said = approved(request, approved=GRANTED, decided_at=clock.now())
        await wire.say(said, sequence=2)
        return request

    return approve


@pytest.fixture
def hear(wire):
    async def hear(request, *names):
        return await wire.hear(topics.CONFIGURATIONS, request.request_id, *names)

    return hear


async def test_nobody_else_is_changed_and_the_office_retries_once_ipms_is_mended(
    provisioning, account, approve, hear, as_
):
    ipms = Loose(user(f"{account[:5]}sa.mampu@mygovuc.gov.my"))
    with ipms.serving():
        async with provisioning(ipms_url=ipms.url) as client:
            request = await approve()
            (failed,) = await hear(request, "ConfigurationFailed")
            assert "another account" in failed.data["reason"]
            assert failed.data["retryable"]
            assert ipms.patched == []

            async def listed():
                answer = await client.get("/v1/failures", headers=as_("administrator"))
                return answer.json()["items"]

            (item,) = await eventually(listed)
            assert item["request_id"] == request.request_id
            assert (item["target"], item["reason"]) == ("ipms", failed.data["reason"])
            assert (item["code"], failed.data["code"]) == ("another_account", "another_account")
            assert (item["retryable"], item["failures"], item["last_retry"]) == (True, 1, None)
            for other in (("administrator", "KPM"), ("applicant", "MAMPU", account)):
                answer = await client.get("/v1/failures", headers=as_(*other))
                assert answer.json().get("items", []) == []

            ipms.mended = True
            ipms.users.append(user(account))
            address = f"/v1/requests/{request.request_id}/retry"
            wrong = await client.post(address, json={"reason": " "}, headers=as_("administrator"))
            assert wrong.status_code == 422
            body = {"reason": "IPMS menapis dengan betul."}
            retried = await client.post(address, json=body, headers=as_("administrator"))
            assert retried.status_code == 202
            _, started, _ = await hear(
                request, "ConfigurationFailed", "ConfigurationStarted", "Configured"
            )

            assert started.data["retry"]["reason"] == body["reason"]
            assert started.data["retry"]["by"]["role"] == "administrator"
            assert ipms.patched == [account]
            await eventually(lambda: _none(listed))


async def _none(listed) -> bool:
    return await listed() == []


async def test_a_conflict_is_tried_again_by_itself(provisioning, account, approve, hear):
    ipms = Numbers(user(account))
    ipms.refusals = [423, 409, 412]
    with ipms.serving():
        async with provisioning(ipms_url=ipms.url):
            request = await approve()
            *_, configured = await hear(request, "ConfigurationStarted", "Configured")
    assert configured.data["effective"]["ipms"]["max_file_size_bytes"] == 2000
    assert ipms.patched == [account]


async def test_a_conflict_that_does_not_end_is_a_failure_that_names_it(
    provisioning, account, approve, hear
):
    ipms = ScimServer(user(account))
    ipms.refusals = [409] * 100
    with ipms.serving():
        async with provisioning(ipms_url=ipms.url):
            request = await approve()
            *_, failed = await hear(request, "ConfigurationStarted", "ConfigurationFailed")
    assert failed.data["reason"] == "IPMS refuses with 409: because"
    assert failed.data["retryable"]
    assert len(ipms.refusals) == 95


async def test_a_change_that_was_made_before_it_was_refused_is_no_failure(
    provisioning, account, approve, hear
):
    class Late(ScimServer):
        """Says conflict of what it did."""

        def changed(self, one):
            return 409, {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "409",
            }

    ipms = Late(user(account))
    with ipms.serving():
        async with provisioning(ipms_url=ipms.url):
            request = await approve()
            await hear(request, "ConfigurationStarted", "Configured")
    assert ipms.patched == [account]
