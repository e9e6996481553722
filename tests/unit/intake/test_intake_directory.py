"""Eligibility: from a snapshot at most 60 s old, looked up live where that would warn."""

import asyncio
from dataclasses import replace

import httpx
import pytest
from eventually import eventually
from prometheus_client import CollectorRegistry, Counter, Gauge
from structlog.testing import capture_logs

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

    def __init__(self, *users: dict, most: int = 2) -> None:
        self.users, self.most = list(users), most
        self.requests: list[httpx.Request] = []
        self.answer: httpx.Response | None = None

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

    async def test_nobody_is_an_answer(self):
        assert await directory_of(FakeScim())[0].everybody() == {}

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

    async def test_a_directory_of_odd_records_alone_comes_to_an_end(self):
        class Repeating(FakeScim):
            def __call__(self, request):
                self.requests.append(request)
                return httpx.Response(200, json={"totalResults": 450, "Resources": ODD})

        scim = Repeating()
        assert await directory_of(scim)[0].everybody() == {}
        assert len(scim.requests) == 2

    async def test_a_warning_is_written_once_for_the_same_odd_records(self):
        directory, _ = directory_of(FakeScim(user("siti"), ODD[0]))
        with capture_logs() as logs:
            await directory.everybody()
            await directory.everybody()
        assert logs == [
            {
                "event": "directory_records_left_out",
                "log_level": "warning",
                "unreadable": 1,
                "ambiguous": 0,
                "missing": 0,
            }
        ]

    @pytest.mark.parametrize(("written", "standing"), [("True", SERVING), ("false", None)])
    async def test_truths_may_be_written_as_words(self, written, standing):
        directory, _ = directory_of(FakeScim(user("siti", active=written)))
        expected = standing or AccountStatus(registered=True)
        assert await directory.everybody() == {"siti": expected}

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

    async def test_attributes_may_stand_behind_their_schema(self):
        core = "urn:ietf:params:scim:schemas:core:2.0:User"
        siti = {f"{core}:userName": "siti", f"{core}:active": True}
        siti |= {f"{EXTENSION}:bmtEnabled": True, f"{EXTENSION}:maxFileSizeBytes": "1"}
        scim = FakeScim()
        scim.answer = httpx.Response(200, json={"totalResults": 1, "Resources": [siti]})
        assert await directory_of(scim)[0].look_up("siti") == ENABLED

    async def test_an_id_may_be_a_number(self):
        directory, registry = directory_of(FakeScim(user("siti", id=17), user("ravi", id=18)))
        assert await directory.everybody() == {"siti": SERVING, "ravi": SERVING}
        assert left_out(registry, "unreadable") == 0

    async def test_pages_may_be_smaller_than_what_was_asked_for(self):
        scim = FakeScim(*(user(f"u{number}") for number in range(450)), most=10)
        assert len(await directory_of(scim)[0].everybody()) == 450

    async def test_a_directory_that_gives_the_same_page_again_comes_to_an_end(self):
        class Repeating(FakeScim):
            def __call__(self, request):
                self.requests.append(request)
                page = [user("siti"), user("ravi")]
                return httpx.Response(200, json={"totalResults": 450, "Resources": page})

        scim = Repeating()
        directory, registry = directory_of(scim)
        assert await directory.everybody() == {"siti": SERVING, "ravi": SERVING}
        assert len(scim.requests) == 2
        assert left_out(registry, "missing") == 448

    async def test_a_count_that_is_too_low_is_not_believed(self):
        class CountsLess(FakeScim):
            def __call__(self, request):
                answer = super().__call__(request).json()
                return httpx.Response(200, json={**answer, "totalResults": 1})

        scim = CountsLess(user("siti"), user("ravi"), user("lim"))
        assert set(await directory_of(scim)[0].everybody()) == {"siti", "ravi", "lim"}

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

    async def test_an_answer_about_others_says_nothing_of_the_account(self):
        class BeginsWith(FakeScim):
            def __call__(self, request):
                named = [user("mangsa")] if "filter" in request.url.params else self.users
                return httpx.Response(200, json={"totalResults": 1, "Resources": named})

        directory, _ = directory_of(BeginsWith(user("mangsa")))
        with pytest.raises(DirectoryUnclear):
            await directory.look_up("mangs")

    async def test_an_account_is_found_among_others(self):
        class IgnoresFilters(FakeScim):
            def __call__(self, request):
                return httpx.Response(200, json={"totalResults": 2, "Resources": self.users})

        directory, _ = directory_of(IgnoresFilters(user("mangsa", active=False), user("mangs")))
        assert await directory.look_up("MANGS") == SERVING


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
    async def test_who_is_fine_is_not_looked_up(self, watch):
        source = Source(siti=SERVING)
        directory = await taken(source, watch)
        watch.now = 60
        assert await directory.standing("Siti", serving) == SERVING
        assert source.looked_up == []

    async def test_an_account_added_since_is_found_live(self, watch):
        source = Source()
        directory = await taken(source, watch)
        source.accounts["siti"] = SERVING
        assert await directory.standing("siti", serving) == SERVING

    async def test_an_older_snapshot_is_not_believed(self, watch):
        source = Source(siti=SERVING)
        directory = await taken(source, watch)
        source.accounts["siti"] = ENABLED
        watch.now = 61
        assert await directory.standing("siti", serving) == ENABLED

    async def test_without_a_snapshot_and_without_an_answer_it_says_so(self, watch):
        source = Source(siti=SERVING)
        source.away = True
        directory = Directory(source, 30, watch)
        assert await directory.standing("siti", serving) is None

    async def test_after_60_seconds_away_it_is_never_a_silent_yes(self, watch):
        source = Source(siti=SERVING)
        directory = await taken(source, watch)
        source.away, watch.now = True, 61
        assert await directory.standing("siti", serving) is None

    async def test_while_it_is_away_a_fresh_snapshot_answers_what_it_knows(self, watch):
        source = Source()
        directory = await taken(source, watch)
        source.away = True
        assert await directory.standing("siti", serving) == UNKNOWN

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

    async def test_accounts_that_were_added_together_are_all_found_live(self, watch):
        source = Source()
        directory = await taken(source, watch)
        names = [str(number) for number in range(MOST_WAITING)]
        source.accounts = dict.fromkeys(names, SERVING)
        asked = [asyncio.create_task(directory.standing(name, serving)) for name in names]
        assert set(await asyncio.gather(*asked)) == {SERVING}

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
