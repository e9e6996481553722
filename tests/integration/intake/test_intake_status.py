"""The one call without a token: who has reference and code sees where the request is; who guesses learns nothing."""

import asyncio

import pytest
from eventually import eventually
from fixtures.ledger_keys import SECRETS
from fixtures.problems import assert_problem
from fixtures.procedure import rejected

from bmt.contracts.events import RequestFacts
from bmt.contracts.values import in_groups, status_code
from services.intake.main import build
from services.intake.settings import Settings

pytestmark = pytest.mark.integration

KEY = SECRETS["BMT_STATUS_CODE_KEY"]


@pytest.fixture(scope="module")
def variables(variables):
    return {**variables, "status_code_key": KEY}


@pytest.fixture
async def accepted(submit):
    """A request that was just received, with its code."""
    told = (await submit()).json()
    return told, in_groups(status_code(KEY, told["request_id"]))


async def looked(client, reference, code):
    body = {"reference": reference, "code": code}
    return await client.post("/v1/status-lookups", json=body)


async def test_who_has_both_sees_where_it_is_and_when_it_is_decided(intake, accepted):
    told, code = accepted
    answer = await looked(intake, told["reference"].lower().replace("-", " "), code.lower())
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["reference"] == told["reference"]
    assert found["status"] == "received"
    assert [step.keys() for step in found["steps"]] == [{"step", "at"}]
    assert found["decision_due_at"] > told["received_at"]
    assert found["due_at"] == found["decision_due_at"]
    assert (found["kind"], found["agency"]) == ("application", "MAMPU")


async def test_nobody_is_named_and_no_reason_is_told(intake, accepted, wire):
    told, code = accepted
    (said,) = await wire.hear("bmt.requests.v1", told["request_id"], "RequestReceived")
    event = rejected(RequestFacts.model_validate(said.data["request"]))
    await wire.say(event, sequence=2)

    async def is_told():
        answer = await looked(intake, told["reference"], code)
        assert answer.json()["status"] == "rejected"
        return answer

    answer = await eventually(is_told)
    assert answer.json()["decision_due_at"] is None
    assert answer.json()["due_at"] is not None  # the notice is promised
    for secret in (event.reason, event.decided_by.name, told["request_id"]):
        assert secret not in answer.text


async def test_an_unknown_reference_and_a_wrong_code_are_answered_alike(intake, accepted):
    told, code = accepted
    last = "0" if code[-1] != "0" else "1"
    answers = [
        await looked(intake, *each)
        for each in (
            (told["reference"], code[:-1] + last),
            (told["reference"], ""),
            ("BMT-MAMPU-2026-00000000", code),
            (told["request_id"], code),
            ("", ""),
            ("$ne\u0000", "kod \u202e😀"),
        )
    ]
    for answer in answers:
        assert_problem(answer, "not_found")
    assert len({answer.json()["detail"] for answer in answers}) == 1


async def test_what_is_no_reference_and_code_is_refused(intake):
    assert_problem(await looked(intake, "x" * 101, "x"), "validation_failed")
    assert_problem(await looked(intake, 7, "x"), "validation_failed")
    assert_problem(await looked(intake, "x" * 5000, "x"), "too_large")


async def test_one_client_asks_only_so_often(shared, variables):
    few = {**variables, "calls_per_second": 0.6}  # and three at once: those of five seconds
    async with shared.running(build, Settings, **few) as client:
        answers = await asyncio.gather(*(looked(client, "x", "x") for _ in range(5)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[:3] == [404, 404, 404]
    assert statuses[-1] == 429


async def test_without_a_key_nothing_is_found(shared, variables, accepted):
    told, code = accepted
    keyless = {name: value for name, value in variables.items() if name != "status_code_key"}
    async with shared.running(build, Settings, **keyless) as client:
        assert_problem(await looked(client, told["reference"], code), "not_found")
