"""The OpenAPI document: problems instead of FastAPI's 422, and the header of unsafe calls."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.constants import REF_PREFIX

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

ANY_PROBLEM: Final[dict[int | str, dict[str, Any]]] = {
    "default": {"description": "A problem; `type` ends in its name.", "content": _PROBLEM}
}
"""What every call may answer."""


def problems(*names: str) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may answer with these problems, by status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for name in names:
        said = f"`{name}`: {TITLE[name]}."
        response = responses.setdefault(STATUS[name], {"description": "", "content": _PROBLEM})
        response["description"] = " ".join(filter(None, (response["description"], said)))
    return responses


def install(app: FastAPI) -> None:
    """Describes what FastAPI does not know: `Problem`, and `Idempotency-Key` of unsafe calls."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generate())
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    """Adds to the document in place; FastAPI keeps it."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template=REF_PREFIX + "{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for operation in _unsafe_operations(document):
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


def _unsafe_operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document.get("paths", {}).values():
        yield from (methods[method] for method in _UNSAFE if method in methods)
