"""Provisioning as it runs: real Kafka and MongoDB, a real IPMS and a real file server."""

import asyncio
import signal
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from eventually import eventually
from fixtures.problems import assert_problem
from fixtures.procedure import approved
from fixtures.samples import APPLICANT, facts

from bmt.agencies.charter import MALAYSIA
from bmt.chassis.runtime import clock
from bmt.contracts import topics
from bmt.contracts.events import Granted, RequestFacts
from services.provisioning.connectors.scim import Scim

pytestmark = pytest.mark.integration

QUOTA, LARGEST = 5000, 2000
GRANTED = Granted(quota_bytes=QUOTA, max_file_size_bytes=LARGEST)
NOTHING = Granted(quota_bytes=None, max_file_size_bytes=None)
ON = {
    "ipms": {"bmt_enabled": True, "max_file_size_bytes": LARGEST},
    "storage": {"enabled": True, "quota_bytes": QUOTA, "max_file_size_bytes": LARGEST},
}
OFF = {
    "ipms": {"bmt_enabled": False, "max_file_size_bytes": None},
    "storage": {"enabled": False, "quota_bytes": None, "max_file_size_bytes": None},
}


def request_of(account: str, kind: str = "application", agency: str = "MAMPU") -> RequestFacts:
    applicant = APPLICANT.model_copy(update={"account": account})
    return facts(kind=kind, agency=agency, applicant=applicant)


async def approve(wire, request: RequestFacts, **changes: Any) -> str:
    granted = NOTHING if request.kind == "termination" else GRANTED
    said = approved(request, approved=granted, decided_at=clock.now(), **changes)
    return await wire.say(said, sequence=2)


async def hear(wire, request: RequestFacts, *names: str) -> Sequence[Any]:
    return await wire.hear(topics.CONFIGURATIONS, request.request_id, *names)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def wire(shared):
    return shared.wire


@pytest.fixture
async def account(ipms) -> str:
    """Somebody whom IPMS knows."""
    account = f"u{clock.new_id()[-12:]}.mampu@mygovuc.gov.my"
    await ipms.register(account)
    return account


async def test_an_application_and_a_termination_are_in_force(
    client, wire, ipms, storage, account, as_
):
    await approve(wire, application := request_of(account))
    started, configured = await hear(wire, application, "ConfigurationStarted", "Configured")

    assert started.data["plan"] == [
        {"target": "storage", "setting": "enabled", "from": False, "to": True},
        {"target": "storage", "setting": "quota_bytes", "from": None, "to": QUOTA},
        {"target": "storage", "setting": "max_file_size_bytes", "from": None, "to": LARGEST},
        {"target": "ipms", "setting": "bmt_enabled", "from": False, "to": True},
        {"target": "ipms", "setting": "max_file_size_bytes", "from": None, "to": LARGEST},
    ]
    assert configured.data["effective"] == ON
    assert configured.data["configured_by"]["subject"] == "provisioning"
    assert [each["connector"] for each in configured.data["evidence"]] == ["copyparty", "scim"]
    assert [said.envelope.sequence for said in (started, configured)] == ["1", "2"]
    assert await ipms.service(account) == {
        "bmtEnabled": True,
        "maxFileSizeBytes": str(LARGEST),
    }
    sizes = [LARGEST, LARGEST + 1, LARGEST, QUOTA - 2 * LARGEST + 1]
    answers = [await storage.upload(account, f"{size}-{n}", size) for n, size in enumerate(sizes)]
    assert [status < 300 for status in answers] == [True, False, True, False]

    entitlement = f"/v1/entitlements/{account.upper()}"
    shown = (await client.get(entitlement, headers=as_("administrator"))).json()
    assert shown["effective"] == ON
    assert shown["evidence"] == configured.data["evidence"]
    assert_problem(await client.get(entitlement, headers=as_("administrator", "KPM")), "not_found")
    own = await client.get(entitlement, headers=as_("applicant", "MAMPU", account))
    assert own.status_code == 200

    await approve(wire, termination := request_of(account, "termination"))
    started, configured = await hear(wire, termination, "ConfigurationStarted", "Configured")

    assert [change["target"] for change in started.data["plan"]][:2] == ["ipms", "ipms"]
    assert configured.data["effective"] == OFF
    assert [each["connector"] for each in configured.data["evidence"]] == ["scim", "copyparty"]
    assert await ipms.service(account) == {"bmtEnabled": False}
    assert await storage.visit(account) in {403, 404}
    shown = (await client.get(entitlement, headers=as_("auditor", ""))).json()
    assert (shown["kind"], shown["effective"]) == ("termination", OFF)
    plan = await client.get(
        f"/v1/requests/{termination.request_id}/plan", headers=as_("operator", "")
    )
    assert (plan.json()["status"], plan.json()["plan"]) == ("configured", [])
    metrics = (await client.get("/metrics")).text
    assert 'bmt_connector_breaker_open{connector="scim"} 0.0' in metrics
    assert 'bmt_charter_overdue_requests{agency="MAMPU",step="configure"} 0.0' in metrics
    assert (
        'bmt_connector_calls_total{connector="scim",operation="apply",outcome="answered"} 2.0'
        in metrics
    )


