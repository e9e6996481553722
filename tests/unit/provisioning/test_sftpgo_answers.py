"""What SFTPGo's answers mean: only its own word that there is no user is taken for one that has nothing."""

import json

import httpx
import pytest
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveStorage
from services.provisioning.connectors.connector import TargetAway, TargetConflict, TargetRefused
from services.provisioning.connectors.sftpgo import Sftpgo
from services.provisioning.domain.order import NOTHING_IN_FORCE

ACCOUNT = "Siti@mygovuc.gov.my"
ON = EffectiveStorage(enabled=True, quota_bytes=10, max_file_size_bytes=5)
NONE = httpx.Response(404, json={"error": "Not Found"})
USER = {
    "username": "siti@mygovuc.gov.my",
    "status": 1,
    "quota_size": 10,
    "filters": {"max_upload_file_size": 5, "denied_protocols": ["FTP"]},
    "description": "Siti",
}


def storage(read, change=None):
    """The storage, and the requests that it was sent; `read` and `change` are its answers."""
    asked = []

    def answer(request):
        asked.append(request)
        return read if request.method == "GET" else change

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://storage")
    return Alone(Sftpgo(http, clock.now)), asked


def user(**changed):
    return httpx.Response(200, json=USER | changed)


async def shown(answer):
    connector, _ = storage(answer)
    return (await connector.read_back(ACCOUNT)).effective


async def test_a_user_shows_what_is_in_force():
    assert await shown(user()) == ON
    assert await shown(NONE) == NOTHING_IN_FORCE.storage
    assert await shown(user(status=0)) == NOTHING_IN_FORCE.storage
    assert await shown(user(expiration_date=1)) == NOTHING_IN_FORCE.storage
    assert await shown(user(expiration_date=10**14)) == ON


async def test_no_limit_is_no_size():
    unlimited = await shown(user(quota_size=0, filters={}))

    assert unlimited == EffectiveStorage(enabled=True, quota_bytes=None, max_file_size_bytes=None)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={"message": "Not Found"}),
        httpx.Response(404, text="<h1>Not Found</h1>"),
        httpx.Response(404, json=["Not Found"]),
        httpx.Response(401, json={"message": "Unauthorized"}),
        httpx.Response(403, json={"message": "Forbidden"}),
        httpx.Response(429, json={"message": "Too Many Requests"}),
        httpx.Response(500, json={"message": "Internal Server Error"}),
        httpx.Response(302),
        user(status="open"),
        user(quota_size=None),
        user(filters=[]),
    ],
)
async def test_anything_else_is_no_answer(answer):
    with pytest.raises(TargetAway):
        await shown(answer)


@pytest.mark.parametrize("answer", [user(username="another@mygovuc.gov.my"), user(username=None)])
async def test_an_answer_about_another_user_is_refused(answer):
    with pytest.raises(TargetRefused) as told:
        await shown(answer)

    assert told.value.code == "another_volume"


@pytest.mark.parametrize("account", ["../siti", "a/b", "", "siti?x=1", "siti#", "siti%2f", "siti "])
async def test_a_name_that_could_be_another_folders_is_not_asked_about(account):
    connector, asked = storage(NONE)
    for attempt in (connector.plan(account, ON), connector.apply(account, ON)):
        with pytest.raises(TargetRefused):
            await attempt
    assert asked == []


async def test_what_an_administrator_set_besides_stays():
    connector, asked = storage(user(quota_size=1), httpx.Response(200))
    await connector.apply(ACCOUNT, ON)

    _, change = asked
    assert json.loads(change.content) == USER | {"status": 1, "quota_size": 10}
    assert change.url.params["disconnect"] == "1"


async def test_a_user_that_has_expired_is_let_in_again():
    connector, asked = storage(user(expiration_date=1), httpx.Response(200))
    await connector.apply(ACCOUNT, ON)

    assert json.loads(asked[1].content)["expiration_date"] == 0


async def test_a_new_user_has_a_name_in_small_letters():
    connector, asked = storage(NONE, httpx.Response(201))
    await connector.apply(ACCOUNT, ON)

    assert json.loads(asked[1].content)["username"] == USER["username"]


@pytest.mark.parametrize(("there", "wanted"), [(user(), ON), (NONE, NOTHING_IN_FORCE.storage)])
async def test_what_is_right_is_left_alone(there, wanted):
    connector, asked = storage(there)
    await connector.apply(ACCOUNT, wanted)

    assert [request.method for request in asked] == ["GET"]


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, TargetRefused),
        (413, TargetRefused),
        (404, TargetConflict),
        (409, TargetConflict),
        (401, TargetAway),
        (403, TargetAway),
        (429, TargetAway),
        (500, TargetAway),
        (302, TargetAway),
    ],
)
async def test_a_change_that_is_not_made_says_what_follows(status, failure):
    said = {"error": f"username {ACCOUNT} is not valid"}
    for there in (user(quota_size=1), NONE):
        connector, _ = storage(there, httpx.Response(status, json=said))
        with pytest.raises(failure) as told:
            await connector.apply(ACCOUNT, ON)
        assert type(told.value) is failure
        assert "siti" not in str(told.value).casefold()
