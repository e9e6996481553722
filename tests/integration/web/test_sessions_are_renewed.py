"""Beginning and renewing a session: sealed, by one replica at a time, without losing it while the issuer is away."""

import asyncio
import uuid
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

import pytest
from pydantic import SecretStr
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime.clock import now
from bmt.contracts.problems import Refused
from web.session import SESSIONS, SessionKeys, Sessions, SessionStore

pytestmark = pytest.mark.integration

KEYS = SessionKeys(SecretStr("k" * 32))


@dataclass
class World:
    """The time, and an issuer: whose access tokens hold, and what it grants to whom comes with a refresh token."""

    time: object = field(default_factory=now)
    holds: set = field(default_factory=lambda: {"access-0"})
    grants: object = None
    asked: list = field(default_factory=list)

    async def principal(self, token):
        if token not in self.holds:
            raise Refused(problem="unauthenticated")
        who = "aminah" if token == "access-of-aminah" else "siti"
        return Principal(who, "", who.title(), "MAMPU", frozenset({token}))

    async def renew(self, refresh_token):
        self.asked.append(refresh_token)
        await asyncio.sleep(0)  # no time: others have their turn of the loop
        if isinstance(self.grants, Exception):
            raise self.grants
        return self.grants


@pytest.fixture
def world():
    return World()


@pytest.fixture
def collection(database):
    """Where they are stored."""
    return database[f"{SESSIONS}_{uuid.uuid4().hex}"]


@pytest.fixture
async def replicas(collection, world):
    """The sessions of two processes."""
    stores = [SessionStore(collection, KEYS, lambda: world.time) for _ in range(2)]
    for store in stores:
        await store.prepare()
    return [
        Sessions(store, world, world.renew, lambda: world.time, recheck_seconds=300)
        for store in stores
    ]


def call(cookie=None):
    return Request({"type": "http", "session": dict(cookie or {}), "headers": []})


async def begun(sessions, **granted):
    """The cookie of who signs in."""
    request = call()
    granted = {"access_token": "access-0", "refresh_token": "refresh-0", **granted}
    await sessions.begin(request, {"expires_in": 900, **granted})
    return dict(request.session)


async def visitor(sessions, cookie):
    found = await sessions.of(call(cookie))
    return found and next(iter(found.visitor.roles))


async def test_who_has_a_stored_session_and_the_services_secret_and_not_the_cookie_has_no_token(
    replicas, collection
):
    """What is stored opens under the name in its visitor's cookie alone."""
    cookie, another = await begun(replicas[0]), await begun(replicas[0])
    stored = await collection.find().to_list(None)
    for each in stored:
        for part in each["tokens"].split("."):
            assert b"access-0" not in urlsafe_b64decode(part + "==")
        assert cookie["id"] not in str(each)
        assert another["id"] not in str(each)
    of_cookie = {"_id": sha256(cookie["id"].encode()).hexdigest()}
    of_another = {"_id": sha256(another["id"].encode()).hexdigest()}
    sealed = (await collection.find_one(of_cookie))["tokens"]
    assert await visitor(replicas[0], another) == "access-0"
    await collection.update_one(of_another, {"$set": {"tokens": sealed}})
    assert await visitor(replicas[0], another) is None
    assert await visitor(replicas[0], cookie) == "access-0"


async def test_what_one_secret_sealed_another_cannot_open(replicas, collection):
    cookie = await begun(replicas[0])
    store = SessionStore(collection, SessionKeys(SecretStr("x" * 32)), now)
    assert await store.find(cookie["id"]) is None


async def test_a_sign_in_keeps_nothing_of_the_cookie_before(replicas):
    """Whoever planted a cookie in a browser learns nothing of who signs in there, and leads them nowhere."""
    before = await begun(replicas[0])
    request = call({**before, "goes_on_at": "/my/planted", "planted": "1"})
    await replicas[0].begin(
        request, {"access_token": "access-0", "refresh_token": "refresh-0", "expires_in": 900}
    )
    assert request.session.keys() == {"id"}
    assert request.session["id"] != before["id"]


async def test_the_issuer_is_asked_once_in_a_while_and_by_one_replica(replicas, world):
    cookie = await begun(replicas[0])
    assert [await visitor(each, cookie) for each in replicas] == ["access-0"] * 2
    assert world.asked == []

    world.time += timedelta(seconds=301)
    world.holds.add("access-1")
    world.grants = {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 900}
    seen = await asyncio.gather(*(visitor(each, cookie) for each in replicas * 4))
    assert set(seen) <= {"access-0", "access-1"}
    assert world.asked == ["refresh-0"]
    assert [await visitor(each, cookie) for each in replicas] == ["access-1"] * 2

    world.time += timedelta(seconds=301)
    world.holds, world.grants = {"access-2"}, {"access_token": "access-2", "expires_in": 900}
    seen = await asyncio.gather(*(visitor(each, cookie) for each in replicas * 4))
    assert set(seen) == {"access-2"}
    assert world.asked == ["refresh-0", "refresh-1"]


