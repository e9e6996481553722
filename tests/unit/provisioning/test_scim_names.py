"""What IPMS answers is believed only where it names the account that was asked for."""

from contextlib import asynccontextmanager

import httpx2
import pytest
from fixtures.alone import Alone
from fixtures.scim_server import EXTENSION, ScimServer, error, user

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveIpms
from services.provisioning.connectors.connector import TargetConflict, TargetRefused
from services.provisioning.connectors.scim import Scim

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


class ShowsNobody(ScimServer):
    """Counts whom it does not show."""

    def listing(self, found, start, count):
        return {**super().listing(found, start, count), "Resources": []}


class ForgetsResources(ShowsNobody):
    """Likewise, without the list."""

    def listing(self, found, start, count):
        whole = super().listing(found, start, count)
        return {name: value for name, value in whole.items() if name != "Resources"}


class CountsMore(ScimServer):
    """There are more than it shows."""

    def listing(self, found, start, count):
        return {**super().listing(found, start, count), "totalResults": 2}


class GoesOn(ScimServer):
    """Counts nothing, and has another page (RFC 9865)."""

    def listing(self, found, start, count):
        whole = super().listing(found, start, count)
        return {**whole, "totalResults": None, "nextCursor": "more"}


class NamesNobody(ScimServer):
    """Leaves out what it was asked for."""

    def listing(self, found, start, count):
        whole = super().listing(found, start, count)
        shown = [{k: v for k, v in one.items() if k != "userName"} for one in whole["Resources"]]
        return {**whole, "Resources": shown}


class GivesNoId(NamesNobody):
    def listing(self, found, start, count):
        whole = ScimServer.listing(self, found, start, count)
        shown = [{k: v for k, v in one.items() if k != "id"} for one in whole["Resources"]]
        return {**whole, "Resources": shown}


MANGSA = "mangsa.mampu@mygovuc.gov.my"


@pytest.mark.parametrize(
    ("ipms", "account"),
    [
        (BeginsWith(user(MANGSA)), "mangs"),
        (BeginsWith(user("mangs"), user(MANGSA)), "mangs"),
        (IgnoresFilters(user(MANGSA)), "siti"),
        (OnePage(user("siti"), user(MANGSA)), "siti"),
        (OnePage(user(MANGSA), user("siti")), "siti"),
        (ShowsNobody(user("siti")), "siti"),
        (ForgetsResources(user("siti")), "siti"),
        (CountsMore(user("siti")), "siti"),
        (GoesOn(user("siti")), "siti"),
        (NamesNobody(user("siti")), "siti"),
        (GivesNoId(user("siti")), "siti"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ScimServer) else value,
)
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


class AnswersAnother(ScimServer):
    """Says that another user was changed."""

    def changed(self, one):
        return 200, user("other")


async def test_an_answer_to_a_change_that_names_another_user_is_refused():
    ipms = AnswersAnother(user("siti"))
    async with connected(ipms) as scim:
        with pytest.raises(TargetRefused, match="another") as refused:
            await scim.apply("siti", ON)
    assert not isinstance(refused.value, TargetConflict)


class SaysNothing(ScimServer):
    def changed(self, one):
        return 204, None


class SaysNothingAtLength(ScimServer):
    def changed(self, one):
        return 200, None


class Created(ScimServer):
    def changed(self, one):
        return 201, one


class WillBeDone(ScimServer):
    def changed(self, one):
        return 202, None


class SaysNoSchema(ScimServer):
    def changed(self, one):
        return 200, {}


@pytest.mark.parametrize(
    "kind", [SaysNothing, SaysNothingAtLength, Created, WillBeDone, SaysNoSchema]
)
async def test_a_change_may_be_answered_without_a_body(kind):
    ipms = kind(user("siti"))
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


@pytest.mark.parametrize(
    ("written", "size"),
    [(2_000_000_000.0, 2_000_000_000), (1.5, None), (True, None), (-1, None), ([], None)],
)
async def test_what_is_no_size_is_none_whatever_its_type(written, size):
    service = {"bmtEnabled": True, "maxFileSizeBytes": written}
    async with connected(ScimServer(user("siti", **{EXTENSION: service}))) as scim:
        effective = (await scim.read_back("siti")).effective
    assert effective == EffectiveIpms(bmt_enabled=True, max_file_size_bytes=size)


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
