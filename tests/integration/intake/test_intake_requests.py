"""Requests over HTTP: stored before the answer, said on Kafka, told of at once, refused by name."""

import asyncio

import httpx
import pytest
from eventually import eventually
from fixtures import samples
from fixtures.problems import assert_problem, pointers
from intake_callers import ADMINISTRATOR, APPLICANT, OF_JPA, OF_KPM, SITI, asked, person

from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from bmt.contracts.events import Approved, Configured, Granted, RequestFacts, ReturnedForCorrection
from bmt.contracts.values import Officer
from services.intake.main import build
from services.intake.settings import Settings

pytestmark = pytest.mark.integration

AUDITOR = ("auditor", "", "auditor")
OPERATOR = ("operator", "", "operator")
LIM = person("lim.jpa@mygovuc.gov.my")
OFFICER = Officer(subject="aminah", name="Aminah", role="administrator")


async def facts_of(wire, request_id: str, count: int = 1) -> RequestFacts:
    said = await wire.hear(topics.REQUESTS, request_id, *["RequestReceived"] * count)
    return RequestFacts.model_validate(said[-1].data["request"])


def approved(facts: RequestFacts) -> Approved:
    granted = Granted(quota_bytes=facts.quota_bytes, max_file_size_bytes=1)
    return Approved(request=facts, decided_by=OFFICER, decided_at=samples.MONDAY, approved=granted)


def returned(facts: RequestFacts) -> ReturnedForCorrection:
    return ReturnedForCorrection(
        request=facts, decided_by=OFFICER, decided_at=samples.MONDAY, reason="Tanpa butiran."
    )


def looker(intake, as_):
    """`await look(id, *who)`: a request's status."""

    async def look(request_id: str, *who: str) -> httpx.Response:
        return await intake.get(f"/v1/requests/{request_id}", headers=as_(*(who or ADMINISTRATOR)))

    return look


@pytest.fixture
def look(intake, as_):
    return looker(intake, as_)


async def test_a_request_is_accepted_said_and_told_of_at_once(submit, look, wire):
    answer = await submit()
    assert answer.status_code == 201, answer.text
    accepted = answer.json()
    assert set(accepted) == {"request_id", "reference", "status", "received_at"}
    assert accepted["reference"].startswith("BMT-MAMPU-")
    assert answer.headers["location"] == f"/v1/requests/{accepted['request_id']}"
    status = (await look(accepted["request_id"], *APPLICANT)).json()
    assert status["status"] == "received"
    assert [step["step"] for step in status["steps"]] == ["received"]
    assert status["applicant"]["account"] == SITI
    assert status["steps"][0]["at"] >= accepted["received_at"]
    assert accepted["received_at"].endswith("Z")
    (said,) = await wire.hear(topics.REQUESTS, accepted["request_id"], "RequestReceived")
    assert said.envelope.source == "/bmt/intake"
    assert said.envelope.sequence == "1"
    assert said.key == accepted["request_id"]
    assert said.data["request"]["received_at"] == accepted["received_at"]
    assert said.data["submitted_by"] == {"subject": ADMINISTRATOR[2], "role": "administrator"}


async def test_a_request_is_found_although_a_crash_took_it_from_the_view(
    submit, look, wire, shared, mongodb
):
    request_id = (await submit()).json()["request_id"]
    await facts_of(wire, request_id)
    client = connect(mongodb)
    database = client[f"{shared.name}_intake"]

    async def said() -> None:
        commit = await database.commits.find_one({"stream": f"request-{request_id}"})
        assert "outbox" not in commit

    await eventually(said)
    undelivered = {"$set": {"outbox": True}}
    await database.requests.delete_one({"_id": request_id})
    await database.commits.update_one({"stream": f"request-{request_id}"}, undelivered)
    client.close()

    assert (await look(request_id)).json()["status"] == "received"
    assert_problem(await look("01900000-0000-7000-8000-000000000000"), "not_found")


async def test_the_same_key_gives_the_same_answer_and_another_body_none(submit, intake, as_):
    first = await submit(key="the-key")
    again = await submit(key="the-key")
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert_problem(await submit(key="the-key", quota_bytes=1), "idempotency_key_reused")
    headers = as_(*ADMINISTRATOR)
    del headers["Idempotency-Key"]
    answer = await intake.post("/v1/requests", json=asked(), headers=headers)
    assert_problem(answer, "idempotency_key_missing")


