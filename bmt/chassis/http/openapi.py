"""The OpenAPI document: problems instead of FastAPI's 422, the header of unsafe calls, limits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.constants import REF_PREFIX

from bmt.chassis.http.api_route import JSON_BODY_BYTES
from bmt.chassis.http.connections import MOST_BYTES
from bmt.chassis.http.strict_json import MOST_LEVELS
from bmt.contracts.problems import MEDIA_TYPE, STATUS, TITLE, Problem

_UNSAFE: Final = ("post", "put", "patch", "delete")
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A name of your choice for this one call. The same key and body give the first "
    "answer again, with `Idempotent-Replayed: true`; another body gives 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_PROBLEM: Final[dict[str, Any]] = {MEDIA_TYPE: {"schema": {"$ref": REF_PREFIX + "Problem"}}}

_LIMITS: Final = f"""

## Limits

| what | at most | else |
|---|---|---|
| a JSON body | {JSON_BODY_BYTES} bytes, {MOST_LEVELS} levels deep | 413 `too_large`, 422 `validation_failed` |
| any other body, a list, a text | what its call says | 413 `too_large`, 422 `validation_failed` |
| address and headers together | {MOST_BYTES} bytes | 431 `headers_too_large` |
| calls of one caller, in a second and at a time | as the operator sets it | 429 `too_many_requests`, with `Retry-After` in seconds |
| how slowly address, headers and body arrive | as the operator sets it | 408 `request_timeout`, and the connection ends |
"""

ANY_PROBLEM: Final[dict[int | str, dict[str, Any]]] = {
    "default": {"description": "A problem; `type` ends in its name.", "content": _PROBLEM}
}
"""What every call may answer."""


def problems(*names: str) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may answer with these problems, by status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for name in names:
        text = f"`{name}`: {TITLE[name]}."
        response = responses.setdefault(STATUS[name], {"description": "", "content": _PROBLEM})
        response["description"] = " ".join(filter(None, (response["description"], text)))
    return responses


def install(app: FastAPI) -> None:
    """Describe what FastAPI does not know: `Problem`, `Idempotency-Key` of unsafe calls, limits."""
    app.description = app.description.rstrip() + _LIMITS
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generate())
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    """Add to the document in place; FastAPI keeps it."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template=REF_PREFIX + "{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for operation in _operations(document, _UNSAFE):
        if "security" in operation:  # a key is a caller's
            operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    for operation in _operations(document, ("get", *_UNSAFE)):
        if "security" in operation or "requestBody" in operation:
            _add(operation, _TOO_MANY)
        if "requestBody" in operation:
            _add(operation, problems("too_large"))


def _add(operation: dict[str, Any], responses: Mapping[int | str, dict[str, Any]]) -> None:
    for status, response in responses.items():
        operation["responses"].setdefault(str(status), response)


_TOO_MANY: Final = problems("too_many_requests")
_TOO_MANY[429]["headers"] = {
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "minimum": 1},
    }
}


def _operations(document: dict[str, Any], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for methods in document.get("paths", {}).values():
        yield from (methods[method] for method in names if method in methods)
