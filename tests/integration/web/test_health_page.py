"""The operators' page, in front of one service that runs and four that do not."""

import re
import uuid

import pytest
from eventually import eventually
from fixtures.samples import facts, received
from fixtures.web import pages, signed_in

from bmt.chassis.messaging.parking import Parked, ParkingLot, Record
from bmt.chassis.runtime.clock import now
from bmt.chassis.runtime.mongodb import connect
from services.approval.main import build
from services.approval.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def browser(shared, embedded_issuer):
    issuer = embedded_issuer.url
    async with (
        shared.running(build, Settings, issuer=issuer) as approval,
        pages(shared, {"approval": approval}, issuer=issuer) as browser,
    ):
        yield browser


@pytest.fixture
async def operator(browser):
    return await signed_in(browser, "/health/", "ops@mampu.gov.my", "role_operator")


@pytest.fixture
async def parked(shared, mongodb):
    """`await parked()`: the place of an event that waits for an operator in approval's lot."""
    client = connect(mongodb)
    lot = ParkingLot(client[f"{shared.name}_approval"]["parked"])

    async def park():
        event, offset = received(facts()), uuid.uuid4().int % 10**9
        key = event.request.request_id
        names = {
            "ce_specversion": "1.0",
            "ce_id": uuid.uuid4().hex,
            "ce_source": "/bmt/intake",
            "ce_type": event.TYPE,
            "ce_subject": key,
            "ce_time": now().isoformat(),
            "ce_sequence": "1",
            "ce_correlationid": key,
            "ce_causationid": "1",
            "ce_dataschema": "urn:bmt",
            "content-type": "application/json",
        }
        headers = tuple((name, text.encode()) for name, text in names.items())
        value = event.model_dump_json(by_alias=True).encode()
        topic = f"{shared.name}.bmt.requests.v1"
        record = Record(topic, 0, offset, key, headers, value, key.encode())
        await lot.park([Parked(record, "KeyError", 6, None, now())])
        return f"{topic}:0:{offset}"

    yield park
    client.close()


async def test_an_operator_sees_which_service_answers_and_what_to_do_about_the_others(operator):
    page = await operator.get("/health/?lang=en")
    assert page.status_code == 200
    assert page.text.count("It does not answer.") == 4
    for name in ("approval", "web"):
        assert re.search(
            rf'class="who">{name}</th>\s*<td><span class="badge good">Running', page.text
        )
    assert "bmt doctor" in page.text
    assert "The lists of these cannot be read now: intake, provisioning" in page.text


async def test_a_parked_event_is_retried_from_the_page(operator, parked):
    place = await parked()
    page = await operator.get("/health/?lang=en")
    for command in (f"bmt parked retry {place}", f"bmt parked discard {place} --reason ..."):
        assert command in page.text
    assert "Siti Nurhaliza" not in page.text
    answer = await operator.post(f"/health/parked/approval/{place}", data={"do": "retry"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/health/?done=retried")
    assert "It is tried again" in (await operator.get("/health/?done=retried&lang=en")).text

    async def handled():
        assert place not in (await operator.get("/health/")).text

    await eventually(handled, 30)


async def test_a_discard_needs_a_reason_and_the_second_operator_is_told(browser, operator, parked):
    place = await parked()
    address = f"/health/parked/approval/{place}"
    refused = await operator.post(address, data={"do": "discard", "reason": " "})
    assert refused.status_code == 422
    assert 'aria-invalid="true"' in refused.text
    given = {"do": "discard", "reason": "withdrawn on paper"}
    assert (await operator.post(address, data=given)).headers["location"].endswith("=discarded")
    other = await signed_in(browser, "/health/", "lim@mampu.gov.my", "role_operator")
    late = await other.post(address, data=given)
    assert late.status_code in (404, 409)
    assert 'role="alert"' in late.text


async def test_the_addresses_of_forms_lead_back_to_the_page(operator):
    answer = await operator.get("/health/parked/approval/bmt.requests.v1:0:1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/health/")


async def test_the_address_itself_leads_an_operator_there(operator):
    answer = await operator.get("/", follow_redirects=True)
    assert answer.url.path == "/health/"


@pytest.mark.parametrize("role", ["role_administrator", "role_applicant", "role_auditor"])
async def test_nobody_else_does(browser, role):
    visitor = await signed_in(browser, "/health/", "siti@mampu.gov.my", role)
    assert (await visitor.get("/health/")).status_code == 403
