"""Somebody sets IPMS or the storage otherwise: it is found once, and a person or the agency's rules decide."""

import asyncio
import csv
import io
import signal
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import yaml
from eventually import eventually
from fixtures.problems import assert_problem
from test_provisioning import LARGEST, ON, approve, hear, request_of

from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import connect
from services.provisioning import daily
from services.provisioning.connectors.scim import Scim
from services.provisioning.connectors.targets import Targets
from services.provisioning.domain import drift_rules

pytestmark = pytest.mark.integration

AGAIN_AND_AGAIN = {"drift_interval_seconds": 1}
LARGER = 3 * LARGEST


@pytest.fixture
async def accounts(ipms) -> Sequence[str]:
    """Two whom IPMS knows."""
    accounts = [f"u{clock.new_id()[-12:]}{n}.mampu@mygovuc.gov.my" for n in (1, 2)]
    for account in accounts:
        await ipms.register(account)
    return accounts


async def configured(wire, *accounts: str) -> Sequence[Any]:
    requests = [request_of(account) for account in accounts]
    for request in requests:
        await approve(wire, request)
    for request in requests:
        await hear(wire, request, "ConfigurationStarted", "Configured")
    return requests


async def listed(client, as_, status: str | None = None) -> Sequence[Any]:
    params = {"status": status} if status else {}
    answer = await client.get("/v1/drift", headers=as_("administrator"), params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def found(client, as_, *accounts: str, status: str = "open") -> Sequence[Any]:
    async def there() -> Sequence[Any]:
        items = await listed(client, as_, status)
        assert {one["account"] for one in items} == set(accounts)
        return items

    return await eventually(there)


async def compared(client, as_, times: int = 1) -> Sequence[Any]:
    """So many further comparisons began and ended."""
    known = {run["run_id"] for run in await runs(client, as_)}

    async def later() -> Sequence[Any]:
        now = await runs(client, as_)
        assert len({run["run_id"] for run in now} - known) > times  # one may have begun before
        return now[:times]

    return await eventually(later)


async def runs(client, as_) -> Sequence[Any]:
    return (await client.get("/v1/drift/runs", headers=as_("operator", ""))).json()


async def release(client, as_, run_id: str, *, who: str = "operator", key: str = "") -> Any:
    body, headers = {"reason": "IPMS memang diubah."}, as_(who, "", key=key)
    return await client.post(f"/v1/drift/runs/{run_id}/release", json=body, headers=headers)


async def recorded(surroundings, kind: str, of: str = "my.gov.bmt.provisioning.") -> int:
    """How many such events provisioning has stored."""
    client = connect(surroundings._mongodb)
    store = client[f"{surroundings.name}_provisioning"].commits
    name = f"{of}{kind}.v1"
    count = 0
    async for commit in store.find({}, {"events": 1}):
        count += sum(event["type"] == name for event in commit["events"])
    client.close()
    return count


async def rule(client, as_, request_id: str, decision: str, *who: str, reason="Semakan.") -> Any:
    who = who or ("administrator", "MAMPU", "faridah")
    body = {"decision": decision, "reason": reason}
    return await client.post(f"/v1/requests/{request_id}/drift", json=body, headers=as_(*who))


async def test_a_difference_is_found_once_and_corrected_when_an_officer_says_so(
    provisioning, wire, surroundings, ipms, accounts, as_
):
    account, _ = accounts
    async with provisioning(**AGAIN_AND_AGAIN) as client:
        request, _ = await configured(wire, *accounts)
        await ipms.set(account, enabled=True, size=LARGER)

        (item,) = await found(client, as_, account)
        await compared(client, as_, 2)

        change = {"target": "ipms", "setting": "max_file_size_bytes"}
        assert item["differences"] == [{**change, "from": LARGER, "to": LARGEST}]
        assert (item["request_id"], item["status"]) == (request.request_id, "open")
        assert await listed(client, as_) == [item]
        assert await recorded(surroundings, "DriftDetected") == 1
        metrics = (await client.get("/metrics")).text
        assert 'bmt_drift_open{agency="MAMPU",target="ipms"} 1.0' in metrics

        for who in (("administrator", "KPM"), ("administrator", "")):
            hidden = await client.get("/v1/drift", headers=as_(*who))
            assert hidden.json()["items"] == []
            refused = await rule(client, as_, request.request_id, "correct", *who)
            assert_problem(refused, "not_found")
        own = ("administrator", "MAMPU", account.upper())
        for decision in ("correct", "accept"):
            refused = await rule(client, as_, request.request_id, decision, *own)
            assert_problem(refused, "own_request")
        assert_problem(
            await rule(client, as_, request.request_id, "accept", reason=" "), "validation_failed"
        )

        answer = await rule(client, as_, request.request_id, "correct", reason="Bukan kami.")
        assert answer.status_code == 201, answer.text
        (corrected,) = await found(client, as_, account, status="corrected")

        assert await ipms.service(account) == {
            "bmtEnabled": True,
            "maxFileSizeBytes": str(LARGEST),
        }
        assert (corrected["ruled_by"]["subject"], corrected["reason"]) == ("faridah", "Bukan kami.")
        assert [one["connector"] for one in corrected["evidence"]] == ["copyparty", "scim"]
        assert_problem(await rule(client, as_, request.request_id, "correct"), "request_closed")
        # Nothing is said of it to the outside: the request was configured and told long ago.
        await hear(wire, request, "ConfigurationStarted", "Configured")
        entitlement = f"/v1/entitlements/{account}"
        shown = (await client.get(entitlement, headers=as_("administrator"))).json()
        assert shown["effective"] == ON
        report = await client.get("/v1/drift/report", headers=as_("auditor", ""))
        heading, line = csv.reader(io.StringIO(report.content.decode("utf-8-sig")))
        told = dict(zip(heading, line, strict=True))
        assert (told["configured"], told["in_force"]) == (str(LARGEST), str(LARGER))
        assert (told["account"], told["status"]) == (account, "corrected")


async def test_what_is_accepted_stays_and_what_somebody_or_a_later_request_sets_back_is_cleared(
    provisioning, wire, surroundings, ipms, accounts, as_
):
    first, second = accounts
    async with provisioning(**AGAIN_AND_AGAIN) as client:
        request, _ = await configured(wire, first, second)
        await ipms.set(first, enabled=True, size=LARGER)
        await ipms.set(second, enabled=False)
        await found(client, as_, first, second)

        assert (await rule(client, as_, request.request_id, "accept")).status_code == 201
        await ipms.set(second, enabled=True, size=LARGEST)

        await found(client, as_, second, status="cleared")
        await compared(client, as_, 2)
        await found(client, as_, first, status="accepted")
        assert await listed(client, as_, "open") == []
        assert (await ipms.service(first))["maxFileSizeBytes"] == str(LARGER)
        assert await recorded(surroundings, "DriftDetected") == 2
        await ipms.set(first, enabled=True, size=LARGER + 1)
        await found(client, as_, first)

        await approve(wire, last := request_of(first, "termination"))
        await hear(wire, last, "ConfigurationStarted", "Configured")
        await found(client, as_, first, second, status="cleared")
        late = await rule(client, as_, request.request_id, "correct")
        assert_problem(late, "request_closed")


async def test_too_many_differences_at_once_are_held_back_until_an_operator_lets_as_many_through(
    provisioning, wire, surroundings, ipms, accounts, as_, monkeypatch
):
    monkeypatch.setattr(drift_rules, "FEW", 0)
    third = f"u{clock.new_id()[-12:]}3.mampu@mygovuc.gov.my"
    await ipms.register(third)
    async with provisioning():
        await configured(wire, *accounts, third)
    for account in accounts:
        await ipms.set(account, enabled=False)
    async with provisioning(drift_interval_seconds=3600, drift_most_percent=50) as client:

        async def held_back(differing: int) -> str:
            run = (await runs(client, as_))[0]
            whole = {"target": "ipms", "differing": differing, "compared": 3}
            assert run["held_back"] == [{**whole, "agency": "MAMPU"}, {**whole, "agency": None}]
            return run["run_id"]

        first = await eventually(lambda: held_back(2))
        assert await listed(client, as_) == []
        assert 'bmt_drift_held_back{target="ipms"} 2.0' in (await client.get("/metrics")).text
        assert await recorded(surroundings, "DriftDetected") == 0
        assert_problem(await release(client, as_, clock.new_id()), "not_found")
        assert_problem(await release(client, as_, first, who="auditor"), "forbidden")

        await ipms.set(third, enabled=False)
        answers = [await release(client, as_, first, key="a") for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert [one.headers.get("idempotent-replayed") for one in answers] == [None, "true"]
        second = await eventually(lambda: held_back(3))
        assert_problem(await release(client, as_, first), "not_waiting")
        kept = {one["run_id"]: one["released"] for one in await runs(client, as_)}
        assert (kept[first], kept[second]) == (answers[0].json(), None)

        assert (await release(client, as_, second)).status_code == 202
        await found(client, as_, *accounts, third)

        async def let_through() -> None:  # a run is told of after what it recorded
            assert 'bmt_drift_held_back{target="ipms"} 0.0' in (await client.get("/metrics")).text

        await eventually(let_through)


async def test_the_agency_s_rules_may_have_it_corrected_after_it_was_seen_twice(
    provisioning, wire, ipms, accounts, as_, agencies_file
):
    rules = yaml.safe_load(agencies_file.read_text())
    rules["MAMPU"]["drift"] = "correct"
    agencies_file.write_text(yaml.safe_dump(rules))
    async with provisioning() as client:
        request, _ = await configured(wire, *accounts)
    await ipms.set(accounts[0], enabled=False)
    async with provisioning() as client:
        (item,) = await found(client, as_, accounts[0])
        assert item["ruled_by"] is None
        assert (await ipms.service(accounts[0]))["bmtEnabled"] is False

    ipms.process.signal(signal.SIGSTOP)
    try:
        async with provisioning(target_timeout_seconds=0.3, drift_interval_seconds=1) as client:
            (run,) = await compared(client, as_)
            assert run["unanswered"] == {"ipms": 2}
            assert (run["detected"], run["cleared"], run["held_back"]) == (0, 0, [])
            assert await listed(client, as_) == [item]
            metrics = (await client.get("/metrics")).text
            assert 'bmt_drift_unanswered{target="ipms"} 2.0' in metrics
    finally:
        ipms.process.signal(signal.SIGCONT)

    async with provisioning() as client:
        (item,) = await found(client, as_, accounts[0], status="corrected")
        assert item["ruled_by"]["subject"] == "provisioning"
        assert (await ipms.service(accounts[0]))["bmtEnabled"] is True
        await hear(wire, request, "ConfigurationStarted", "Configured")


async def test_two_processes_compare_one_after_the_other_and_not_while_views_are_made_again(
    provisioning, wire, surroundings, ipms, accounts, as_
):
    async with provisioning(**AGAIN_AND_AGAIN) as one, provisioning(**AGAIN_AND_AGAIN):
        await configured(wire, *accounts)
        await ipms.set(accounts[0], enabled=False)
        await found(one, as_, accounts[0])
        runs = await compared(one, as_, 3)
        spans = sorted((run["began_at"], run["ended_at"]) for run in runs)
        assert all(ended <= began for (_, ended), (began, _) in pairwise(spans))
        assert await recorded(surroundings, "DriftDetected") == 1

        database = connect(surroundings._mongodb)[f"{surroundings.name}_provisioning"]
        jobs, which = database.rebuilding, {"_id": "entitlements"}
        elsewhere = {"finished_at": None, "held_until": clock.now() + timedelta(hours=1)}
        await jobs.update_one(which, {"$set": elsewhere})

        async def waits() -> None:
            (planned,) = await database[daily.PLANNED].find().to_list()
            assert planned["waiting_for"] == "views that are made again"

        await eventually(waits)
        await jobs.update_one(which, {"$set": {"finished_at": clock.now()}})
        await compared(one, as_)


async def test_a_crash_in_the_middle_of_a_comparison_or_of_a_correction_leaves_nothing_half_done(
    provisioning, wire, surroundings, ipms, accounts, as_, monkeypatch
):
    async with provisioning() as client:
        request, _ = await configured(wire, *accounts)
    await ipms.set(accounts[0], enabled=False)
    with monkeypatch.context() as crashing:
        reached = _hanging(crashing, Targets, "shown")
        async with provisioning():
            await asyncio.wait_for(reached.wait(), 15)
    assert await recorded(surroundings, "DriftDetected") == 0

    async with provisioning() as client:
        await found(client, as_, accounts[0])
    with monkeypatch.context() as crashing:
        reached = _hanging(crashing, Scim, "apply")
        async with provisioning() as client:
            await rule(client, as_, request.request_id, "correct")
            await asyncio.wait_for(reached.wait(), 15)
            await found(client, as_, accounts[0], status="being_corrected")
            assert (await rule(client, as_, request.request_id, "correct")).status_code == 201
    assert (await ipms.service(accounts[0]))["bmtEnabled"] is False

    async with provisioning() as client:
        await found(client, as_, accounts[0], status="corrected")
        assert (await ipms.service(accounts[0]))["bmtEnabled"] is True
        assert await recorded(surroundings, "CorrectionRequested") == 1
        await hear(wire, request, "ConfigurationStarted", "Configured")


def _hanging(monkeypatch, owner: type, name: str) -> asyncio.Event:
    reached = asyncio.Event()

    async def hang(*_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(owner, name, hang)
    return reached
