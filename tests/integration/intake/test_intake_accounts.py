"""Whose account it is, and whose address: asked at every door, from outside."""

import uuid

import pytest
from eventually import eventually
from fixtures.problems import assert_problem, pointers
from intake_callers import ADMINISTRATOR, FILLED, asked, email

from bmt.contracts import topics

pytestmark = pytest.mark.integration

LIM = "lim.jpa@mygovuc.gov.my"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
OF_LIM = FILLED.replace("siti.mampu@", "lim.jpa@")


def person(account: str, address: str = "", name: str = "Seseorang") -> dict[str, str]:
    return {"account": account, "name": name, "email": address or account}


def nobodys() -> str:
    return f"{uuid.uuid4().hex[:12]}@lain.gov.my"


def addressed(address: str) -> list[dict[str, object]]:
    return [{"value": address, "primary": True}]


@pytest.fixture
def warned(intake, as_):
    """`await warned(answer)`: the warnings of the request that was accepted."""

    async def look(answer) -> list[str]:
        assert answer.status_code == 201, answer.text
        address = f"/v1/requests/{answer.json()['request_id']}"
        return (await intake.get(address, headers=as_(*ADMINISTRATOR))).json()["warnings"]

    return look


@pytest.fixture
def facts(wire):
    """`await facts(answer)`: what is published of the request that was accepted."""

    async def look(answer) -> dict:
        (said,) = await wire.hear(topics.REQUESTS, answer.json()["request_id"], "RequestReceived")
        return said.data["request"]

    return look


@pytest.mark.parametrize("kind", ["application", "termination"])
async def test_another_agencys_account_is_refused_to_an_administrator(submit, kind):
    refused = await submit(kind=kind, applicant=person(LIM))
    problem = assert_problem(refused, "account_of_other_agency")
    assert pointers(problem) == {"/applicant/account"}


async def test_upper_case_makes_no_account_ones_own(submit):
    assert_problem(await submit(applicant=person(LIM.upper(), LIM)), "account_of_other_agency")


async def test_an_applicant_of_another_agency_than_the_accounts_is_refused(submit):
    who = ("applicant", "MAMPU", LIM)
    refused = await submit(who=who, channel="form", applicant=person(LIM))
    assert_problem(refused, "account_of_other_agency")


async def test_a_message_about_another_agencys_account_waits_for_a_person(
    deliver, intake, as_, submit
):
    answer = await deliver(email(OF_LIM))
    assert answer.status_code == 202, answer.text
    item = answer.json()["inbox_item_id"]
    told = (await intake.get(f"/v1/inbox/{item}", headers=as_(*ADMINISTRATOR))).json()
    assert [each["field"] for each in told["missing"]] == ["account"]

    body = asked(channel="email", applicant=person(LIM))
    address = f"/v1/inbox/{item}/registration"
    refused = await intake.post(address, json=body, headers=as_(*ADMINISTRATOR))
    assert_problem(refused, "account_of_other_agency")


async def test_the_directory_names_the_agency_of_an_account_that_no_pattern_claims(
    submit, new_account, warned
):
    theirs = await new_account(name=nobodys(), **{ENTERPRISE: {"organization": "JPA"}})
    refused = await submit(applicant=person(theirs))
    assert_problem(refused, "account_of_other_agency")
    by_name = "Unit Pemodenan Tadbiran dan Perancangan Pengurusan Malaysia"
    ours = await new_account(name=nobodys(), **{ENTERPRISE: {"department": by_name}})
    assert await warned(await submit(applicant=person(ours))) == []


async def test_an_account_that_nobody_claims_needs_a_reason(submit, new_account, warned):
    assert await warned(await submit(applicant=person(await new_account(name=nobodys())))) == [
        "agency_unknown"
    ]


async def test_an_address_that_the_directory_does_not_have_is_a_warning_and_it_is_told_there(
    submit, new_account, warned, facts
):
    account = await new_account(emails=addressed("benar@mampu.gov.my"))
    answer = await submit(applicant=person(account, "lain@luar.example"))
    assert await warned(answer) == ["email_differs_from_directory"]
    assert (await facts(answer))["directory_email"] == "benar@mampu.gov.my"
    same = await submit(applicant=person(account, "Benar@MAMPU.gov.my"))
    assert await warned(same) == ["open_request_exists"]
    assert "directory_email" not in await facts(same)


