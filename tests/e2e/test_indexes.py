"""Every question that the services ask of MongoDB is answered by an index, however much is stored."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Final

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from fixtures import signing_in
from fixtures.outside import application, as_principal, registered
from fixtures.profiler import profiled
from typer.testing import CliRunner

from bmt.chassis.runtime.mongodb import connect
from bmt.cli.main import app

pytestmark = pytest.mark.e2e

DATABASES: Final = (
    "bmt_intake",
    "bmt_approval",
    "bmt_provisioning",
    "bmt_notification",
    "bmt_records",
    "bmt_documents",
    "bmt_web",
)
WITHOUT_COMMITS: Final = {"bmt_documents", "bmt_web"}
EVIDENCE = b"%PDF-1.4 bukti"


@pytest.fixture
async def databases(ready):
    client = connect(ready["mongodb"]["uri"].replace("?", "?appName=tests&"))
    yield [client[name] for name in DATABASES]
    client.close()


@pytest.fixture
def mampu(caller):
    return caller("administrator", "MAMPU")


@pytest.fixture
def jpa(caller):
    return caller("administrator", "JPA")


async def pages(who, service, path, **asked):
    """The first page of a list, and the second."""
    asked = {"limit": "1", **asked}
    first = (await who.get(service, path, params=asked)).json()
    if first["next_cursor"]:
        await who.get(service, path, params={**asked, "cursor": first["next_cursor"]})
    return first["items"]


async def through_all_steps(mampu, jpa, http, ready):
    """Requests of each kind, to each end; the last one's id."""
    account = await registered(http, ready)
    document_id = (await mampu.upload(b"borang " + account.encode())).json()["document_id"]
    returned = await mampu.submit(account=account, documents=[document_id])
    await mampu.once_known("provisioning", f"/v1/requests/{returned}/plan")
    assert (await mampu.decide(returned, "return", reason="Sila betulkan.")).status_code == 201
    await mampu.until(returned, "returned")
    corrected = application(account, quota_bytes=5_000_000_000)
    answer = await mampu.post("intake", f"/v1/requests/{returned}/correction", corrected)
    assert answer.status_code == 201, answer.text
    withdrawn = await mampu.submit(account=(await registered(http, ready)))
    await mampu.post("intake", f"/v1/requests/{withdrawn}/withdrawal", {"reason": "Tidak perlu."})
    await mampu.until(withdrawn, "withdrawn", "notified", "filed")
    await by_hand(jpa, await registered(http, ready, "jpa"))
    items = [{"request_id": returned, "decision": "approve", "exception_reason": "Sah."}]

    async def decided():
        results = (await mampu.post("approval", "/v1/decisions", {"items": items})).json()
        assert results["results"][0]["status"] in (201, 409)

    await decided()
    await mampu.until(returned, "filed")
    return returned


async def by_hand(jpa, account):
    asked = await jpa.submit(agency="JPA", account=account)
    await jpa.decide(asked, "approve", exception_reason="Sah.")
    await jpa.until(asked, "awaiting_operator")
    (task,) = [
        t
        for t in await pages(jpa, "provisioning", "/v1/tasks", status="open", limit="200")
        if t["request_id"] == asked
    ]
    path = f"/v1/tasks/{task['task_id']}"
    assert (await jpa.post("provisioning", f"{path}/claim")).status_code in (200, 201)
    proof = (await jpa.upload(EVIDENCE, "application/pdf", "bukti.pdf")).json()["document_id"]
    await jpa.post("provisioning", f"{path}/completion", {"evidence": [proof], "note": "Siap."})


async def with_messages(mampu):
    """What waits in the inbox: one is registered, one is dismissed."""
    for number in range(2):
        message = f"Subject: Tanya {number}\n\nBoleh saya memohon?\n".encode()
        headers = {"Content-Type": "message/rfc822"}
        answer = await mampu.post("intake", "/v1/emails", content=message, headers=headers)
        item = answer.json()["inbox_item_id"]
        await mampu.get("intake", f"/v1/inbox/{item}")
        if number:
            await mampu.post("intake", f"/v1/inbox/{item}/dismissal", {"reason": "Bukan."})
        else:
            fields = application(channel=...)
            await mampu.post("intake", f"/v1/inbox/{item}/registration", fields)


async def naming_what_is_not_theirs(jpa, others):
    """All that a document may count by is looked for."""
    document_id = (await jpa.upload(b"milik JPA")).json()["document_id"]
    for who in others:
        answer = await who.post("intake", "/v1/requests", application(documents=[document_id]))
        assert answer.status_code == 422