async def test_the_same_key_twenty_times_at_once_is_one_request(submit, intake, as_, new_account):
    applicant = person(await new_account())
    many = (submit(key="at-once", applicant=applicant) for _ in range(20))
    answers = await asyncio.gather(*many)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["request_id"] for answer in answers}) == 1
    headers = as_("applicant", "MAMPU", applicant["account"])
    listed = (await intake.get("/v1/requests", headers=headers)).json()
    assert len(listed["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "problem", "pointer", "extra"),
    [
        ({"agency": "XYZ"}, "validation_failed", "/agency", {}),
        ({"agency": None}, "validation_failed", "/agency", {}),
        ({"colour": "red"}, "validation_failed", "/colour", {}),
        ({"channel": "event"}, "validation_failed", "/channel", {}),
        (
            {"quota_bytes": 10**11 + 1},
            "quota_exceeds_maximum",
            "/quota_bytes",
            {"maximum": 10**11},
        ),
        ({"quota_bytes": 0}, "validation_failed", "/quota_bytes", {}),
        (
            {"max_file_size_bytes": 2 * 10**9 + 1},
            "validation_failed",
            "/max_file_size_bytes",
            {},
        ),
        (
            {"documents": ["sha256:" + "0" * 64]},
            "document_unknown",
            "/documents/0",
            {"documents": ["sha256:" + "0" * 64]},
        ),
        (
            {"who": OF_JPA, "agency": "JPA", "applicant": LIM},
            "channel_not_allowed",
            "/channel",
            {"allowed": ["email", "form"]},
        ),
        (
            {
                "who": OF_KPM,
                "agency": "KPM",
                "applicant": person("jelani.kpm@mygovuc.gov.my"),
                "channel": "form",
                "reply_through": "letter",
            },
            "channel_not_allowed",
            "/reply_through",
            {"allowed": ["email"]},
        ),
    ],
)
async def test_what_is_wrong_has_a_name_and_a_place(submit, changes, problem, pointer, extra):
    body = assert_problem(await submit(**changes), problem)
    assert pointers(body) == {pointer}
    assert {name: body[name] for name in extra} == extra


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"kind": "application", "kind": 1}', b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused(intake, as_, body):
    headers = as_(*ADMINISTRATOR) | {"Content-Type": "application/json"}
    answer = await intake.post("/v1/requests", content=body, headers=headers)
    assert_problem(answer, "validation_failed")


async def test_a_body_above_1_mib_is_too_large(submit):
    assert_problem(await submit(justification="a" * 2**20), "too_large")


@pytest.mark.parametrize(
    ("who", "changes"),
    [
        (OF_JPA, {}),
        (("administrator", ""), {}),
        (APPLICANT, {}),
        (APPLICANT, {"channel": "form", "applicant": person("ravi.mampu@mygovuc.gov.my")}),
        (("applicant", "JPA", SITI), {"channel": "form"}),
        (("auditor", "MAMPU"), {}),
        (("integrator", "MAMPU"), {}),
        (("operator", "MAMPU"), {}),
    ],
)
async def test_who_may_not_submit_that_is_refused(submit, who, changes):
    assert_problem(await submit(who=who, **changes), "forbidden")


async def test_an_applicant_submits_the_own_form(submit):
    answer = await submit(who=("applicant", "", SITI.upper()), channel="form")
    assert answer.status_code == 201, answer.text


async def test_nobody_without_a_token_does_anything(intake):
    assert_problem(await intake.post("/v1/requests", json=asked()), "unauthenticated")


async def test_who_may_know_of_a_request(submit, look, intake, as_):
    request_id = (await submit()).json()["request_id"]
    for who in (ADMINISTRATOR, APPLICANT, AUDITOR, OPERATOR, ("auditor", "MAMPU")):
        assert (await look(request_id, *who)).status_code == 200
        listed = (await intake.get("/v1/requests", headers=as_(*who))).json()
        assert request_id in [item["request_id"] for item in listed["items"]]
    for who in (OF_JPA, ("auditor", "JPA"), ("applicant", "MAMPU", "ravi"), ("administrator", "")):
        assert_problem(await look(request_id, *who), "not_found")
        listed = (await intake.get("/v1/requests?agency=MAMPU", headers=as_(*who))).json()
        assert listed["items"] == []
        reason = {"reason": "x"}
        address = f"/v1/requests/{request_id}/withdrawal"
        if who[0] != "auditor":
            answer = await intake.post(address, json=reason, headers=as_(*who))
            assert_problem(answer, "not_found")
    assert_problem(await look("nothing"), "not_found")


