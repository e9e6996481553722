"""docs/api says what the models say: OpenAPI of each service, AsyncAPI of the topics."""

import json
from pathlib import Path

import api_documents as documents
import asyncapi
import jsonschema
import pytest

from bmt.contracts import topics

ROOT = Path(__file__).parents[2]

CALLS = {
    "intake": {
        "POST /v1/documents",
        "POST /v1/requests",
        "GET /v1/requests",
        "GET /v1/requests/{request_id}",
        "POST /v1/requests/{request_id}/withdrawal",
        "POST /v1/requests/{request_id}/correction",
        "POST /v1/emails",
        "GET /v1/inbox",
        "GET /v1/inbox/{inbox_item_id}",
        "POST /v1/inbox/{inbox_item_id}/registration",
        "POST /v1/inbox/{inbox_item_id}/dismissal",
    },
    "approval": {
        "GET /v1/worklist",
        "GET /v1/requests/{request_id}",
        "POST /v1/requests/{request_id}/decision",
        "POST /v1/decisions",
    },
    "provisioning": {
        "GET /v1/requests/{request_id}/plan",
        "GET /v1/entitlements/{account}",
        "GET /v1/tasks",
        "POST /v1/tasks/{task_id}/claim",
        "POST /v1/tasks/{task_id}/completion",
    },
    "notification": {
        "GET /v1/requests/{request_id}/notifications",
        "GET /v1/notifications/{notification_id}/document",
        "POST /v1/notifications/{notification_id}/dispatch",
        "POST /v1/notifications/{notification_id}/resend",
        "GET /v1/notifications",
        "GET /v1/templates",
        "GET /v1/templates/{about}",
        "PUT /v1/templates/{about}",
        "POST /v1/templates/{about}/default",
        "POST /v1/templates/{about}/preview",
    },
    "records": {
        "GET /v1/records",
        "GET /v1/records/{request_id}",
        "GET /v1/documents/{document_id}",
    },
}
EVERY_SERVICE = {"GET /healthz", "GET /readyz"}


@pytest.fixture(scope="module")
async def written() -> dict[Path, str]:
    return await documents.documents()


async def test_what_is_committed_is_what_the_models_say(written):
    stale = [path for path, text in written.items() if (ROOT / path).read_text() != text]
    assert stale == [], "make docs writes them again"


def test_no_published_field_of_an_event_is_taken_back():
    published = (ROOT / documents.FIELDS).read_text().splitlines()
    assert asyncapi.taken_back(published, asyncapi.fields()) == []


@pytest.mark.parametrize(
    ("now", "broken"),
    [
        (["Approved reason string optional", "RequestSubmitted kind string optional"], []),
        (["Approved reason string required"], ["Approved reason string optional"]),
        (["Approved by string required", "Approved reason string optional"], []),
        (
            ["Approved reason string optional", "RequestSubmitted age integer required"],
            ["RequestSubmitted age integer required"],
        ),
    ],
)
def test_what_is_taken_back_is_named(now, broken):
    before = ["Approved reason string optional"]
    assert asyncapi.taken_back(before, now) == broken


@pytest.mark.parametrize("service", CALLS)
async def test_every_call_of_the_contract_is_there(written, service):
    document = json.loads(written[documents.FOLDER / f"{service}.openapi.json"])
    calls = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert calls >= CALLS[service] | EVERY_SERVICE


@pytest.mark.parametrize("service", CALLS)
async def test_every_failure_is_described_as_a_problem(written, service):
    document = json.loads(written[documents.FOLDER / f"{service}.openapi.json"])
    kinds = {
        kind
        for operations in document["paths"].values()
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status >= "400" or status == "default"
        for kind in response.get("content", {})
    }
    assert kinds == {"application/problem+json"}


def test_each_events_schema_accepts_its_sample():
    schemas = asyncapi.document()["components"]["schemas"]
    for models in topics.EVENTS.values():
        for model in models:
            sample = ROOT / "tests/contract/samples" / f"{model.TYPE}.json"
            schema = {
                "$ref": f"#/components/schemas/{model.__name__}",
                "components": {"schemas": schemas},
            }
            jsonschema.validate(json.loads(sample.read_text()), schema)