async def test_an_approval_that_is_delivered_again_changes_nothing(client, wire, account):
    event_id = await approve(wire, first := request_of(account))
    await hear(wire, first, "ConfigurationStarted", "Configured")

    await wire.say(approved(first), sequence=2, event_id=event_id)
    await wire.say(approved(first), sequence=2)
    await approve(wire, last := request_of(account, "termination"))

    await hear(wire, last, "ConfigurationStarted", "Configured")
    incoming = 'bmt_events_handled_total{outcome="%s",service="provisioning",type="%s"} %s'

    async def counted() -> None:  # the last may be in another partition than the first
        metrics = (await client.get("/metrics")).text
        assert incoming % ("duplicate", "my.gov.bmt.Approved.v1", "1.0") in metrics

    await eventually(counted)
    await hear(wire, first, "ConfigurationStarted", "Configured")


async def test_a_crash_between_the_targets_is_finished_and_said_once(
    provisioning, surroundings, ipms, storage, account, monkeypatch
):
    wire = surroundings.wire
    reached = asyncio.Event()

    async def hang(*_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as crashing:
        crashing.setattr(Scim, "apply", hang)
        async with provisioning():
            await approve(wire, request := request_of(account))
            await asyncio.wait_for(reached.wait(), 15)
            await hear(wire, request, "ConfigurationStarted")
    assert await storage.visit(account) == 200
    assert await ipms.service(account) == {}
    volume = storage.part.volumes / f"{account}.conf"
    opened_at = volume.stat().st_mtime_ns

    async with provisioning():
        _, configured = await hear(wire, request, "ConfigurationStarted", "Configured")

    assert configured.data["effective"] == ON
    assert (await ipms.service(account))["bmtEnabled"] is True
    assert volume.stat().st_mtime_ns == opened_at


@pytest.mark.parametrize(("part", "connector"), [("ipms", "scim"), ("storage", "copyparty")])
async def test_work_waits_visibly_while_a_target_is_away_and_goes_on_when_it_is_back(
    provisioning, surroundings, account, as_, part, connector, request
):
    wire = surroundings.wire
    process = request.getfixturevalue(part).process
    async with provisioning(target_timeout_seconds=0.5) as client:
        process.signal(signal.SIGSTOP)
        try:
            await approve(wire, asked := request_of(account))

            async def waits() -> None:
                metrics = (await client.get("/metrics")).text
                assert f'bmt_connector_breaker_open{{connector="{connector}"}} 1.0' in metrics
                answer = await client.get("/v1/configurations", headers=as_("administrator"))
                (item,) = answer.json()["items"]
                assert item["request_id"] == asked.request_id
                assert item["status"] == "approved"
                assert item["waiting_for"].startswith(f"{connector} ")
                assert moment(item["approved_at"]) <= clock.now()

            await eventually(waits)
            mine, foreign = [
                await client.get(
                    f"/v1/requests/{asked.request_id}/configuration",
                    headers=as_("applicant", "MAMPU", who),
                )
                for who in (account.upper(), "other.mampu@mygovuc.gov.my")
            ]
            assert mine.json()["away"] == part
            assert moment(mine.json()["approved_at"]) < moment(mine.json()["away_since"])
            assert_problem(foreign, "not_found")
            plan = f"/v1/requests/{asked.request_id}/plan"
            away = await client.get(plan, headers=as_("administrator"))
            assert assert_problem(away, "unavailable")["part"] == connector
            assert away.headers["retry-after"]
            await wire.hear(topics.DEAD_LETTERS, asked.request_id)
            await hear(wire, asked)
        finally:
            process.signal(signal.SIGCONT)

        await hear(wire, asked, "ConfigurationStarted", "Configured")

        async def well() -> None:
            metrics = (await client.get("/metrics")).text
            assert f'bmt_connector_breaker_open{{connector="{connector}"}} 0.0' in metrics
            answer = await client.get("/v1/configurations", headers=as_("administrator"))
            assert answer.json() == {"items": [], "next_cursor": None}

        await eventually(well)


async def test_work_waits_for_the_end_of_a_target_s_maintenance(
    provisioning, surroundings, ipms, storage, account, as_
):
    wire = surroundings.wire
    now = clock.now().astimezone(MALAYSIA)
    begins, ends = (now + timedelta(minutes=minutes) for minutes in (-5, 30))
    async with provisioning(maintenance_of_ipms=f"{begins:%H:%M}-{ends:%H:%M}") as client:
        await approve(wire, asked := request_of(account))
        of_request = f"/v1/requests/{asked.request_id}"

        async def waits() -> None:
            answer = await client.get("/v1/configurations", headers=as_("administrator"))
            assert [one["waiting_for"] for one in answer.json()["items"]] == [
                "scim is in maintenance"
            ]

        await eventually(waits)
        shown = await client.get(f"{of_request}/configuration", headers=as_("administrator"))
        assert shown.json()["away"] == "ipms"
        since, until = (moment(shown.json()[name]) for name in ("away_since", "away_until"))
        assert (since, until) == tuple(
            one.replace(second=0, microsecond=0) for one in (begins, ends)
        )
        plan = await client.get(f"{of_request}/plan", headers=as_("administrator"))
        assert_problem(plan, "unavailable")
        metrics = (await client.get("/metrics")).text
        assert 'bmt_connector_breaker_open{connector="scim"} 0.0' in metrics
        assert await ipms.service(account) == {}
        await hear(wire, asked)

    async with provisioning():
        names = ("ConfigurationStarted", "Configured")
        await wire.hear(topics.CONFIGURATIONS, asked.request_id, *names)


async def test_a_refusal_is_said_and_retried_once_somebody_mended_its_cause(
    client, wire, ipms, storage, as_
):
    account = f"u{clock.new_id()[-12:]}.mampu@mygovuc.gov.my"
    await approve(wire, request := request_of(account))
    (failed,) = await hear(wire, request, "ConfigurationFailed")
    assert failed.data["target"] == "ipms"
    assert "not registered" in failed.data["reason"]
    assert failed.data["retryable"] is True
    assert await storage.visit(account) == 401
    address = f"/v1/requests/{request.request_id}"
    plan = (await client.get(f"{address}/plan", headers=as_("administrator"))).json()
    code = "not_registered_there"
    assert plan["obstacles"] == [{"target": "ipms", "reason": failed.data["reason"], "code": code}]

    told = (await client.get(f"{address}/configuration", headers=as_("administrator"))).json()
    assert (told["status"], told["target"]) == ("configuration_failed", "ipms")
    assert (told["failures"], told["retryable"], told["task_id"]) == (1, True, None)
    foreign = await client.get(f"{address}/configuration", headers=as_("administrator", "KPM"))
    assert_problem(foreign, "not_found")

    await ipms.register(account)
    for other in (("administrator", "KPM"), ("auditor", "")):
        refused = await client.post(f"{address}/retry", headers=as_(*other))
        assert refused.status_code in {403, 404}
    key = as_("operator", "", "operator", key="mended")
    answers = [await client.post(f"{address}/retry", headers=key) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    await hear(wire, request, "ConfigurationFailed", "ConfigurationStarted", "Configured")
    again = await client.post(f"{address}/retry", headers=as_("administrator"))
    assert_problem(again, "request_closed")
    unknown = f"/v1/requests/{clock.new_id()}"
    assert_problem(await client.get(f"{unknown}/plan", headers=as_("administrator")), "not_found")
    assert_problem(await client.post(f"{unknown}/retry", headers=as_("operator")), "not_found")


async def test_what_ipms_refuses_is_set_by_hand_where_an_administrator_says_so(
    client, wire, ipms, as_
):
    account = f"u{clock.new_id()[-12:]}.mampu@mygovuc.gov.my"
    await approve(wire, request := request_of(account))
    await hear(wire, request, "ConfigurationFailed")
    address = f"/v1/requests/{request.request_id}"
    order = {"reason": "IPMS menolak tanpa sebab.", "by_hand": True}

    answer = await client.post(f"{address}/retry", json=order, headers=as_("administrator"))

    assert answer.status_code == 202
    *_, asked = await hear(
        wire, request, "ConfigurationFailed", "ConfigurationStarted", "AwaitingOperator"
    )
    told = (await client.get(f"{address}/configuration", headers=as_("administrator"))).json()
    assert (told["status"], told["task_id"]) == ("awaiting_operator", asked.data["task_id"])
    assert told["last_retry"]["reason"] == order["reason"]


async def test_two_requests_for_one_account_are_configured_in_the_order_of_their_approval(
    client, wire, ipms, account, as_
):
    first, last = request_of(account), request_of(account, "termination")
    ipms.process.signal(signal.SIGSTOP)
    try:
        for count, request in enumerate((first, last), start=1):
            await approve(wire, request)

            async def incoming(count=count) -> None:
                # Two requests are in two partitions: which is heard first is Kafka's to say.
                answer = await client.get("/v1/configurations", headers=as_("administrator"))
                assert len(answer.json()["items"]) == count

            await eventually(incoming)
    finally:
        ipms.process.signal(signal.SIGCONT)
    _, on = await hear(wire, first, "ConfigurationStarted", "Configured")
    _, off = await hear(wire, last, "ConfigurationStarted", "Configured")

    assert on.data["effective"] == ON
    assert off.data["effective"] == OFF
    assert moment(on.data["configured_at"]) < moment(off.data["configured_at"])
    assert await ipms.service(account) == {"bmtEnabled": False}


async def test_nothing_is_touched_for_another_agency_than_the_accounts(client, wire, ipms, storage):
    """However it came to be approved."""
    theirs = f"u{clock.new_id()[-12:]}.kpm@mygovuc.gov.my"
    await ipms.register(theirs)
    await approve(wire, request := request_of(theirs))
    (failed,) = await hear(wire, request, "ConfigurationFailed")
    assert "belongs to another agency" in failed.data["reason"]
    assert failed.data["retryable"] is True
    assert await ipms.service(theirs) == {}
    assert await storage.visit(theirs) == 401, "the storage never heard of it"