async def through_all_lists(readers, request_id):
    for reader in readers:
        for status in ({}, {"status": "filed"}):
            for agency in ({}, {"agency": "MAMPU"}):
                await pages(reader, "intake", "/v1/requests", **status, **agency)
        for q in ({}, {"q": "siti"}):
            for status in ({}, {"status": "filed"}):
                for since in ({}, {"from": "2020-01-01", "to": "2099-01-01"}):
                    asked = {**q, **status, **since}
                    answer = await reader.get("records", "/v1/records", params=asked)
                    if answer.status_code == 200:
                        await pages(reader, "records", "/v1/records", **asked)
        for service, path in (
            ("intake", f"/v1/requests/{request_id}"),
            ("approval", f"/v1/requests/{request_id}"),
            ("provisioning", f"/v1/requests/{request_id}/plan"),
            ("provisioning", "/v1/configurations"),
            ("notification", f"/v1/requests/{request_id}/notifications"),
            ("records", f"/v1/records/{request_id}"),
            ("approval", "/v1/agencies/MAMPU/rules"),
            ("approval", "/v1/agencies/MAMPU/rules?policy_version=MAMPU-0"),
        ):
            await reader.get(service, path)
        for agency in ({}, {"agency": "MAMPU"}):
            asked = {"from": "2020-01-01", "to": "2099-01-01", **agency}
            await reader.get("records", "/v1/charter", params=asked)


ORDERS: Final = (
    ("approval", "/v1/worklist", {}, "due_at name kind channel quota_bytes received_at"),
    ("approval", "/v1/requests", {"by_me": "true"}, "changed_at name kind"),
    *(
        ("intake", "/v1/inbox", status, "received_at sender")
        for status in ({}, {"status": "waiting"})
    ),
    *(
        ("provisioning", "/v1/tasks", status, "due_at name kind")
        for status in ({}, {"status": "open"}, {"status": "claimed"})
    ),
    ("provisioning", "/v1/failures", {}, "due_at name"),
    *(
        ("notification", "/v1/notifications", status, "wanted_since recipient about")
        for status in ({}, {"status": "prepared"})
    ),
)


async def through_the_desk(mampu, jpa):
    for service, path, only, orders in ORDERS:
        for order in orders.split():
            for descending in ("false", "true"):
                asked = {**only, "order": order, "descending": descending}
                await pages(jpa if "tasks" in path else mampu, service, path, **asked)
    (waiting,) = await pages(mampu, "approval", "/v1/worklist")
    await mampu.post("approval", f"/v1/requests/{waiting['request_id']}/assignment")
    for assigned in ("me", "nobody"):
        await pages(mampu, "approval", "/v1/worklist", assigned=assigned)
        await pages(mampu, "intake", "/v1/inbox", assigned=assigned, status="waiting")
        await pages(mampu, "notification", "/v1/notifications", assigned=assigned)
    await pages(mampu, "approval", "/v1/requests", q="siti")
    await mampu.get("approval", "/v1/worklist/counts")
    named = {"request_id": waiting["request_id"]}
    await mampu.get("approval", "/v1/worklist", params=named)


async def through_lists_of_an_agency(mampu, jpa, operator, request_id):
    await pages(mampu, "intake", "/v1/requests", mine="true")
    for status in ({}, {"status": "waiting"}):
        await pages(mampu, "intake", "/v1/inbox", **status)
    await through_the_desk(mampu, jpa)
    await pages(mampu, "provisioning", "/v1/configurations")
    for status in ({}, {"status": "open"}, {"status": "claimed"}, {"status": "done"}):
        for task in await pages(jpa, "provisioning", "/v1/tasks", **status):
            await jpa.get("provisioning", f"/v1/tasks/{task['task_id']}")
    account = (await mampu.get("intake", f"/v1/requests/{request_id}")).json()["applicant"][
        "account"
    ]
    await mampu.get("provisioning", f"/v1/entitlements/{account}")
    for who in (mampu, operator):
        for status in ({}, {"status": "open"}):
            await pages(who, "provisioning", "/v1/drift", **status)
            await pages(who, "provisioning", "/v1/confirmations", **status)
    told = await mampu.get("notification", f"/v1/requests/{request_id}/notifications")
    for notice in told.json()["items"]:
        path = f"/v1/notifications/{notice['notification_id']}"
        await mampu.get("notification", f"{path}/document")
        await mampu.post("notification", f"{path}/resend")
    await mampu.get("notification", "/v1/templates")
    for who in (mampu, operator):
        for status in ({}, {"status": "prepared"}, {"status": "notified"}):
            for channel in ({}, {"channel": "email"}):
                await pages(who, "notification", "/v1/notifications", **status, **channel)
    record = (await mampu.get("records", f"/v1/records/{request_id}")).json()
    await mampu.get("records", f"/v1/documents/{record['folios'][0]['document_id']}")


