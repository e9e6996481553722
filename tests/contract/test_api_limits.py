"""Every text, number and list that a call takes has an end, and every call says what limits it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "api"
SERVICES = ("intake", "approval", "provisioning", "notification", "records")
MONITORING = {"GET /healthz", "GET /readyz", "GET /metrics"}
ENDED = {"date", "date-time", "binary"}
"""Formats that say how long a text is, or leave it to the body's own limit."""


def operations(service: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    document = json.loads((FOLDER / f"{service}.openapi.json").read_text())
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
    told = json.loads((FOLDER / f"{service}.openapi.json").read_text())["info"]["description"]
    assert all(
        problem in told for problem in ("too_large", "headers_too_large", "too_many_requests")
    )
