"""What IPMS answers is believed only where it names the account that was asked for."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest
from fixtures.alone import Alone
from fixtures.scim_server import EXTENSION, LIST, ScimServer, error, user

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveIpms
from services.provisioning.connectors import scim as module
from services.provisioning.connectors.connector import (
    NotCalled,
    Reading,
    TargetAway,
    TargetConflict,
    TargetRefused,
)
from services.provisioning.connectors.scim import CALLS_AT_ONCE, MOST_IN_A_FILTER, Scim

ON = EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2_000_000_000)

OFF = EffectiveIpms(bmt_enabled=False, max_file_size_bytes=None)

SET = {"bmtEnabled": True, "maxFileSizeBytes": "2000000000"}


@asynccontextmanager
async def connected(ipms: ScimServer):
    """The connector, over HTTP."""
    with ipms.serving():
        scim = Alone(Scim(httpx2.AsyncClient(base_url=ipms.url), clock.now))
        yield scim
        await scim.close()


class BeginsWith(ScimServer):
    """Takes `eq` for `sw`."""

    def matching(self, name):
        return [one for one in self.users if one["userName"].startswith(name)]


class IgnoresFilters(ScimServer):
    """Gives everybody, whatever is asked."""

    def matching(self, name):
        return self.users


class OnePage(IgnoresFilters):
    """Shows one user a page."""

    def listing(self, found, start, count):
        return super().listing(found, start, 1)


class Lists(ScimServer):
    """Has one user, and lists it otherwise."""

    def __init__(self, otherwise):
        super().__init__(user("siti"))
        self.otherwise = otherwise

    def listing(self, found, start, count):
        return self.otherwise(super().listing(found, start, count))


def without(name):
    def left_out(whole):
        shown = [{k: v for k, v in one.items() if k != name} for one in whole["Resources"]]
        return whole | {"Resources": shown}

    return left_out


MANGSA = "mangsa.mampu@mygovuc.gov.my"
ODD = {
    "begins with it": (BeginsWith(user(MANGSA)), "mangs"),
    "is it, or begins with it": (BeginsWith(user("mangs"), user(MANGSA)), "mangs"),
    "ignores filters": (IgnoresFilters(user(MANGSA)), "siti"),
    "one a page": (OnePage(user("siti"), user(MANGSA)), "siti"),
    "another a page": (OnePage(user(MANGSA), user("siti")), "siti"),
    "shows nobody": (Lists(lambda whole: whole | {"Resources": []}), "siti"),
    "no list": (
        Lists(lambda whole: {name: whole[name] for name in ("schemas", "totalResults")}),
        "siti",
    ),
    "counts more": (Lists(lambda whole: whole | {"totalResults": 2}), "siti"),
    "goes on (RFC 9865)": (
        Lists(lambda whole: whole | {"totalResults": None, "nextCursor": "more"}),
        "siti",
    ),
    "names nobody": (Lists(without("userName")), "siti"),
    "gives no id": (Lists(without("id")), "siti"),
}


@pytest.mark.parametrize(("ipms", "account"), ODD.values(), ids=ODD)
@pytest.mark.parametrize("wanted", [ON, OFF], ids=["application", "termination"])
async def test_an_answer_about_anybody_else_changes_nobody(ipms, account, wanted):
    async with connected(ipms) as scim:
        for attempt in (scim.plan, scim.apply):
            with pytest.raises(TargetRefused) as refused:
                await attempt(account, wanted)
            assert MANGSA not in refused.value.reason
            assert refused.value.reason.startswith("IPMS")
        with pytest.raises(TargetRefused):
            await scim.read_back(account)
    assert ipms.patched == []


async def test_a_name_is_the_same_in_any_case_of_letters():
    ipms = ScimServer(user("Siti.Mampu@MyGovUC.gov.my"))
    async with connected(ipms) as scim:
        await scim.apply("siti.mampu@mygovuc.gov.my", ON)
        assert (await scim.read_back("SITI.mampu@mygovuc.gov.my")).effective == ON
    assert ipms.patched == ["Siti.Mampu@MyGovUC.gov.my"]


async def test_an_answer_to_a_change_that_names_another_user_is_refused():
    ipms = ScimServer(user("siti"))
    ipms.changed = lambda _: (200, user("other"))
    async with connected(ipms) as scim:
        with pytest.raises(TargetRefused, match="another") as refused:
            await scim.apply("siti", ON)
    assert not isinstance(refused.value, TargetConflict)


@pytest.mark.parametrize(
    "answered",
    [
        pytest.param(lambda _: (204, None), id="nothing"),
        pytest.param(lambda _: (200, None), id="nothing at length"),
        pytest.param(lambda one: (201, one), id="created"),
        pytest.param(lambda _: (202, None), id="will be done"),
        pytest.param(lambda _: (200, {}), id="no schema"),
    ],
)
async def test_a_change_may_be_answered_without_a_body(answered):
    ipms = ScimServer(user("siti"))
    ipms.changed = answered
    async with connected(ipms) as scim:
        await scim.apply("siti", ON)
        assert (await scim.read_back("siti")).effective == ON


class KeepsNumbers(ScimServer):
    """Keeps a decimal string as the number that it is."""

    def changed(self, one):
        one[EXTENSION]["maxFileSizeBytes"] = int(one[EXTENSION]["maxFileSizeBytes"])
        one[EXTENSION]["bmtEnabled"] = "True"
        return 204, None


async def test_numbers_and_truths_are_read_however_they_are_written():
    async with connected(KeepsNumbers(user("siti"))) as scim:
        await scim.apply("siti", ON)
        assert (await scim.read_back("siti")).effective == ON


async def test_what_else_a_user_has_may_be_odd():
    odd = user("siti", active="", emails="none", name=["Siti"], **{EXTENSION: SET})
    async with connected(ScimServer(odd)) as scim:
        assert (await scim.read_back("siti")).effective == ON


async def test_a_service_that_cannot_be_read_is_this_accounts_fault_alone():
    odd = user("siti", **{EXTENSION: {"bmtEnabled": ""}})
    async with connected(ScimServer(odd)) as scim:
        with pytest.raises(TargetRefused, match="cannot be read"):
            await scim.read_back("siti")


async def test_an_id_may_be_a_number():
    class Numbered(ScimServer):
        def listing(self, found, start, count):
            numbered = [{**one, "id": int(one["id"])} for one in found]
            return super().listing(numbered, start, count)

    ipms = Numbered(user("siti", id="17"))
    async with connected(ipms) as scim:
        await scim.apply("siti", ON)
        assert (await scim.read_back("siti")).effective == ON
    assert ipms.patched == ["siti"]


@pytest.mark.parametrize("status", [409, 412, 423, 428])
async def test_a_conflict_is_told_from_a_refusal(status):
    ipms = ScimServer(user("siti"))
    ipms.refusals = [status, status]
    async with connected(ipms) as scim:
        with pytest.raises(TargetConflict, match=str(status)):
            await scim.apply("siti", ON)


async def test_a_refusal_names_nobody_else():
    class Names(ScimServer):
        def change(self, one, operations, headers):
            status, body = error(403)
            return status, {**body, "detail": f"'{MANGSA}' has that already"}

    async with connected(Names(user("siti"))) as scim:
        with pytest.raises(TargetRefused, match="IPMS refuses with 403: … has that already"):
            await scim.apply("siti", ON)


class NeedsVersions(ScimServer):
    """Changes only what was read in its present version, and tells it in a header alone."""

    def read(self, one):
        return one, {"ETag": 'W/"7"'}

    def change(self, one, operations, headers):
        if headers.get("If-Match") != 'W/"7"':
            return error(412)
        return super().change(one, operations, headers)


async def test_who_wants_the_version_gets_it():
    ipms = NeedsVersions(user("siti"))
    async with connected(ipms) as scim:
        await scim.apply("siti", ON)
    assert ipms.service("siti") == SET


def answering(*answers: httpx2.Response) -> Alone:
    """IPMS gives these answers, one after the other."""
    left = list(answers)
    transport = httpx2.MockTransport(lambda _: left.pop(0))
    client = httpx2.AsyncClient(transport=transport, base_url="http://ipms/v2")
    return Alone(Scim(client, clock.now))


def answer(status: int, body: dict) -> httpx2.Response:
    return httpx2.Response(status, json=body, headers={"content-type": "application/scim+json"})


def found(*services: dict) -> httpx2.Response:
    users = [user("siti", id="1", **{EXTENSION: service}) for service in services]
    body = {"schemas": [LIST], "totalResults": len(users), "Resources": users}
    return answer(200, body)


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408, 401])
async def test_what_passes_or_is_an_operators_to_mend_is_an_outage(status):
    for said in (answer(*error(status)), httpx2.Response(status, text="<h1>no</h1>")):
        with pytest.raises(TargetAway):
            await answering(said).read_back("siti")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 423])
async def test_what_waiting_does_not_change_is_a_refusal(status):
    for said in (answer(*error(status)), httpx2.Response(status, text="<h1>no</h1>")):
        with pytest.raises(TargetRefused) as refused:
            await answering(found({}), said).apply("siti", ON)
        assert refused.value.retryable
        assert str(status) in refused.value.reason


async def test_an_answer_that_is_not_scim_is_an_outage():
    for text in ("<h1>Welcome</h1>", "[]", '{"schemas": ["other"]}'):
        with pytest.raises(TargetAway):
            await answering(httpx2.Response(200, text=text)).read_back("siti")


async def test_two_accounts_of_one_name_are_refused():
    with pytest.raises(TargetRefused, match="more than one"):
        await answering(found({}, {})).read_back("siti")


@pytest.mark.parametrize(
    ("service", "shown"),
    [
        ({}, (False, None)),
        ({"bmtEnabled": True}, (True, None)),
        ({"bmtEnabled": True, "maxFileSizeBytes": "9007199254740993"}, (True, 9007199254740993)),
        ({"bmtEnabled": False, "maxFileSizeBytes": "about 2 GB"}, (False, None)),
        ({"bmtEnabled": True, "maxFileSizeBytes": 2e9}, (True, 2_000_000_000)),
        *(
            ({"bmtEnabled": True, "maxFileSizeBytes": odd}, (True, None))
            for odd in (1.5, True, -1, [])
        ),
    ],
)
async def test_what_is_no_size_is_none_whatever_its_type(service, shown):
    effective = (await answering(found(service)).read_back("siti")).effective
    assert (effective.bmt_enabled, effective.max_file_size_bytes) == shown


NAMES = [f"pegawai{number}@mygovuc.gov.my" for number in range(100)]


def looked(ipms: ScimServer) -> int:
    return sum("/Users?" in path for path in ipms.asked)


async def test_many_are_looked_up_in_few_requests_and_each_is_set_and_read_back():
    ipms = ScimServer(*map(user, NAMES))
    async with connected(ipms) as scim:
        plans = await scim.connector.plan(dict.fromkeys(NAMES, ON))
        assert looked(ipms) == -(-len(NAMES) // MOST_IN_A_FILTER) == 3
        assert await scim.connector.apply(dict.fromkeys(NAMES, ON)) == dict.fromkeys(NAMES)
        readings = await scim.connector.read_back(NAMES)
    assert plans.keys() == readings.keys() == set(NAMES)
    assert all(len(plan) == 2 for plan in plans.values())
    assert all(reading.effective == ON for reading in readings.values())
    assert sorted(ipms.patched) == sorted(NAMES)
    assert looked(ipms) == 9


async def test_what_is_wrong_with_one_account_is_its_own():
    twice, unknown, refused, fine = "dua@x", "tiada@x", "ditolak@x", "elok@x"
    ipms = ScimServer(user(twice), user(twice, id="other"), user(refused), user(fine))
    change = ipms.change

    def refusing(one, operations, headers):
        ipms.refusals = [403] if one["userName"] == refused else []
        return change(one, operations, headers)

    ipms.change = refusing
    async with connected(ipms) as scim:
        answers = await scim.connector.apply(dict.fromkeys([twice, unknown, refused, fine], ON))
    assert answers.pop(fine) is None
    assert [answers[name].code for name in (twice, unknown, refused)] == [
        "several_accounts",
        "not_registered_there",
        "target_refused_with",
    ]
    assert ipms.patched == [fine]


@pytest.mark.parametrize("status", [400, 403, 413, 414, 500, 501, 503])
async def test_a_server_that_takes_no_alternatives_is_asked_one_by_one(status, monkeypatch):
    ipms = ScimServer(*map(user, NAMES[:50]))
    ipms.refuses_many = status
    async with connected(ipms) as scim:
        readings = await scim.connector.read_back(NAMES[:50])
        assert all(isinstance(reading, Reading) for reading in readings.values())
        assert looked(ipms) == 51
        await scim.connector.read_back(NAMES[:50])
        assert looked(ipms) == 101
        monkeypatch.setattr(module.time, "monotonic", lambda: float("inf"))
        ipms.refuses_many = 0
        await scim.connector.read_back(NAMES[:50])
        assert looked(ipms) == 103


async def test_a_server_that_answers_with_others_too_is_believed_about_nobody():
    class IgnoresAlternatives(ScimServer):
        """Gives everybody where it does not understand."""

        def listing(self, found, start, count):
            return super().listing(self.users if len(found) > 1 else found, start, count)

    ipms = IgnoresAlternatives(*map(user, NAMES))
    async with connected(ipms) as scim:
        answers = await scim.connector.apply(dict.fromkeys(NAMES[:3], ON))
    assert answers == dict.fromkeys(NAMES[:3])
    assert sorted(ipms.patched) == NAMES[:3]


async def test_writes_are_bounded_however_many_lists_there_are():
    under_way, most = 0, 0

    async def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)  # no time: others have their turn of the loop
        under_way -= 1
        return httpx2.Response(503)

    http = httpx2.AsyncClient(base_url="http://ipms/v2", transport=httpx2.MockTransport(answer))
    scim = Scim(http, clock.now)
    await asyncio.gather(*(scim.read_back(NAMES[place : place + 30]) for place in (0, 30, 60)))
    assert most <= CALLS_AT_ONCE + 3, "one filter for each list, beside the bounded single ones"


async def test_a_silent_server_costs_a_list_a_few_calls():
    calls = 0

    async def silent(_: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        calls += 1
        raise httpx2.ConnectError("nobody listens")

    http = httpx2.AsyncClient(base_url="http://ipms/v2", transport=httpx2.MockTransport(silent))
    answers = await Scim(http, clock.now).read_back(NAMES)
    assert calls <= 1 + CALLS_AT_ONCE
    assert all(isinstance(one, TargetAway) for one in answers.values())
    assert sum(isinstance(one, NotCalled) for one in answers.values()) >= len(NAMES) - CALLS_AT_ONCE
    assert not any(isinstance(one, TargetRefused) for one in answers.values())
