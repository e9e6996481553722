"""What the answers of SFTPGo, and of Nextcloud 32, mean: only their own word that there is no user is taken for one that has nothing."""

import json
from urllib.parse import parse_qs

import httpx
import pytest
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveStorage, Granted
from services.provisioning.connectors.connector import TargetAway, TargetConflict, TargetRefused
from services.provisioning.connectors.nextcloud import HEADERS, Nextcloud, no_cookies
from services.provisioning.connectors.sftpgo import Sftpgo
from services.provisioning.domain.order import NOTHING_IN_FORCE, Supposed, goal

ACCOUNT = "Siti@mygovuc.gov.my"
NAME = "siti@mygovuc.gov.my"
PATH = f"/ocs/v2.php/cloud/users/{NAME}"
OFF = NOTHING_IN_FORCE.storage
ON = {
    Sftpgo: EffectiveStorage(enabled=True, quota_bytes=10, max_file_size_bytes=5),
    Nextcloud: EffectiveStorage(enabled=True, quota_bytes=5120, max_file_size_bytes=None),
}
OPTIONS = {Sftpgo: {}, Nextcloud: {"headers": HEADERS, "cookies": no_cookies()}}
USER = {
    "username": NAME,
    "status": 1,
    "quota_size": 10,
    "filters": {"max_upload_file_size": 5, "denied_protocols": ["FTP"]},
    "description": "Siti",
}
OCS_USER = {"id": NAME, "enabled": True, "backend": "Database"}


def user(**changed):
    """As SFTPGo gives it."""
    return httpx.Response(200, json=USER | changed)


def ocs(status, code, data=()):
    """As Nextcloud answers."""
    meta = {"status": "ok" if code == 200 else "failure", "statuscode": code, "message": ""}
    cookie = {"Set-Cookie": "ociosip0en3u=f70hra98; path=/; HttpOnly"}
    return httpx.Response(status, json={"ocs": {"meta": meta, "data": data}}, headers=cookie)


def ocs_user(quota=5120, **changed):
    storage = {"free": 0, "used": 0, "total": quota, "relative": 0, "quota": quota}
    return ocs(200, 200, {**OCS_USER, "quota": storage, **changed})


NONE = {Sftpgo: httpx.Response(404, json={"error": "Not Found"}), Nextcloud: ocs(404, 404)}
DONE = ocs(200, 200)


def storage(kind, read, change=DONE):
    """The storage, and the requests that it was sent; `read` and `change` are its answers."""
    asked = []

    def answer(request):
        asked.append(request)
        return read if request.method == "GET" else change

    transport = httpx.MockTransport(answer)
    http = httpx.AsyncClient(transport=transport, base_url="http://storage", **OPTIONS[kind])
    return Alone(kind(http, clock.now)), asked


async def shown(kind, answer):
    connector, _ = storage(kind, answer)
    return (await connector.read_back(ACCOUNT)).effective


async def changes(kind, there, wanted):
    """What is sent to bring it about."""
    connector, asked = storage(kind, there)
    await connector.apply(ACCOUNT, wanted)
    assert not any("Cookie" in request.headers for request in asked)
    return [request for request in asked if request.method != "GET"]


async def sent_to_sftpgo(there):
    (change,) = await changes(Sftpgo, there, ON[Sftpgo])
    return change.url.params.get("disconnect"), json.loads(change.content)


async def sent_to_nextcloud(there, wanted=ON[Nextcloud]):
    return [
        (request.method, request.url.path, parse_qs(request.content.decode()))
        for request in await changes(Nextcloud, there, wanted)
    ]


@pytest.mark.parametrize(
    ("kind", "answer", "effective"),
    [
        (Sftpgo, user(), ON[Sftpgo]),
        (Sftpgo, NONE[Sftpgo], OFF),
        (Sftpgo, user(status=0), OFF),
        (Sftpgo, user(expiration_date=1), OFF),
        (Sftpgo, user(expiration_date=10**14), ON[Sftpgo]),
        (Nextcloud, ocs_user(), ON[Nextcloud]),
        (Nextcloud, ocs_user(enabled=False), OFF),
        (Nextcloud, NONE[Nextcloud], OFF),
    ],
)
async def test_a_user_shows_what_is_in_force(kind, answer, effective):
    assert await shown(kind, answer) == effective


