"""Eligibility: from a snapshot at most 60 s old, looked up live where that would warn."""

import asyncio
from dataclasses import replace

import httpx
import pytest
from eventually import eventually
from prometheus_client import CollectorRegistry, Counter, Gauge

from services.intake.directory import (
    AT_ONCE,
    EXTENSION,
    MOST_WAITING,
    Directory,
    DirectoryUnavailable,
    DirectoryUnclear,
    Owner,
    ScimDirectory,
)
from services.intake.domain.submission import AccountStatus

SERVING = AccountStatus(registered=True, serving=True)
ENABLED = AccountStatus(registered=True, serving=True, enabled=True)
UNKNOWN = AccountStatus(registered=False)
NAMES = ["connector", "operation", "outcome"]


def serving(standing: AccountStatus) -> bool:
    return standing == SERVING


class FakeScim:
    """A SCIM server; `most` is the largest page that it gives."""

    def __init__(self, *users: dict, most: int = 2, always: dict | None = None) -> None:
        self.users, self.most = list(users), most
        self.requests: list[httpx.Request] = []
        self.answer = None if always is None else httpx.Response(200, json=always)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.answer is not None:
            return self.answer
        found, asked = self.users, request.url.params
        if "filter" in asked:
            name = asked["filter"].removeprefix('userName eq "').removesuffix('"').lower()
            found = [one for one in found if str(one["userName"]).lower() == name]
        start = int(asked.get("startIndex", 1)) - 1
        page = found[start : start + min(self.most, int(asked.get("count", 100)))]
        return httpx.Response(200, json={"totalResults": len(found), "Resources": page})


def directory_of(scim) -> tuple[ScimDirectory, CollectorRegistry]:
    registry = CollectorRegistry()
    calls = Counter("bmt_connector_calls", "Calls.", NAMES, registry=registry)
    left_out = Gauge("bmt_directory_records_left_out", "Records.", ["reason"], registry=registry)
    client = httpx.AsyncClient(transport=httpx.MockTransport(scim), base_url="http://ipms/v2/")
    return ScimDirectory(client, calls, left_out), registry


def user(name: str, **more) -> dict:
    return {"userName": name, "active": True, **more}


class TestScim:
    async def test_everybody_is_read_page_by_page(self):
        scim = FakeScim(
            user("Siti"),
            user("ravi", active=False),
            user("lim", **{EXTENSION: {"bmtEnabled": True, "maxFileSizeBytes": "1"}}),
            user("jelani", **{EXTENSION: {}}),
            {"userName": "zainab"},
        )
        directory, registry = directory_of(scim)
        assert await directory.everybody() == {
            "siti": SERVING,
            "ravi": AccountStatus(registered=True),
            "lim": ENABLED,
            "jelani": SERVING,
            "zainab": AccountStatus(registered=True),
        }
        assert len(scim.requests) == 3
        labels = {"connector": "directory", "operation": "list", "outcome": "done"}
        assert registry.get_sample_value("bmt_connector_calls_total", labels) == 3

    async def test_one_account_is_looked_up_in_any_case_of_letters(self):
        directory, _ = directory_of(FakeScim(user("Siti"), user("ravi")))
        assert await directory.look_up("SITI") == SERVING
        assert await directory.look_up("nobody") == UNKNOWN

    @pytest.mark.parametrize(
        ("told", "name"),
        [
            ({"displayName": "Siti binti Ali"}, "Siti binti Ali"),
            ({"name": {"formatted": "Siti binti Ali"}}, "Siti binti Ali"),
            ({"displayname": "Siti binti Ali"}, "Siti binti Ali"),
            ({"displayName": " "}, None),
            ({"displayName": ["Siti"], "name": "Siti"}, None),
            ({"displayName": "Siti\u202e"}, None),
            ({}, None),
        ],
    )
    async def test_an_owner_is_called_as_the_directory_shows_them(self, told, name):
        directory, _ = directory_of(FakeScim({**user("siti"), **told}))
        assert await directory.owner("siti") == Owner(SERVING, name)
        assert await directory.everybody() == {"siti": SERVING}

    async def test_a_quote_in_a_name_ends_no_filter(self):
        scim = FakeScim()
        await directory_of(scim)[0].look_up('a" or userName pr or userName eq "b\\')
        asked = scim.requests[0].url.params["filter"]
        assert asked == r'userName eq "a\" or userName pr or userName eq \"b\\"'

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(500),
            httpx.Response(401, json={}),
            httpx.Response(200, content=b"<html>"),
            httpx.Response(200, json={"totalResults": "many"}),
            httpx.Response(302, headers={"Location": "http://elsewhere/"}),
        ],
    )
    async def test_what_is_no_scim_answer_is_no_answer(self, answer):
        scim = FakeScim()
        scim.answer = answer
        directory, registry = directory_of(scim)
        with pytest.raises(DirectoryUnavailable):
            await directory.everybody()
        labels = {"connector": "directory", "operation": "list", "outcome": "failed"}
        assert registry.get_sample_value("bmt_connector_calls_total", labels) == 1


CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


def left_out(registry: CollectorRegistry, reason: str) -> float | None:
    return registry.get_sample_value("bmt_directory_records_left_out", {"reason": reason})


ODD = [
    {"id": "1", "active": True},
    {"id": "2", "userName": "", "active": True},
    {"id": "3", "userName": None},
    {"id": "4", "userName": "odd", "active": ""},
    {"id": "5", "userName": "odder", EXTENSION: {"bmtEnabled": "perhaps"}},
    "nobody",
    None,
]


class TestOddAnswers:
    @pytest.mark.parametrize("odd", ODD)
    async def test_an_odd_record_leaves_itself_out_and_nobody_else(self, odd):
        scim = FakeScim(user("siti"), odd, user("ravi"))
        directory, registry = directory_of(scim)
        assert await directory.everybody() == {"siti": SERVING, "ravi": SERVING}
        assert left_out(registry, "unreadable") == 1

    @pytest.mark.parametrize(
        ("written", "standing"),
        [
            ({"userName": "siti", "active": "True"}, SERVING),
            ({"userName": "siti", "active": "false"}, AccountStatus(registered=True)),
            ({"userName": "siti", "active": True, "id": 17}, SERVING),
            (
                {
                    f"{CORE}:userName": "siti",
                    f"{CORE}:active": True,
                    f"{EXTENSION}:bmtEnabled": True,
                    f"{EXTENSION}:maxFileSizeBytes": "1",
                },
                ENABLED,
            ),
        ],
        ids=["true as a word", "false as a word", "a number as id", "behind their schemas"],
    )
    async def test_attributes_may_be_written_otherwise(self, written, standing):
        scim = FakeScim(always={"totalResults": 1, "Resources": [written]})
        directory, registry = directory_of(scim)
        assert await directory.everybody() == {"siti": standing}
        assert await directory.look_up("siti") == standing
        assert left_out(registry, "unreadable") == 0

    @pytest.mark.parametrize(
        ("page", "found", "missing"),
        [
            (ODD, {}, 443),
            ([user("siti"), user("ravi")], {"siti": SERVING, "ravi": SERVING}, 448),
        ],
        ids=["odd records alone", "the same page again"],
    )
    async def test_a_directory_that_repeats_itself_comes_to_an_end(self, page, found, missing):
        scim = FakeScim(always={"totalResults": 450, "Resources": page})
        directory, registry = directory_of(scim)
        assert await directory.everybody() == found
        assert len(scim.requests) == 2
        assert left_out(registry, "missing") == missing

    @pytest.mark.parametrize("most", [1, 10])
    async def test_pages_may_be_smaller_than_what_was_asked_for(self, most):
        scim = FakeScim(*(user(f"u{number}") for number in range(45)), most=most)
        assert len(await directory_of(scim)[0].everybody()) == 45

    async def test_a_count_that_is_too_low_is_not_believed(self):
        class CountsLess(FakeScim):
            def __call__(self, request):
                answer = super().__call__(request).json()
                return httpx.Response(200, json={**answer, "totalResults": 1})

        scim = CountsLess(user("siti"), user("ravi"), user("lim"))
        assert set(await directory_of(scim)[0].everybody()) == {"siti", "ravi", "lim"}

    async def test_an_answer_about_others_says_nothing_of_the_account(self):
        others = {"totalResults": 2, "Resources": [user("mangsa", active=False), user("mangs")]}
        directory, _ = directory_of(FakeScim(always=others))
        assert await directory.look_up("MANGS") == SERVING
        with pytest.raises(DirectoryUnclear):
            await directory.look_up("mang")

    @pytest.mark.parametrize("letters", [str.lower, str.upper])
    async def test_names_of_attributes_may_be_in_any_letters(self, letters):
        def written(value):
            if isinstance(value, dict):
                return {letters(name): written(inner) for name, inner in value.items()}
            return [written(one) for one in value] if isinstance(value, list) else value

        siti = user("siti", emails=[{"value": "siti@x.my"}], **{EXTENSION: {"bmtEnabled": True}})
        scim = FakeScim()
        scim.answer = httpx.Response(200, json=written({"totalResults": 1, "Resources": [siti]}))
        expected = replace(ENABLED, emails=("siti@x.my",))
        directory, _ = directory_of(scim)
        assert await directory.everybody() == {"siti": expected}
        assert await directory.look_up("siti") == expected

    @pytest.mark.parametrize(
        "answer",
        [
            {"totalResults": 3},
            {"totalResults": 3, "Resources": []},
            {"totalResults": 3, "Resources": None},
        ],
    )
    async def test_accounts_that_are_counted_and_not_shown_are_no_empty_directory(self, answer):
        scim = FakeScim()
        scim.answer = httpx.Response(200, json=answer)
        directory, _ = directory_of(scim)
        for ask in (directory.everybody, lambda: directory.look_up("siti")):
            with pytest.raises(DirectoryUnavailable):
                await ask()

    async def test_two_accounts_of_one_name_are_left_out(self):
        scim = FakeScim(user("siti", id="1"), user("SITI", id="2", active=False), user("ravi"))
        directory, registry = directory_of(scim)
        assert await directory.everybody() == {"ravi": SERVING}
        assert left_out(registry, "ambiguous") == 2
        with pytest.raises(DirectoryUnclear):
            await directory.look_up("siti")

    async def test_an_account_that_moved_to_the_next_page_is_one_account(self):
        scim = FakeScim(user("siti", id="1"), user("ravi", id="2"), user("ravi", id="2"))
        directory, registry = directory_of(scim)
        assert await directory.everybody() == {"siti": SERVING, "ravi": SERVING}
        assert left_out(registry, "ambiguous") == 0