async def test_an_applicant_names_no_strangers_address(submit, new_account):
    account = await new_account(emails=addressed("benar@mampu.gov.my"))
    who = ("applicant", "MAMPU", account)

    async def named(address: str):
        return await submit(who=who, channel="form", applicant=person(account, address))

    refused = await named("orang.lain@luar.example")
    problem = assert_problem(refused, "validation_failed")
    assert pointers(problem) == {"/applicant/email"}
    assert (await named("benar@mampu.gov.my")).status_code == 201
    assert (await named(account)).status_code == 201, "the token's"


@pytest.mark.parametrize("name", ["Siti https://evil.example/x", "Klik evil.com", "www.evil.my"])
async def test_a_name_holds_no_link(submit, name):
    applicant = person("siti.mampu@mygovuc.gov.my", name=name)
    refused = await submit(applicant=applicant)
    problem = assert_problem(refused, "validation_failed")
    assert pointers(problem) == {"/applicant/name"}


async def test_an_applicant_has_at_most_a_few_open_requests_and_an_office_any_number(
    submit, new_account
):
    account = await new_account()
    who = ("applicant", "MAMPU", account)
    own = person(account)
    taken = 0

    async def one_more() -> str:
        nonlocal taken
        answer = await submit(who=who, channel="form", applicant=own)
        taken += answer.status_code == 201
        assert taken <= 12, "a request or two may be on their way into the view"
        return answer.json().get("type", "")

    async def too_many() -> None:
        assert await one_more() == "urn:bmt:problem:too_many_requests"

    await eventually(too_many)
    assert (await submit(channel="form", applicant=own)).status_code == 201, "an administrator may"


async def test_a_forged_message_is_told_to_be_one(deliver, new_account, warned, facts):
    account = await new_account(emails=addressed("benar@mampu.gov.my"))
    text = FILLED.replace("Akaun: siti.mampu@mygovuc.gov.my", f"Akaun: {account}")
    text = text.replace("E-mel: siti.mampu@mygovuc.gov.my", "E-mel: penipu@luar.example")
    answer = await deliver(email(text, From="Siti <penipu@luar.example>"))
    assert await warned(answer) == ["email_differs_from_directory", "sender_differs"]
    assert (await facts(answer))["directory_email"] == "benar@mampu.gov.my"


async def test_what_a_person_registers_from_the_inbox_is_warned_of_alike(
    deliver, new_account, warned, intake, as_
):
    account = await new_account(emails=addressed("benar@mampu.gov.my"))
    item = (await deliver(email("Tamatkan saya.", From="penipu@luar.example"))).json()
    body = asked(channel="email", applicant=person(account, "benar@mampu.gov.my"))
    address = f"/v1/inbox/{item['inbox_item_id']}/registration"
    answer = await intake.post(address, json=body, headers=as_(*ADMINISTRATOR))
    assert await warned(answer) == ["sender_differs"]


@pytest.mark.parametrize("role", ["agency_manager", "administrator"])
async def test_whose_an_account_of_the_agency_is_can_be_read(new_account, intake, as_, role):
    account = await new_account(displayName="Nur Aisyah binti Karim")
    manager = as_(role, "MAMPU")
    answer = await intake.get(f"/v1/accounts/{account.upper()}", headers=manager)
    assert answer.status_code == 200, answer.text
    told = {"account": account.upper(), "name": "Nur Aisyah binti Karim", "serving": True}
    assert answer.json() == told
    unknown = f"{uuid.uuid4().hex[:12]}.mampu@mygovuc.gov.my"
    for other in (LIM, nobodys(), unknown):
        assert_problem(await intake.get(f"/v1/accounts/{other}", headers=manager), "not_found")
    anybody = await intake.get(f"/v1/accounts/{account}", headers=as_("operator", "MAMPU"))
    assert_problem(anybody, "forbidden")
