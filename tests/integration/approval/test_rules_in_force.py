"""A manager changes the agency's rules over HTTP: recorded once, in force at once in every service, or on their day."""

from datetime import timedelta

import pytest
from eventually import eventually
from fixtures.problems import assert_problem

from bmt.agencies.agency import OWN
from bmt.agencies.charter import day_of
from bmt.chassis.runtime.clock import now
from services.approval.main import build
from services.approval.settings import Settings
from services.provisioning import main as provisioning
from services.provisioning import settings as provisioning_settings

pytestmark = pytest.mark.integration

MANAGER = ("agency_manager", "MAMPU", "rosnah", "Rosnah")
SITI = ("administrator", "MAMPU", "siti", "Siti")
RULES = "/v1/agencies/own/rules"


async def read(client, as_, who=MANAGER):
    async def there():
        answer = await client.get(RULES, headers=as_(*who))
        assert answer.status_code == 200, answer.text
        return answer.json()

    return await eventually(there)


async def body(client, as_, *, days=0, **changes):
    found = await read(client, as_)
    rules = {name: found["in_force"]["rules"][name] for name in OWN}
    return {
        "rules": {**rules, **changes},
        "in_force_from": (day_of(now()) + timedelta(days)).isoformat(),
        "why": "Arahan 9/2026",
        "number": found["number"],
    }


async def own(client, as_):
    return (await client.get("/v1/agencies/own", headers=as_(*SITI))).json()


async def test_a_change_is_in_force_at_once_and_outlives_a_start_and_every_replica_learns_it(
    running, as_
):
    async with running(build, Settings) as client, running(build, Settings) as replica:
        change = await body(client, as_, approval_levels=2)
        shown = await client.post(f"{RULES}/preview", headers=as_(*MANAGER), json=change)
        told = shown.json()
        assert (told["before"]["number"], told["after"]["number"]) == (1, 2)
        assert (await own(client, as_))["approval_levels"] == 1
        headers = as_(*MANAGER)
        made = await client.post(RULES, headers=headers, json=change)
        assert made.status_code == 201, made.text
        assert (made.json()["changed_by"], made.json()["changed_by_account"]) == (
            "Rosnah",
            "rosnah",
        )
        again = await client.post(RULES, headers=headers, json=change)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == made.json()
        decided_by = await own(client, as_)
        assert decided_by["approval_levels"] == 2
        assert decided_by["policy_version"] == made.json()["policy_version"]

        async def learnt():
            assert (await own(replica, as_))["approval_levels"] == 2

        await eventually(learnt)
        refused = await client.post(RULES, headers=as_(*MANAGER), json=change)
        assert assert_problem(refused, "rules_changed")["number"] == 2
    async with running(build, Settings) as client:
        assert (await own(client, as_))["approval_levels"] == 2
        assert (await read(client, as_))["number"] == 2


async def test_a_change_that_waits_is_shown_and_withdrawn(approval, as_):
    change = await body(approval, as_, days=5, closed_days=["2027-01-04"])
    made = await approval.post(RULES, headers=as_(*MANAGER), json=change)
    assert made.status_code == 201, made.text
    found = await read(approval, as_, SITI)
    assert (found["in_force"]["number"], found["waiting"]["number"]) == (1, 2)
    withdrawal = {"why": "Ditangguhkan.", "number": 2}
    back = await approval.post(f"{RULES}/withdrawal", headers=as_(*MANAGER), json=withdrawal)
    assert (back.status_code, back.json()["withdraws"]) == (201, 2)
    assert (await read(approval, as_))["waiting"] is None
    listed = await approval.get("/v1/agencies/MAMPU/rules", headers=as_("auditor", ""))
    assert [one["number"] for one in listed.json()["items"]] == [3, 2, 1]


async def test_all_faults_are_named_at_once_and_only_a_manager_changes(approval, as_):
    wrong = await body(
        approval,
        as_,
        quota_bytes={"default": 2, "maximum": 1},
        acting=[
            {
                "officer": "ali",
                "on_behalf_of": "Pengarah",
                "from": "2026-12-02",
                "until": "2026-12-01",
            }
        ],
        closed_days=["esok"],
    )
    answer = await approval.post(RULES, headers=as_(*MANAGER), json={**wrong, "why": ""})
    problem = assert_problem(answer, "validation_failed")
    assert {(one["pointer"], one["code"]) for one in problem["errors"]} == {
        ("/rules/quota_bytes/maximum", "usual_above_maximum"),
        ("/rules/acting/0/until", "until_before_from"),
        ("/rules/closed_days/0", "not_a_day"),
        ("/why", "required"),
    }
    unknown = {**wrong, "rules": {**wrong["rules"], "connectors": {}}}
    answer = await approval.post(RULES, headers=as_(*MANAGER), json=unknown)
    assert "/rules/connectors" in {
        one["pointer"] for one in assert_problem(answer, "validation_failed")["errors"]
    }
    right = await body(approval, as_, approval_levels=2)
    for role in ("administrator", "auditor", "operator", "applicant"):
        assert_problem(await approval.post(RULES, headers=as_(role), json=right), "forbidden")
    stranger = as_("agency_manager", "LAMA", "x", "X")
    assert_problem(await approval.post(RULES, headers=stranger, json=right), "not_found")


async def test_another_service_learns_a_change_and_reads_it_at_its_start(running, as_, monkeypatch):
    built = []
    monkeypatch.setattr(
        provisioning, "Ports", lambda **given: built.append(given["agencies"]) or given
    )
    given = {
        "ipms_url": "http://127.0.0.1:1/v2",
        "ipms_token": "x",
        "storage_url": "http://127.0.0.1:1",
        "storage_password": "x",
        "storage_volumes": "/nonexistent",
    }
    async with (
        running(build, Settings) as client,
        running(provisioning.build, provisioning_settings.Settings, **given),
    ):
        change = await body(client, as_, separation={"approver_may_configure": False})
        made = (await client.post(RULES, headers=as_(*MANAGER), json=change)).json()

        async def learnt():
            agency = built[0].get("MAMPU")
            assert agency.rules.separation.approver_may_configure is False
            assert agency.policy_version == made["policy_version"]

        await eventually(learnt)
    async with running(provisioning.build, provisioning_settings.Settings, **given):
        assert built[1].get("MAMPU").policy_version == made["policy_version"]
