"""What Nextcloud's answers mean, as version 32 gives them: only its own word that there is no user is taken for one that has nothing."""

from urllib.parse import parse_qs

import httpx
import pytest
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveStorage, Granted
from services.provisioning.connectors.connector import TargetAway, TargetConflict, TargetRefused
from services.provisioning.connectors.nextcloud import HEADERS, Nextcloud, no_cookies
from services.provisioning.domain.order import NOTHING_IN_FORCE, Supposed, goal

ACCOUNT = "Siti@mygovuc.gov.my"
PATH = "/ocs/v2.php/cloud/users/siti@mygovuc.gov.my"
ON = EffectiveStorage(enabled=True, quota_bytes=5120, max_file_size_bytes=None)
USER = {"id": "siti@mygovuc.gov.my", "enabled": True, "backend": "Database"}


def ocs(status, code, data=()):
    meta = {"status": "ok" if code == 200 else "failure", "statuscode": code, "message": ""}
    cookie = {"Set-Cookie": "ociosip0en3u=f70hra98; path=/; HttpOnly"}
    return httpx.Response(status, json={"ocs": {"meta": meta, "data": data}}, headers=cookie)


def user(quota=5120, **changed):
    storage = {"free": 0, "used": 0, "total": quota, "relative": 0, "quota": quota}
    return ocs(200, 200, {**USER, "quota": storage, **changed})


NONE = ocs(404, 404)
DONE = ocs(200, 200)


def storage(read, change=DONE):
    """The storage, and the requests that it was sent; `read` and `change` are its answers."""
    asked = []

    def answer(request):
        asked.append(request)
        return read if request.method == "GET" else change

    http = httpx.AsyncClient(
        transport=httpx.MockTransport(answer),
        base_url="http://storage",
        headers=HEADERS,
        cookies=no_cookies(),
    )
    return Alone(Nextcloud(http, clock.now)), asked


async def shown(answer):
    connector, _ = storage(answer)
    return (await connector.read_back(ACCOUNT)).effective


async def changes(there, wanted):
    """What is sent to bring it about."""
    connector, asked = storage(there)
    await connector.apply(ACCOUNT, wanted)
    assert not any("Cookie" in request.headers for request in asked)
    return [
        (request.method, request.url.path, parse_qs(request.content.decode()))
        for request in asked
        if request.method != "GET"
    ]


async def test_a_user_shows_what_is_in_force():
    assert await shown(user()) == ON
    assert await shown(user(enabled=False)) == NOTHING_IN_FORCE.storage
    assert await shown(NONE) == NOTHING_IN_FORCE.storage
    assert (await shown(user(quota=-3))).quota_bytes is None


@pytest.mark.parametrize(
    "answer",
    [
        ocs(404, 998),
        httpx.Response(404, text="<!doctype html><title>404 Not Found</title>"),
        httpx.Response(404, json={"ocs": []}),
        ocs(401, 997),
        ocs(403, 403),
        ocs(503, 503),
        ocs(500, 996),
        httpx.Response(412, json={"message": "CSRF check failed"}),
        httpx.Response(302),
        user(enabled=None),
        ocs(200, 200, {**USER}),
        ocs(200, 200, {**USER, "quota": []}),
    ],
)
async def test_anything_else_is_no_answer(answer):
    with pytest.raises(TargetAway):
        await shown(answer)


@pytest.mark.parametrize("answer", [user(id="another@mygovuc.gov.my"), DONE])
async def test_an_answer_about_another_user_is_refused(answer):
    with pytest.raises(TargetRefused):
        await shown(answer)


async def test_a_users_quota_is_set_before_it_is_let_in():
    set_quota = ("PUT", PATH, {"key": ["quota"], "value": ["5120"]})
    assert await changes(user(quota=-3), ON) == [set_quota]
    assert await changes(user(enabled=False), ON) == [set_quota, ("PUT", f"{PATH}/enable", {})]


async def test_a_user_that_is_not_there_is_made_with_a_password_that_nobody_knows():
    ((method, path, first),) = await changes(NONE, ON)
    ((_, _, second),) = await changes(NONE, ON)

    assert (method, path) == ("POST", "/ocs/v2.php/cloud/users")
    assert (first["userid"], first["quota"]) == ([USER["id"]], ["5120"])
    assert first["password"] != second["password"]


async def test_a_closed_user_is_disabled_and_keeps_its_files():
    assert await changes(user(), NOTHING_IN_FORCE.storage) == [("PUT", f"{PATH}/disable", {})]


@pytest.mark.parametrize(("there", "wanted"), [(user(), ON), (NONE, NOTHING_IN_FORCE.storage)])
async def test_what_is_right_is_left_alone(there, wanted):
    assert await changes(there, wanted) == []


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (ocs(400, 101), TargetRefused),
        (ocs(404, 998), TargetConflict),
        (ocs(403, 403), TargetAway),
        (ocs(500, 996), TargetAway),
    ],
)
async def test_a_change_that_is_not_made_says_what_follows(answer, failure):
    for there in (user(quota=1024), NONE):
        connector, _ = storage(there, answer)
        with pytest.raises(failure) as told:
            await connector.apply(ACCOUNT, ON)
        assert type(told.value) is failure


@pytest.mark.parametrize(
    ("granted", "held"),
    [
        (1, 1),
        (1023, 1023),
        (3000, 2048),
        (2**20 - 1, 1023 * 1024),
        (2**20, 2**20),
        (2 * 10**9, 1_932_735_283),
        (10**10, 9_985_798_963),
        (9_985_798_963, 9_985_798_963),
        (9_985_798_962, 9_878_424_781),
        (10 * 2**30, 10 * 2**30),
        (10**12, 999_975_760_691),
    ],
)
def test_no_more_is_asked_for_than_granted_and_only_what_nextcloud_can_hold(granted, held):
    order = Supposed(
        "application",
        ACCOUNT,
        Granted(quota_bytes=granted, max_file_size_bytes=2 * 10**9),
        "scim",
        "nextcloud",
    )

    wanted = goal(order)

    assert wanted.storage.quota_bytes == held
    assert wanted.storage.max_file_size_bytes is None
    assert wanted.ipms.max_file_size_bytes == 2 * 10**9