async def test_lists_have_pages_and_filters(submit, intake, as_, new_account):
    applicant = person(await new_account())
    ids = [(await submit(applicant=applicant)).json()["request_id"] for _ in range(5)]
    headers, seen, cursor = as_("applicant", "MAMPU", applicant["account"]), [], ""
    while cursor is not None:
        page = (await intake.get(f"/v1/requests?limit=2{cursor}", headers=headers)).json()
        assert len(page["items"]) <= 2
        seen += [item["request_id"] for item in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == ids[::-1]
    for query, count in {"status=received": 5, "status=filed": 0, "agency=JPA": 0}.items():
        found = (await intake.get(f"/v1/requests?{query}", headers=headers)).json()
        assert len(found["items"]) == count
    answer = await intake.get("/v1/requests?status=lost", headers=headers)
    assert_problem(answer, "validation_failed")


async def test_a_document_is_named_as_its_uploader_named_it(submit, upload, wire):
    mine = (await upload(filename="saya.pdf")).json()
    await upload(who=APPLICANT, filename="dia.pdf")
    answer = await submit(documents=[mine["document_id"]])
    request_id = answer.json()["request_id"]
    (said,) = await wire.hear(topics.REQUESTS, request_id, "RequestReceived")
    assert said.data["documents"] == [mine]
    others = await submit(who=("administrator", "MAMPU", "noriha"), documents=[mine["document_id"]])
    (said,) = await wire.hear(topics.REQUESTS, others.json()["request_id"], "RequestReceived")
    assert said.data["documents"] == [mine]


class TestWarnings:
    async def warnings(self, submit, look, **changes) -> list[str]:
        answer = await submit(**changes)
        assert answer.status_code == 201, answer.text
        return (await look(answer.json()["request_id"])).json()["warnings"]

    async def test_by_the_directory_as_it_is_now(self, submit, look, new_account):
        extension = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
        enabled = {extension: {"bmtEnabled": True, "maxFileSizeBytes": "1"}}
        fresh, retired = await new_account(), await new_account(active=False)
        active = await new_account(**enabled)

        async def of(account, kind="application"):
            return await self.warnings(submit, look, applicant=person(account), kind=kind)

        assert await of(fresh) == []
        assert await of(retired) == ["not_serving"]
        assert await of("nobody.mampu@mygovuc.gov.my") == ["not_registered"]
        assert await of(active.upper()) == ["already_active"]
        assert await of(active, "termination") == ["open_request_exists"]
        assert await of(fresh, "termination") == ["no_active_service", "open_request_exists"]

    async def test_a_second_open_request_is_told(self, submit, look, new_account):
        account = await new_account()
        assert await self.warnings(submit, look, applicant=person(account)) == []
        again = await self.warnings(submit, look, applicant=person(account.upper()))
        assert again == ["open_request_exists"]

    async def test_a_directory_that_is_away_is_never_a_silent_yes(self, shared, variables, as_):
        own = {"ipms_url": "http://127.0.0.1:9/v2", "database_prefix": f"{shared.name}_away_"}
        away = {**variables, **own}
        async with shared.running(build, Settings, **away) as intake:
            answer = await intake.post("/v1/requests", json=asked(), headers=as_(*ADMINISTRATOR))
            status = await looker(intake, as_)(answer.json()["request_id"])
            assert status.json()["warnings"] == ["directory_unavailable"]
            metrics = (await intake.get("/metrics")).text
        assert 'outcome="failed"' in metrics
        assert 'bmt_connector_breaker_open{connector="directory"} 1.0' in metrics


async def test_what_provisioning_just_configured_is_known_at_once(
    submit, look, wire, new_account, ipms
):
    account = await new_account()
    request_id = (await submit(applicant=person(account))).json()["request_id"]
    facts = await facts_of(wire, request_id)
    await enable(ipms, account)
    await wire.say(approved(facts), sequence=2)
    await wire.say(configured(facts), sequence=1)

    async def is_configured():
        return (await look(request_id)).json()["status"] == "configured"

    await eventually(is_configured)
    second = (await submit(applicant=person(account))).json()["request_id"]
    assert (await look(second)).json()["warnings"] == ["already_active"]


def configured(facts: RequestFacts) -> Configured:
    storage = {"enabled": True, "quota_bytes": 5, "max_file_size_bytes": 1}
    ipms = {"bmt_enabled": True, "max_file_size_bytes": 1}
    return Configured.model_validate(
        {
            "request": facts,
            "configured_by": OFFICER,
            "configured_at": samples.MONDAY,
            "effective": {"ipms": ipms, "storage": storage},
            "evidence": [],
        }
    )


async def enable(ipms, account: str) -> None:
    extension = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
    headers = {"Authorization": f"Bearer {ipms.token}"}
    async with httpx.AsyncClient(base_url=ipms.url, headers=headers, trust_env=False) as scim:
        named = {"filter": f'userName eq "{account}"'}
        identity = (await scim.get("/Users", params=named)).json()["Resources"][0]["id"]
        operation = {"op": "replace", "path": f"{extension}:bmtEnabled", "value": True}
        patch = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [operation],
        }
        assert (await scim.patch(f"/Users/{identity}", json=patch)).status_code < 300


