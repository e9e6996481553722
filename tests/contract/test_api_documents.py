"""docs/api says what the models say: OpenAPI of each service, AsyncAPI of the topics."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import api_documents as documents
import asyncapi
import jsonschema
import pytest
from fixtures.compose import SERVICES

from bmt.contracts import topics

ROOT = Path(__file__).parents[2]


def published(service: str) -> dict[str, Any]:
    return json.loads((ROOT / documents.FOLDER / f"{service}.openapi.json").read_text())


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


@pytest.mark.parametrize("service", SERVICES)
def test_every_failure_is_described_as_a_problem(service):
    kinds = {
        kind
        for _, operation, _ in operations(service)
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


MONITORING = {"GET /healthz", "GET /readyz", "GET /metrics"}

ENDED = {"date", "date-time", "binary"}

"""Formats that say how long a text is, or leave it to the body's own limit."""


def operations(service: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    document = published(service)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation, document


def taken(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a call takes: each parameter and the body, with its schema."""
    for parameter in operation.get("parameters", ()):
        yield parameter["name"], parameter["schema"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield "body", content["schema"]


def endless(
    schema: dict[str, Any], document: dict[str, Any], place: str, within: frozenset[str]
) -> Iterator[str]:
    """The places of a schema where nothing says how much is too much."""
    if name := schema.get("$ref", "").rpartition("/")[2]:
        if name in within:
            yield f"{place} (nested in itself)"
            return
        schema, within = document["components"]["schemas"][name], within | {name}
    for choice in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(choice, ()):
            yield from endless(each, document, place, within)
    if not _has_an_end(schema):
        yield place
    for name, each in schema.get("properties", {}).items():
        yield from endless(each, document, f"{place}/{name}", within)
    for each in filter(None, (schema.get("items"), *schema.get("prefixItems", ()))):
        yield from endless(each, document, f"{place}[]", within)


def _has_an_end(schema: dict[str, Any]) -> bool:
    match schema.get("type"):
        case "string":
            return (
                bool(schema.keys() & {"maxLength", "enum", "const"})
                or schema.get("format") in ENDED
                or _of_one_length(schema.get("pattern", ""))
            )
        case "array":
            return "maxItems" in schema
        case "integer" | "number":
            return bool(schema.keys() & {"maximum", "exclusiveMaximum"})
        case "object":
            return schema.get("additionalProperties") is False
    return True


def _of_one_length(pattern: str) -> bool:
    return bool(re.fullmatch(r"\^[^*+,]+\$", pattern))


@pytest.mark.parametrize("service", SERVICES)
def test_everything_that_a_call_takes_has_an_end(service):
    found = [
        f"{call} {place}"
        for call, operation, document in operations(service)
        for name, schema in taken(operation)
        for place in endless(schema, document, name, frozenset())
    ]
    assert found == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_call_but_those_of_monitoring_says_that_there_may_be_too_many(service):
    for call, operation, _ in operations(service):
        answers = operation["responses"]
        is_limited = call not in MONITORING
        assert is_limited == ("429" in answers), call
        if is_limited:
            assert answers["429"]["headers"]["Retry-After"]["schema"]["type"] == "integer"
        assert "413" in answers or "requestBody" not in operation, call


@pytest.mark.parametrize("service", SERVICES)
def test_the_limits_are_told_in_the_description(service):
    told = published(service)["info"]["description"]
    assert all(
        problem in told for problem in ("too_large", "headers_too_large", "too_many_requests")
    )
