"""Agencies are asked to confirm what was granted: by their own rule, once a campaign, and a person answers."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from eventually import eventually
from fixtures.problems import assert_problem
from test_drift_found import compared, configured, recorded
from test_provisioning import approve, hear, request_of

from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime import clock
from bmt.contracts import topics
from services.provisioning import daily, recertification
from services.provisioning.domain import drift_rules
from services.provisioning.recertification import Campaigns

pytestmark = pytest.mark.integration

DAILY = {"drift_interval_seconds": 1}
A_YEAR = timedelta(days=400)


@pytest.fixture
async def accounts(ipms) -> Sequence[str]:
    accounts = [f"u{clock.new_id()[-12:]}{n}.mampu@mygovuc.gov.my" for n in (1, 2, 3)]
    for account in accounts:
        await ipms.register(account)
    return accounts


@pytest.fixture
def rule(agencies_file):
    """Sets MAMPU's rule about its grants."""

    def set_(**confirm_grants: Any) -> None:
        rules = yaml.safe_load(agencies_file.read_text())
        rules["MAMPU"]["confirm_grants"] = confirm_grants
        agencies_file.write_text(yaml.safe_dump(rules))

    return set_


@pytest.fixture
def later(monkeypatch):
    """The daily run of services that start from now on happens so much later."""

    def move(by: timedelta) -> None:
        def campaigns(**ports: Any) -> Campaigns:
            return Campaigns(**{**ports, "clock": lambda: clock.now() + by})

        monkeypatch.setattr(recertification, "Campaigns", campaigns)

    return move