@pytest.mark.parametrize(
    ("kind", "unlimited"),
    [(Sftpgo, user(quota_size=0, filters={})), (Nextcloud, ocs_user(quota=-3))],
)
async def test_no_limit_is_no_size(kind, unlimited):
    none = EffectiveStorage(enabled=True, quota_bytes=None, max_file_size_bytes=None)
    assert await shown(kind, unlimited) == none


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (Sftpgo, httpx.Response(404, json={"message": "Not Found"})),
        (Sftpgo, httpx.Response(404, text="<h1>Not Found</h1>")),
        (Sftpgo, httpx.Response(404, json=["Not Found"])),
        (Sftpgo, httpx.Response(401, json={"message": "Unauthorized"})),
        (Sftpgo, httpx.Response(403, json={"message": "Forbidden"})),
        (Sftpgo, httpx.Response(429, json={"message": "Too Many Requests"})),
        (Sftpgo, httpx.Response(500, json={"message": "Internal Server Error"})),
        (Sftpgo, httpx.Response(302)),
        (Sftpgo, user(status="open")),
        (Sftpgo, user(quota_size=None)),
        (Sftpgo, user(filters=[])),
        (Nextcloud, ocs(404, 998)),
        (Nextcloud, httpx.Response(404, text="<!doctype html><title>404 Not Found</title>")),
        (Nextcloud, httpx.Response(404, json={"ocs": []})),
        (Nextcloud, ocs(401, 997)),
        (Nextcloud, ocs(403, 403)),
        (Nextcloud, ocs(503, 503)),
        (Nextcloud, ocs(500, 996)),
        (Nextcloud, httpx.Response(412, json={"message": "CSRF check failed"})),
        (Nextcloud, httpx.Response(302)),
        (Nextcloud, ocs_user(enabled=None)),
        (Nextcloud, ocs(200, 200, {**OCS_USER})),
        (Nextcloud, ocs(200, 200, {**OCS_USER, "quota": []})),
    ],
)
async def test_anything_else_is_no_answer(kind, answer):
    with pytest.raises(TargetAway):
        await shown(kind, answer)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (Sftpgo, user(username="another@mygovuc.gov.my")),
        (Sftpgo, user(username=None)),
        (Nextcloud, ocs_user(id="another@mygovuc.gov.my")),
        (Nextcloud, DONE),
    ],
)
async def test_an_answer_about_another_user_is_refused(kind, answer):
    with pytest.raises(TargetRefused) as told:
        await shown(kind, answer)
    assert told.value.code == "another_volume"


@pytest.mark.parametrize("account", ["../siti", "a/b", "", "siti?x=1", "siti#", "siti%2f", "siti "])
async def test_a_name_that_could_be_another_folders_is_not_asked_about(account):
    connector, asked = storage(Sftpgo, NONE[Sftpgo])
    for attempt in (connector.plan, connector.apply):
        with pytest.raises(TargetRefused):
            await attempt(account, ON[Sftpgo])
    assert asked == []


async def test_sftpgo_keeps_what_an_administrator_set_besides():
    disconnects, sent = await sent_to_sftpgo(user(quota_size=1))
    assert (disconnects, sent) == ("1", USER | {"status": 1, "quota_size": 10})


async def test_a_user_that_has_expired_is_let_in_again():
    assert (await sent_to_sftpgo(user(expiration_date=1)))[1]["expiration_date"] == 0


async def test_a_new_user_of_sftpgo_has_a_name_in_small_letters():
    assert (await sent_to_sftpgo(NONE[Sftpgo]))[1]["username"] == NAME


async def test_a_users_quota_is_set_before_it_is_let_in():
    set_quota = ("PUT", PATH, {"key": ["quota"], "value": ["5120"]})
    assert await sent_to_nextcloud(ocs_user(quota=-3)) == [set_quota]
    disabled = await sent_to_nextcloud(ocs_user(enabled=False))
    assert disabled == [set_quota, ("PUT", f"{PATH}/enable", {})]


async def test_a_user_that_is_not_there_is_made_with_a_password_that_nobody_knows():
    ((method, path, first),) = await sent_to_nextcloud(NONE[Nextcloud])
    ((_, _, second),) = await sent_to_nextcloud(NONE[Nextcloud])

    assert (method, path) == ("POST", "/ocs/v2.php/cloud/users")
    assert (first["userid"], first["quota"]) == ([NAME], ["5120"])
    assert first["password"] != second["password"]


async def test_a_closed_user_is_disabled_and_keeps_its_files():
    assert await sent_to_nextcloud(ocs_user(), OFF) == [("PUT", f"{PATH}/disable", {})]


@pytest.mark.parametrize(("kind", "there"), [(Sftpgo, user()), (Nextcloud, ocs_user())])
async def test_what_is_right_is_left_alone(kind, there):
    assert await changes(kind, there, ON[kind]) == []
    assert await changes(kind, NONE[kind], OFF) == []


@pytest.mark.parametrize(
    ("kind", "answer", "failure"),
    [
        (Sftpgo, 400, TargetRefused),
        (Sftpgo, 413, TargetRefused),
        (Sftpgo, 404, TargetConflict),
        (Sftpgo, 409, TargetConflict),
        (Sftpgo, 401, TargetAway),
        (Sftpgo, 403, TargetAway),
        (Sftpgo, 429, TargetAway),
        (Sftpgo, 500, TargetAway),
        (Sftpgo, 302, TargetAway),
        (Nextcloud, ocs(400, 101), TargetRefused),
        (Nextcloud, ocs(404, 998), TargetConflict),
        (Nextcloud, ocs(403, 403), TargetAway),
        (Nextcloud, ocs(500, 996), TargetAway),
    ],
)
async def test_a_change_that_is_not_made_says_what_follows(kind, answer, failure):
    if kind is Sftpgo:
        answer = httpx.Response(answer, json={"error": f"username {ACCOUNT} is not valid"})
    smaller = user(quota_size=1) if kind is Sftpgo else ocs_user(quota=1024)
    for there in (smaller, NONE[kind]):
        connector, _ = storage(kind, there, answer)
        with pytest.raises(failure) as told:
            await connector.apply(ACCOUNT, ON[kind])
        assert type(told.value) is failure
        assert "siti" not in str(told.value).casefold()


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
