"""The same key and body give the same answer; the same key for anything else is refused."""

import hashlib

import pytest
from fixtures.problems import assert_problem

from bmt.chassis.http.routes import CommandContext, causation_of, fingerprint_of


async def test_the_same_call_again_is_marked(client, operator, parcel):
    first = await client.post("/v1/parcels", json=parcel, headers=operator)
    again = await client.post("/v1/parcels", json=parcel, headers=operator)
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)


async def test_the_same_key_on_another_path_is_refused(client, operator, parcel):
    await client.post("/v1/letters", json=parcel, headers=operator)
    other = await client.post("/v1/parcels", json=parcel, headers=operator)
    assert_problem(other, "idempotency_key_reused")


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