async def who_has_no_account(mampu, http, ready, request_id):
    """Asks by the reference."""
    known = (await mampu.get("intake", f"/v1/requests/{request_id}")).json()
    here = ready["web"]["url"]
    told = {"reference": known["reference"], "code": "0000-0000-0000"}
    answer = await http.post(f"{here}/status/", data=told, headers={"Origin": here})
    assert answer.status_code == 404


async def who_signs_in_and_out(ready):
    """Begins a session, goes on with it, and ends it; the issuer ends another one."""
    here = ready["web"]["url"]
    person = {"account": "siti", "name": "Siti", "agency": "MAMPU", "role_applicant": "on"}
    async with httpx.AsyncClient(base_url=here, trust_env=False) as browser:
        await signing_in.sign_in(browser, "/my/", person)
        for address in ("/my/", "/my/new/application"):
            assert (await browser.get(address)).status_code == 200
        answer = await browser.post("/account/logout", headers={"Origin": here})
        assert answer.headers["location"].startswith(ready["issuer"])
        assert (await browser.get("/my/")).status_code == 303
        await signing_in.sign_in(browser, "/my/", person)
        end = f"{ready['issuer']}/end-session"
        assert (await browser.post(end, data={"account": "siti"})).status_code == 200
        assert (await browser.get("/my/")).status_code == 303


async def of_an_integrator(ready, hrmis):
    """One submission is accepted and one refused; both are asked for."""
    event = {"specversion": "1.0", "source": "/hrmis", "type": "my.gov.bmt.RequestSubmitted.v1"}
    data = application(channel=..., source_reference="HR/9")
    ids = [uuid.uuid4().hex for _ in range(2)]
    async with AIOKafkaProducer(**as_principal(ready, "hrmis")) as producer:
        for event_id, value in zip(ids, (json.dumps(data).encode(), b"{}"), strict=True):
            headers = [(f"ce_{name}", text.encode()) for name, text in event.items()]
            headers.append(("ce_id", event_id.encode()))
            await producer.send_and_wait("bmt.inbound.hrmis.v1", value, headers=headers)
    for event_id in ids:
        await hrmis.once_known("intake", f"/v1/submissions/{event_id}")
    for asked in ({}, {"source_reference": "HR/9"}):
        assert await pages(hrmis, "intake", "/v1/submissions", **asked)


async def command(ready, *arguments):
    """A command of an operator, on the system of this run."""
    where = ["--data", str(Path(ready["data"]))]
    return await asyncio.to_thread(CliRunner().invoke, app, [*arguments, *where])


async def test_every_question_is_answered_by_an_index(ready, http, caller, databases, mampu, jpa):
    async with profiled(databases) as profile:
        request_id = await through_all_steps(mampu, jpa, http, ready)
        await with_messages(mampu)
        applicant = caller("applicant", "MAMPU", "siti.mampu@mygovuc.gov.my")
        await naming_what_is_not_theirs(jpa, [mampu, applicant])
        readers = [
            mampu,
            caller("applicant", "MAMPU"),
            caller("auditor", ""),
            caller("auditor", "MAMPU"),
            caller("operator", ""),
        ]
        await through_all_lists(readers, request_id)
        await through_lists_of_an_agency(mampu, jpa, readers[-1], request_id)
        await who_has_no_account(mampu, http, ready, request_id)
        await who_signs_in_and_out(ready)
        await of_an_integrator(ready, caller("integrator"))
        for service in ready["services"].values():
            await http.get(f"{service['url']}/metrics")
        for arguments in (["parked", "list"], ["parked", "retry", "--all"]):
            assert (await command(ready, *arguments)).exit_code == 0

    asked = {one.collection for one in profile.asked.values()}
    assert {f"{name}.commits" for name in DATABASES if name not in WITHOUT_COMMITS} <= asked
    assert {"bmt_web.sessions", "bmt_web.drafts"} <= asked
    assert not profile.uncovered, "\n".join(map(str, profile.uncovered))