class Source:
    """A directory in memory, that can be away or slow."""

    def __init__(self, **accounts: AccountStatus) -> None:
        self.accounts = accounts
        self.away = False
        self.hold: asyncio.Event | None = None
        self.unclear: set[str] = set()
        self.looked_up: list[str] = []

    async def everybody(self):
        if self.away:
            raise DirectoryUnavailable
        return dict(self.accounts)

    async def look_up(self, account):
        self.looked_up.append(account)
        if self.hold:
            await self.hold.wait()
        if self.away:
            raise DirectoryUnavailable
        if account in self.unclear:
            raise DirectoryUnclear
        return self.accounts.get(account, UNKNOWN)


class Watch:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


async def taken(source, watch) -> Directory:
    directory = Directory(source, 30, watch)
    await directory.refresh()
    return directory


class TestSnapshot:
    @pytest.mark.parametrize(
        ("before", "now", "seconds", "told", "asked"),
        [
            (SERVING, SERVING, 60, SERVING, 0),
            (None, SERVING, 0, SERVING, 1),
            (SERVING, ENABLED, 61, ENABLED, 1),
            (SERVING, None, 61, None, 1),
            (None, None, 0, UNKNOWN, 1),
        ],
        ids=[
            "who is fine is not looked up",
            "who was added since is found live",
            "an older snapshot is not believed",
            "away for longer: never a silent yes",
            "away, and the snapshot is fresh",
        ],
    )
    async def test_the_snapshot_answers_for_60_seconds(
        self, watch, before, now, seconds, told, asked
    ):
        """`now` is what the directory has by now; none while it is away."""
        source = Source(**{"siti": before} if before else {})
        directory = await taken(source, watch)
        watch.now = seconds
        source.accounts = {"siti": now}
        source.away = now is None
        assert await directory.standing("Siti", serving) == told
        assert len(source.looked_up) == asked

    async def test_without_a_snapshot_and_without_an_answer_it_says_so(self, watch):
        source = Source(siti=SERVING)
        source.away = True
        assert await Directory(source, 30, watch).standing("siti", serving) is None

    async def test_after_a_failure_nobody_waits_for_a_while(self, watch):
        source = Source()
        directory = await taken(source, watch)
        source.away = True
        for _ in range(3):
            await directory.standing("siti", serving)
        assert directory.paused
        assert source.looked_up == ["siti"]
        watch.now = 2.5
        source.away = False
        await directory.standing("siti", serving)
        assert source.looked_up == ["siti", "siti"]

    @pytest.mark.parametrize("held", [SERVING, None])
    async def test_an_answer_that_tells_nothing_of_an_account_is_its_own_trouble_alone(
        self, watch, held
    ):
        source = Source(**{"siti": held} if held else {})
        directory = await taken(source, watch)
        source.unclear.add("siti")
        source.accounts["ravi"] = SERVING
        assert await directory.standing("siti", lambda _: False) == held
        assert not directory.paused
        assert await directory.standing("ravi", serving) == SERVING

    async def test_a_flood_of_unknown_accounts_is_answered_from_the_snapshot(self, watch):
        source = Source()
        source.hold = asyncio.Event()
        directory = await taken(source, watch)
        asked = [asyncio.create_task(directory.standing(str(n), serving)) for n in range(50)]
        await asyncio.wait(asked, timeout=0.05)
        assert len(source.looked_up) == AT_ONCE
        assert sum(task.done() for task in asked) == 50 - AT_ONCE - MOST_WAITING
        source.hold.set()
        assert set(await asyncio.gather(*asked)) == {UNKNOWN}

    async def test_an_account_that_was_just_changed_is_looked_up_until_the_next_snapshot(
        self, watch
    ):
        source = Source(siti=SERVING)
        directory = await taken(source, watch)
        source.accounts["siti"] = ENABLED
        watch.now = 1
        directory.doubt("SITI")
        assert await directory.standing("siti", serving) == ENABLED
        watch.now = 2
        await directory.refresh()
        assert await directory.standing("siti", lambda _: True) == ENABLED
        assert source.looked_up == ["siti"]

    async def test_it_keeps_refreshing(self):
        source = Source()
        source.away = True
        directory = Directory(source, 1)
        running = asyncio.create_task(directory.run())
        source.accounts["siti"], source.away = SERVING, False

        async def known() -> bool:
            return await directory.standing("siti", serving) == SERVING

        await eventually(known)
        running.cancel()
