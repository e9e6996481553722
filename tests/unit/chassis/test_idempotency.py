"""The same key and body give the same answer; the same key for anything else is refused."""

import hashlib

import pytest
from fixtures.problems import assert_problem, pointers

from bmt.chassis.http.routes import CommandContext, causation_of, fingerprint_of


async def test_the_first_answer_is_new(client, operator, parcel):
    response = await client.post("/v1/parcels", json=parcel, headers=operator)
    assert response.status_code == 201
    assert response.headers["location"] == "/v1/parcels/1"
    assert response.json() == parcel | {"labels": []}
    assert "idempotent-replayed" not in response.headers


async def test_the_same_call_again_is_marked(client, operator, parcel):
    first = await client.post("/v1/parcels", json=parcel, headers=operator)
    again = await client.post("/v1/parcels", json=parcel, headers=operator)
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)


async def test_the_same_key_with_another_body_is_refused(client, operator, parcel):
    await client.post("/v1/parcels", json=parcel, headers=operator)
    other = await client.post("/v1/parcels", json=parcel | {"kilograms": 4}, headers=operator)
    assert_problem(other, "idempotency_key_reused")


async def test_the_same_key_on_another_path_is_refused(client, operator, parcel):
    await client.post("/v1/letters", json=parcel, headers=operator)
    other = await client.post("/v1/parcels", json=parcel, headers=operator)
    assert_problem(other, "idempotency_key_reused")


async def test_two_callers_may_choose_the_same_key(client, issuer, operator, parcel):
    siti = operator | {"Authorization": f"Bearer {issuer.token('siti', 'operator')}"}
    await client.post("/v1/parcels", json=parcel, headers=operator)
    response = await client.post("/v1/parcels", json=parcel | {"kilograms": 4}, headers=siti)
    assert response.status_code == 201


async def test_a_missing_key_is_asked_for(client, operator, parcel):
    del operator["Idempotency-Key"]
    response = await client.post("/v1/parcels", json=parcel, headers=operator)
    assert_problem(response, "idempotency_key_missing")


@pytest.mark.parametrize("key", [b"a b", b"x" * 256, b"k\xc3\xa9y", b"tab\there"])
async def test_a_malformed_key_is_refused(client, operator, parcel, key):
    response = await client.post(
        "/v1/parcels", json=parcel, headers=operator | {"Idempotency-Key": key}
    )
    body = assert_problem(response, "validation_failed")
    assert pointers(body) == {"/header/idempotency-key"}


@pytest.mark.parametrize("key", ["!", "~" * 255, "0198f3a2-7c1e-7b7e-8000-000000000000"])
async def test_a_key_of_visible_ascii_is_accepted(client, operator, parcel, key):
    headers = operator | {"Idempotency-Key": key}
    response = await client.post("/v1/parcels", json=parcel, headers=headers)
    assert response.status_code == 201


async def test_a_command_knows_its_caller_and_trace(client, operator, parcel, desk):
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = operator | {"traceparent": traceparent}
    await client.post("/v1/parcels", json=parcel, headers=headers)
    (context,) = desk.commands.values()
    assert context.principal.subject == "aminah"
    assert context.traceparent == traceparent
    assert context.causation == causation_of("aminah", "key-1")
    assert context.causation.startswith("cmd:")
    assert len(context.causation) == 44


async def test_a_streamed_body_is_named_by_its_digest_afterwards(client, operator, desk):
    await client.post("/v1/scans", content=b"scan", headers=operator)
    (context,) = desk.commands.values()
    assert isinstance(context, CommandContext)
    assert context.fingerprint == ""
    digest = hashlib.sha256(b"scan").digest()
    named = context.of_body("POST", "/v1/scans", digest)
    assert named.fingerprint == fingerprint_of("POST", "/v1/scans", digest)


def test_a_subject_and_key_cannot_be_shifted_into_each_other():
    assert causation_of("ab", "c") != causation_of("a", "bc")
