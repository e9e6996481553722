"""What every service's HTTP side has in common."""

import asyncio

import pytest
from fastapi import APIRouter
from fixtures.problems import assert_problem
from pydantic import BaseModel
from structlog.testing import capture_logs

from bmt.chassis.runtime import observability

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def there() -> None:
    return


async def refuses() -> None:
    raise ConnectionError


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_readiness_names_each_missing_part(client_of, monkeypatch):
    monkeypatch.setattr(observability, "CHECK_SECONDS", 0.5)

    client = client_of({"mongodb": refuses, "kafka": hangs, "other": there})
    answer = await client.get("/readyz")
    body = assert_problem(answer, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert body["missing"] == ["mongodb", "kafka"]
    assert "mongodb, kafka" in body["detail"]


async def test_a_service_is_not_ready_before_it_can_verify_tokens(client, issuer):
    issuer.away = True
    body = assert_problem(await client.get("/readyz"), "unavailable")
    assert body["missing"] == ["issuer"]


async def test_metrics_are_sampled_when_they_are_read(client):
    response = await client.get("/metrics")
    assert 'bmt_outbox_pending{service="parcels"} 3.0' in response.text
    assert "_created" not in response.text


async def test_calls_are_measured_by_kind_and_by_what_came_of_them(client, desk, operator, parcel):
    await client.post("/v1/parcels", headers=operator, json=parcel)
    await client.post("/v1/parcels", json=parcel)
    desk.fails_with = ZeroDivisionError()
    await client.post("/v1/parcels", headers=operator, json=parcel)
    await client.post("/v1/parcels", content=b"%PDF", headers={"Content-Type": "application/pdf"})
    await client.get("/openapi.json")
    await client.get("/healthz")
    lines = (await client.get("/metrics")).text.splitlines()
    counts = {line for line in lines if line.startswith("bmt_http_request_seconds_count")}
    assert {line for line in counts if not line.endswith(" 0.0")} == {
        f'bmt_http_request_seconds_count{{kind="{kind}",outcome="{outcome}"}} 1.0'
        for kind, outcome in (
            ("write", "answered"),
            ("write", "refused"),
            ("write", "failed"),
            ("upload", "refused"),
            ("read", "answered"),
        )
    }


async def test_the_openapi_document_describes_problems_and_keys(client):
    document = (await client.get("/openapi.json")).json()
    send = document["paths"]["/v1/parcels"]["post"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "422" not in send["responses"]
    for status in ("default", "409"):
        schema = send["responses"][status]["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}
    assert "pointer" in document["components"]["schemas"]["FieldError"]["properties"]
    assert [p["name"] for p in send["parameters"]] == ["Idempotency-Key"]
    assert send["security"] == [{"bearer": []}]


async def test_a_valid_trace_is_taken_over(client):
    response = await client.get("/healthz", headers={"traceparent": TRACEPARENT})
    assert response.headers["traceresponse"] == TRACEPARENT


@pytest.mark.parametrize("sent", ["", "nonsense", TRACEPARENT.upper(), TRACEPARENT + "\u00e9"])
async def test_an_invalid_trace_is_replaced(client, sent):
    response = await client.get("/healthz", headers={"traceparent": sent.encode()})
    begun = response.headers["traceresponse"]
    assert begun != sent
    assert observability.accepted_traceparent(begun) == begun


def test_a_route_that_reads_json_loosely_is_refused_at_the_start(app_of):
    class Anything(BaseModel):
        word: str

    routes = APIRouter()

    @routes.post("/v1/loose")
    async def loose(anything: Anything) -> Anything:
        return anything

    with pytest.raises(TypeError, match="/v1/loose"):
        app_of(routes)


async def test_a_call_that_never_became_a_command_has_a_line(client, operator, parcel):
    with capture_logs() as lines:
        refused = await client.post(
            "/v1/parcels", json={**parcel, "kilograms": 99}, headers=operator
        )
        await client.post("/v1/parcels", json=parcel, headers={"Idempotency-Key": "of a stranger"})
        await client.get("/v1/parcels", headers=operator)
    (line,) = lines
    assert refused.status_code == 422
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "call",
        "log_level": "info",
        "method": "POST",
        "route": "/v1/parcels",
        "status": 422,
        "role": "operator",
        "problem": "validation_failed",
    }