async def listed(client, as_, status="open", who=("administrator", "MAMPU")) -> Sequence[Any]:
    asked = {"status": status}
    answer = await client.get("/v1/confirmations", headers=as_(*who), params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def asked(client, as_, *accounts: str, status: str = "open") -> Sequence[Any]:
    async def there() -> Sequence[Any]:
        items = await listed(client, as_, status)
        assert {one["account"] for one in items} == set(accounts)
        return items

    return await eventually(there)


async def answer(client, as_, decision, *ids, who=("administrator", "MAMPU", "faridah"), key=None):
    headers = as_(*who) | ({"Idempotency-Key": key} if key else {})
    body = {"request_ids": ids, "decision": decision, "reason": "Semakan tahunan."}
    return await client.post("/v1/confirmations", json=body, headers=headers)


async def published(wire, request, *names: str) -> Sequence[Any]:
    said = await wire.hear(topics.CONFIGURATIONS, request.request_id, *names)
    return said[2:]


CONFIGURED = ("ConfigurationStarted", "Configured")


async def test_a_grant_is_asked_about_once_and_its_confirmation_is_on_record(
    provisioning, wire, surroundings, accounts, as_, rule, later
):
    account, other, _ = accounts
    rule(every_months=12, days_to_answer=10)
    async with provisioning(**DAILY) as client:
        request, second = await configured(wire, account, other)
        await compared(client, as_, 2)
        assert await listed(client, as_) == []
    later(A_YEAR)
    async with provisioning(**DAILY) as client:
        first, _ = await asked(client, as_, account, other)
        await compared(client, as_, 2)

        assert first["cause"] == "rule"
        left = datetime.fromisoformat(first["answer_by"]) - clock.now()
        assert timedelta(days=409) < left < timedelta(days=411)
        assert await recorded_publicly(surroundings, "ConfirmationDue") == 2
        assert await recorded_publicly(surroundings, "ConfirmationsAwaited") == 1
        for who in (("administrator", "KPM"), ("administrator", "")):
            assert await listed(client, as_, who=who) == []
            results = (
                await answer(client, as_, "confirm", request.request_id, who=(*who, "x"))
            ).json()["results"]
            assert results[0]["problem"]["status"] == 404
        own = ("administrator", "MAMPU", account)
        (mine,) = (await answer(client, as_, "confirm", request.request_id, who=own)).json()[
            "results"
        ]
        assert (mine["status"], mine["problem"]["type"]) == (403, "urn:bmt:problem:own_request")
        blank = {"request_ids": [], "decision": "confirm", "reason": " "}
        refused = await client.post(
            "/v1/confirmations", json=blank, headers=as_("administrator", "MAMPU")
        )
        assert_problem(refused, "validation_failed")

        ids = (request.request_id, second.request_id, clock.new_id())
        done = await answer(client, as_, "confirm", *ids, key="tahunan-1")
        assert [one["status"] for one in done.json()["results"]] == [201, 201, 404]
        again = await answer(client, as_, "confirm", *ids[:2], key="tahunan-2")
        assert [one["problem"]["code"] for one in again.json()["results"]] == [
            "confirmation_answered"
        ] * 2
        replay = await answer(client, as_, "confirm", *ids, key="tahunan-1")
        statuses = [one["status"] for one in replay.json()["results"]]
        assert statuses == [201, 201, 404]

        items = await asked(client, as_, account, other, status="confirmed")
        assert {one["answered_by"]["subject"] for one in items} == {"faridah"}
        await compared(client, as_, 2)
        assert await listed(client, as_) == []
        metrics = (await client.get("/metrics")).text
        assert 'bmt_grant_confirmations{agency="MAMPU",status="confirmed"} 2.0' in metrics
        assert 'bmt_grant_confirmations{agency="MAMPU",status="overdue"} 0.0' in metrics
        awaited = () if first["request_id"] != request.request_id else ("ConfirmationsAwaited",)
        said = await published(
            wire, request, *CONFIGURED, "ConfirmationDue", *awaited, "GrantConfirmed"
        )
        assert said[-1].data["confirmed_by"]["subject"] == "faridah"
        assert said[-1].envelope.sequence == str(4 + len(awaited))


async def recorded_publicly(surroundings, kind: str) -> int:
    return await recorded(surroundings, kind, "my.gov.bmt.")


async def test_a_leaver_is_asked_about_with_the_directory_s_answer_and_a_person_ends_it_once(
    provisioning, wire, surroundings, ipms, accounts, as_, rule
):
    stays, leaves, _ = accounts
    rule(leavers="ask")
    async with provisioning(**DAILY) as client:
        _, request = await configured(wire, stays, leaves)
        await ipms.leave(leaves)
        (item,) = await asked(client, as_, leaves)
        assert item["cause"] == "not_serving"
        assert item["directory_read_at"]
        report = await client.get("/v1/confirmations/report", headers=as_("administrator", "MAMPU"))
        (row,) = csv.DictReader(io.StringIO(report.text.removeprefix("\ufeff")))
        assert (row["account"], row["cause"]) == (leaves, "not_serving")

        answers = await asyncio.gather(
            *(
                answer(client, as_, "terminate", request.request_id, who=(*ADMIN, name))
                for name in ("faridah", "aminah", "zainab")
            )
        )
        results = [one.json()["results"][0] for one in answers]

        (ended,) = [one["termination_id"] for one in results if one["status"] == 201]
        assert sorted(one["status"] for one in results) == [201, 409, 409]
        *_, proposed = await published(
            wire,
            request,
            *CONFIGURED,
            "ConfirmationDue",
            "ConfirmationsAwaited",
            "TerminationProposed",
        )
        assert proposed.data["termination_id"] == ended
        assert "tidak aktif" in proposed.data["justification"]
        await compared(client, as_, 2)
        assert await listed(client, as_) == []
        assert await recorded_publicly(surroundings, "TerminationProposed") == 1


ADMIN = ("administrator", "MAMPU")


async def test_too_many_leavers_at_once_are_held_back(
    provisioning, wire, ipms, accounts, as_, rule, monkeypatch
):
    monkeypatch.setattr(drift_rules, "FEW", 0)
    rule(leavers="ask")
    async with provisioning(**DAILY, drift_most_percent=50) as client:
        await configured(wire, *accounts)
        for account in accounts:
            await ipms.leave(account)

        async def held_back() -> None:
            metrics = (await client.get("/metrics")).text
            assert 'bmt_leavers_held_back{agency="MAMPU"} 3.0' in metrics

        await eventually(held_back)
        assert await listed(client, as_) == []


async def test_what_is_not_answered_is_told_once_more_and_proposed_only_where_the_rule_says_so(
    provisioning, wire, surroundings, accounts, as_, rule, later
):
    later(A_YEAR)
    async with provisioning(**DAILY) as client:
        (request,) = await configured(wire, accounts[0])
        await compared(client, as_, 2)
        assert await listed(client, as_) == [], "without a rule nobody is asked"
    rule(every_months=12, days_to_answer=5)
    async with provisioning(**DAILY) as client:
        await asked(client, as_, accounts[0])
    later(A_YEAR + timedelta(days=7))
    async with provisioning(**DAILY) as client:
        await compared(client, as_, 2)
        assert len(await listed(client, as_)) == 1
        said = await published(
            wire,
            request,
            *CONFIGURED,
            "ConfirmationDue",
            *("ConfirmationsAwaited",) * 2,
        )
        assert [one.data["level"] for one in said[1:]] == ["reminder", "escalation"]
        assert said[-1].data["grants"] == 1
    rule(every_months=12, days_to_answer=5, unanswered="propose")
    async with provisioning(**DAILY) as client:
        (item,) = await asked(client, as_, accounts[0], status="termination_proposed")
        await compared(client, as_, 2)
        assert item["answered_by"]["role"] == "service"
        assert await recorded_publicly(surroundings, "TerminationProposed") == 1


async def test_a_crash_in_the_middle_of_a_run_asks_nobody_twice_and_forgets_nobody(
    provisioning, wire, surroundings, accounts, as_, rule, later, monkeypatch
):
    rule(every_months=12)
    monkeypatch.setattr(daily, "AT_A_TIME", 1)
    async with provisioning():
        await configured(wire, *accounts)
    later(A_YEAR)
    with monkeypatch.context() as crashing:
        reached = _hanging_after_the_second(crashing)
        async with provisioning():
            await asyncio.wait_for(reached.wait(), 20)
    assert await recorded_publicly(surroundings, "ConfirmationDue") == 2

    async with provisioning(**DAILY) as one, provisioning(**DAILY):
        await asked(one, as_, *accounts)
        await compared(one, as_, 2)
        await approve(wire, ended := request_of(accounts[0], "termination"))
        await hear(wire, ended, *CONFIGURED)
        await asked(one, as_, accounts[0], status="superseded")
    assert await recorded_publicly(surroundings, "ConfirmationDue") == 3
    assert await recorded_publicly(surroundings, "ConfirmationsAwaited") == 1


def _hanging_after_the_second(monkeypatch) -> asyncio.Event:
    """The process asks about two grants, and never comes to the third."""
    reached, written = asyncio.Event(), []
    execute = Execution.execute_many

    async def hanging(self: Any, messages: Any) -> Any:
        if any(str(one.causation).startswith("confirm:") for one in messages):
            if len(written) == 2:
                reached.set()
                await asyncio.Event().wait()
            written.append(messages)
        return await execute(self, messages)

    monkeypatch.setattr(Execution, "execute_many", hanging)
    return reached