async def test_who_may_no_longer_come_in_is_out_at_every_replica(replicas, world):
    cookie = await begun(replicas[0])
    world.time += timedelta(seconds=301)
    assert await visitor(replicas[1], cookie) is None
    assert await visitor(replicas[0], cookie) is None
    assert world.asked == ["refresh-0"]


async def test_while_the_issuer_is_away_a_session_goes_on_as_long_as_its_token_holds(
    replicas, world, monkeypatch
):
    monkeypatch.setattr("web.session._MOST_WAIT_SECONDS", 0)
    cookie = await begun(replicas[0])
    world.grants = Unavailable("issuer")
    world.time += timedelta(seconds=301)
    assert await visitor(replicas[0], cookie) == "access-0"
    world.time += timedelta(seconds=301)
    world.holds = set()
    for each in replicas:
        with pytest.raises(Unavailable):
            await visitor(each, cookie)
    world.time += timedelta(seconds=30)
    world.holds, world.grants = {"access-1"}, {"access_token": "access-1", "expires_in": 900}
    assert await visitor(replicas[1], cookie) == "access-1"


@pytest.mark.parametrize("granted", ["access-of-nobody", ""])
async def test_what_the_issuer_grants_must_be_a_token_that_the_api_takes(replicas, world, granted):
    cookie = await begun(replicas[0])
    world.time += timedelta(seconds=301)
    world.grants = {"access_token": granted, "expires_in": 900}
    assert await visitor(replicas[0], cookie) is None
    assert await visitor(replicas[1], cookie) is None


async def test_a_session_never_becomes_another_persons(replicas, world):
    cookie = await begun(replicas[0])
    world.time += timedelta(seconds=301)
    world.holds.add("access-of-aminah")
    world.grants = {"access_token": "access-of-aminah", "expires_in": 900}
    assert await visitor(replicas[0], cookie) is None
    assert await visitor(replicas[1], cookie) is None


async def test_a_session_that_ended_while_it_was_renewed_stays_so(replicas, world):
    cookie = await begun(replicas[0])
    world.time += timedelta(seconds=301)
    world.holds.add("access-1")
    granted = {"access_token": "access-1", "expires_in": 900}

    async def ends_meanwhile(_):
        await replicas[1].end(call(cookie))
        return granted

    replicas[0]._renew = ends_meanwhile
    assert await visitor(replicas[0], cookie) is None
    assert await visitor(replicas[1], cookie) is None


async def test_without_a_refresh_token_a_session_lasts_as_long_as_its_access_token(replicas, world):
    cookie = await begun(replicas[0], refresh_token="")
    world.time += timedelta(seconds=899)
    assert await visitor(replicas[1], cookie) == "access-0"
    world.time += timedelta(seconds=2)
    assert await visitor(replicas[1], cookie) is None
    cookie = await begun(replicas[0], refresh_token="")
    world.holds = set()
    assert await visitor(replicas[1], cookie) is None


async def test_no_session_lasts_longer_than_a_working_day(replicas, world):
    world.grants = {"access_token": "access-0", "expires_in": 10**6}
    cookie = await begun(replicas[0], expires_in=10**6)
    world.time += timedelta(hours=7, minutes=59)
    assert await visitor(replicas[0], cookie) == "access-0"
    world.time += timedelta(minutes=2)
    assert await visitor(replicas[0], cookie) is None


async def test_a_session_whose_name_at_the_issuer_is_unknown_ends_with_any_of_its_person(
    replicas, world
):
    store = replicas[1]._store
    unnamed = await begun(replicas[0])
    named = await begun(replicas[0], userinfo={"sub": "siti", "sid": "one"})
    other = await begun(replicas[0], userinfo={"sub": "aminah"})
    await store.end_issuer_session("two", "siti")
    assert await visitor(replicas[0], unnamed) is None
    assert await visitor(replicas[0], named)
    assert await visitor(replicas[0], other)
    await store.end_issuer_session("one", "")
    assert await visitor(replicas[0], named) is None
    assert await visitor(replicas[0], other)


async def test_a_session_is_opened_by_its_cookie_alone(replicas, world, database):
    cookie = await begun(replicas[0])
    other = await begun(replicas[0])
    assert cookie != other
    assert await visitor(replicas[0], {"id": cookie["id"][:-1]}) is None
    assert await visitor(replicas[0], {"id": ""}) is None
    assert await visitor(replicas[0], {}) is None