async def test_a_withdrawal_is_said_and_closed_by_a_decision(submit, look, intake, as_, wire):
    request_id = (await submit()).json()["request_id"]
    address, reason = f"/v1/requests/{request_id}/withdrawal", {"reason": "Tidak perlu lagi."}
    answer = await intake.post(address, json=reason, headers=as_(*APPLICANT))
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"request_id": request_id, "withdrawal": "requested"}
    said = await wire.hear(topics.REQUESTS, request_id, "RequestReceived", "WithdrawalRequested")
    assert said[1].data["reason"] == reason["reason"]
    assert said[1].envelope.sequence == "2"
    steps = (await look(request_id)).json()["steps"]
    assert [step["step"] for step in steps] == ["received", "withdrawal_requested"]
    again = await intake.post(address, json=reason, headers=as_(*APPLICANT))
    assert again.status_code == 202
    await wire.say(approved(RequestFacts.model_validate(said[0].data["request"])), sequence=2)

    async def is_approved():
        return (await look(request_id)).json()["status"] == "approved"

    await eventually(is_approved)
    late = await intake.post(address, json=reason, headers=as_(*APPLICANT, key="late"))
    body = assert_problem(late, "already_decided")
    assert body["decision"]["decision"] == "approve"
    replayed = await intake.post(address, json=reason, headers=as_(*APPLICANT, key="late"))
    assert replayed.headers["idempotent-replayed"] == "true"


async def test_what_was_returned_is_corrected(submit, look, intake, as_, wire, new_account):
    applicant = person(await new_account())
    first = (await submit(applicant=applicant)).json()
    request_id = first["request_id"]
    address = f"/v1/requests/{request_id}/correction"

    async def correct(**changes):
        return await intake.post(
            address, json=asked(applicant=applicant, **changes), headers=as_(*ADMINISTRATOR)
        )

    assert_problem(await correct(), "request_closed")
    await wire.say(returned(await facts_of(wire, request_id)), sequence=2)

    async def is_returned():
        return (await look(request_id)).json()["status"] == "returned"

    await eventually(is_returned)
    wrong = assert_problem(await correct(kind="termination"), "validation_failed")
    assert pointers(wrong) == {"/kind"}
    answer = await correct(justification="Dengan butiran.")
    assert answer.status_code == 201, answer.text
    assert answer.json() == first
    told = (await look(request_id)).json()
    assert told["status"] == "received"
    assert [step["step"] for step in told["steps"]] == ["received", "returned", "received"]
    assert told["warnings"] == []
    said = await wire.hear(topics.REQUESTS, request_id, "RequestReceived", "RequestReceived")
    assert said[1].data["justification"] == "Dengan butiran."
    assert "while_open" not in said[1].data
    assert_problem(await correct(), "request_closed")


async def test_metrics_count_requests_by_agency_and_status(submit, intake):
    await submit()
    metrics = (await intake.get("/metrics")).text
    for series in (
        'bmt_requests{agency="MAMPU",status="received"}',
        'bmt_commands_total{command="receive_request",outcome="applied",service="intake"}',
        'bmt_connector_calls_total{connector="directory",operation="list",outcome="done"}',
        'bmt_connector_breaker_open{connector="directory"} 0.0',
    ):
        assert series in metrics


async def test_while_kafka_is_down_requests_are_accepted_and_wait(
    intake, shared, variables, as_, wire
):
    """They wait in the outbox, for whoever reaches Kafka again."""
    down = {"kafka_bootstrap_servers": "127.0.0.1:9"}
    app = build(Settings(**{**shared._settings, **variables, **down}))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        body, headers = asked(), as_(*ADMINISTRATOR)

        async def accepted() -> str:
            """Once it has begun: before its indexes are there it takes nothing."""
            answer = await client.post("/v1/requests", json=body, headers=headers)
            assert answer.status_code == 201, answer.text
            return answer.json()["request_id"]

        request_id = await eventually(accepted)
        status = await looker(client, as_)(request_id)
        assert status.json()["status"] == "received"
        ready = await client.get("/readyz")
        assert assert_problem(ready, "unavailable")["missing"] == ["kafka"]
    await wire.hear(topics.REQUESTS, request_id, "RequestReceived")
