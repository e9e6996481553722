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
    """A SCIM server; `most` is the largest page that it gives, `answer` what it says to everything."""

    def __init__(self, *users, most: int = 2, total: int | None = None, answer=None) -> None:
        self.users, self.most, self.total = list(users), most, total
        self.answer = httpx.Response(200, json=answer) if isinstance(answer, dict) else answer
        self.requests: list[httpx.Request] = []

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
        return page_of(page, len(found) if self.total is None else self.total)


def page_of(users, total: int) -> httpx.Response:
    return httpx.Response(200, json={"totalResults": total, "Resources": users})


def repeating(users, total: int) -> FakeScim:
    """A server that has one page, whatever is asked for."""
    return FakeScim(answer=page_of(users, total))


def directory_of(scim) -> tuple[ScimDirectory, CollectorRegistry]:
    registry = CollectorRegistry()
    calls = Counter("bmt_connector_calls", "Calls.", NAMES, registry=registry)
    left_out = Gauge("bmt_directory_records_left_out", "Records.", ["reason"], registry=registry)
    client = httpx.AsyncClient(transport=httpx.MockTransport(scim), base_url="http://ipms/v2/")
    return ScimDirectory(client, calls, left_out), registry


def listed(registry: CollectorRegistry, outcome: str) -> float | None:
    labels = {"connector": "directory", "operation": "list", "outcome": outcome}
    return registry.get_sample_value("bmt_connector_calls_total", labels)


def user(name: str, **more) -> dict:
    return {"userName": name, "active": True, **more}


SITI, RAVI, LIM = user("siti"), user("ravi"), user("lim")
BOTH = {"siti": SERVING, "ravi": SERVING}
NOT_SERVING = AccountStatus(registered=True)
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ODD = [
    {"id": "1", "active": True},
    {"id": "2", "userName": "", "active": True},
    {"id": "3", "userName": None},
    {"id": "4", "userName": "odd", "active": ""},
    {"id": "5", "userName": "odder", EXTENSION: {"bmtEnabled": "perhaps"}},
    "nobody",
    None,
]
MOVED = user("ravi", id="2")


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
            "ravi": NOT_SERVING,
            "lim": ENABLED,
            "jelani": SERVING,
            "zainab": NOT_SERVING,
        }
        assert len(scim.requests) == listed(registry, "done") == 3

    @pytest.mark.parametrize(
        ("scim", "found", "left_out"),
        [
            *((FakeScim(SITI, odd, RAVI), BOTH, {"unreadable": 1}) for odd in ODD),
            (repeating(ODD, 450), {}, {"missing": 443}),
            (repeating([SITI, RAVI], 450), BOTH, {"missing": 448}),
            (FakeScim(SITI, RAVI, total=1), BOTH, {}),
            (FakeScim(SITI, RAVI, LIM, most=1), {**BOTH, "lim": SERVING}, {}),
            (FakeScim(SITI, RAVI, LIM, most=10), {**BOTH, "lim": SERVING}, {}),
            (
                FakeScim(user("siti", id="1"), user("SITI", id="2", active=False), RAVI),
                {"ravi": SERVING},
                {"ambiguous": 2},
            ),
            (FakeScim(user("siti", id="1"), MOVED, MOVED), BOTH, {"ambiguous": 0}),
        ],
        ids=[
            *(f"an odd record: {odd}" for odd in ODD),
            "odd records alone, again and again",
            "the same page again and again",
            "a count that is too low",
            "smaller pages than were asked for",
            "one page",
            "two accounts of one name",
            "one that moved to the next page meanwhile",
        ],
    )
    async def test_what_is_odd_leaves_itself_out_and_nobody_else(self, scim, found, left_out):
        directory, registry = directory_of(scim)
        assert await directory.everybody() == found
        assert len(scim.requests) <= 4
        told = {
            reason: registry.get_sample_value("bmt_directory_records_left_out", {"reason": reason})
            for reason in left_out
        }
        assert told == left_out

    @pytest.mark.parametrize(
        ("written", "standing"),
        [
            ({"userName": "siti", "active": "True"}, SERVING),
            ({"userName": "siti", "active": "false"}, NOT_SERVING),
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
        directory, _ = directory_of(repeating([written], 1))
        assert await directory.everybody() == {"siti": standing}
        assert await directory.look_up("siti") == standing

    @pytest.mark.parametrize("letters", [str.lower, str.upper])
    async def test_names_of_attributes_may_be_in_any_letters(self, letters):
        def written(value):
            if isinstance(value, dict):
                return {letters(name): written(inner) for name, inner in value.items()}
            return [written(one) for one in value] if isinstance(value, list) else value

        siti = user("siti", emails=[{"value": "siti@x.my"}], **{EXTENSION: {"bmtEnabled": True}})
        scim = FakeScim(answer=written({"totalResults": 1, "Resources": [siti]}))
        expected = replace(ENABLED, emails=("siti@x.my",))
        directory, _ = directory_of(scim)
        assert await directory.everybody() == {"siti": expected}
        assert await directory.look_up("siti") == expected

    async def test_one_account_is_looked_up_in_any_case_of_letters(self):
        directory, _ = directory_of(FakeScim(user("Siti"), RAVI))
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
        directory, _ = directory_of(FakeScim({**SITI, **told}))
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
            *(
                {"totalResults": 3, **shown}
                for shown in ({}, {"Resources": []}, {"Resources": None})
            ),
        ],
    )
    async def test_what_is_no_scim_answer_or_shows_none_of_those_it_counts_is_no_answer(
        self, answer
    ):
        directory, registry = directory_of(FakeScim(answer=answer))
        for ask in (directory.everybody, lambda: directory.look_up("siti")):
            with pytest.raises(DirectoryUnavailable):
                await ask()
        assert listed(registry, "done" if isinstance(answer, dict) else "failed") == 1

    async def test_an_answer_about_others_says_nothing_of_the_account(self):
        others = [user("mangsa", active=False), user("mangs")]
        directory, _ = directory_of(repeating(others, 2))
        assert await directory.look_up("MANGS") == SERVING
        twice, _ = directory_of(FakeScim(user("siti", id="1"), user("SITI", id="2")))
        for unclear in (directory.look_up("mang"), twice.look_up("siti")):
            with pytest.raises(DirectoryUnclear):
                await unclear


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
