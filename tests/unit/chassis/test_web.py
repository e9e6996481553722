"""What every service's HTTP side has in common."""

import asyncio
import hashlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from fastapi import APIRouter
from fixtures.problems import assert_problem, pointers
from pydantic import AwareDatetime, BaseModel
from structlog.testing import capture_logs

from bmt.chassis.http.routes import CommandContext, Paging, causation_of, fingerprint_of
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


async def test_pages_hold_every_item_once_and_in_order(client):
    seen, cursor = [], ""
    while cursor is not None:
        query = {"limit": 50} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/parcels", params=query)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert len(seen) == 120
    assert seen == sorted(seen)


async def test_the_last_page_has_no_cursor_even_when_it_is_full(client):
    assert len((await client.get("/v1/parcels")).json()["items"]) == 50
    page = (await client.get("/v1/parcels", params={"limit": 120})).json()
    assert len(page["items"]) == 120
    assert page["next_cursor"] is None


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many", "1.5", "9" * 5000])
async def test_a_limit_out_of_bounds_is_refused(client, limit):
    response = await client.get("/v1/parcels", params={"limit": limit})
    body = assert_problem(response, "validation_failed")
    assert pointers(body) == {"/query/limit"}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%00",
        "\u00e9",
        "A" * 2000,
        urlsafe_b64encode(b"[1]").decode(),
        urlsafe_b64encode(b'[{"$gt": 0}, "p"]').decode(),
        urlsafe_b64encode(b'["one", "p"]').decode(),
        urlsafe_b64encode(b"\xff").decode(),
        urlsafe_b64encode(b"[" * 700).decode(),
    ],
)
async def test_a_cursor_that_is_none_of_ours_is_refused(client, cursor):
    response = await client.get("/v1/parcels", params={"cursor": cursor})
    body = assert_problem(response, "validation_failed")
    assert pointers(body) == {"/query/cursor"}


async def test_a_time_in_a_cursor_comes_back_exactly():
    by_time = Paging(tuple[AwareDatetime, str])
    key = (datetime(2026, 11, 24, 3, 4, 5, 678000, tzinfo=UTC), "id")
    asked = await by_time(limit=10, cursor=by_time.cursor(key))
    assert asked.after == key
