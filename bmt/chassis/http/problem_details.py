"""Every answer that is not a success, as RFC 9457 problem details.

`fastapi-problem` was considered. It names fields by FastAPI's own `loc` lists and repeats the input, so its
handlers would all be replaced. The rest of it is less than this file.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.runtime import tracing
from bmt.contracts.field_errors import field_errors
from bmt.contracts.problems import MEDIA_TYPE, STATUS, TITLE, TYPE_PREFIX, Refused

REPLAYED: Final = "Idempotent-Replayed"
"""The header of a repeated answer."""

_NAME_OF_STATUS: Final[Mapping[int, str]] = {
    400: "validation_failed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "too_many_requests",
    431: "headers_too_large",
    503: "unavailable",
}
"""The problems of the framework's own refusals."""

_TRY_AGAIN: Final = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
"""Answers with `Retry-After`."""


def problem_response(refused: Refused, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """The answer to a refusal."""
    status = STATUS[refused.problem]
    return JsonResponse(problem_body(refused), status, _headers(refused, headers), MEDIA_TYPE)


def problem_body(refused: Refused) -> dict[str, JsonValue]:
    """The problem of a refusal, as a body of its own or within a list of answers."""
    name = refused.problem
    body: dict[str, JsonValue] = {
        **refused.extra,
        "type": TYPE_PREFIX + name,
        "title": TITLE[name],
        "status": STATUS[name],
        "detail": refused.detail,
    }
    if traceparent := tracing.current.get():
        body["instance"] = f"urn:bmt:trace:{tracing.trace_id(traceparent)}"
    if refused.errors:
        body["errors"] = [error.model_dump() for error in refused.errors]
    return body


def _headers(refused: Refused, headers: Mapping[str, str] | None) -> dict[str, str]:
    all_headers = dict(headers or {})
    if refused.replayed:
        all_headers[REPLAYED] = "true"
    if STATUS[refused.problem] == HTTPStatus.UNAUTHORIZED:
        all_headers["WWW-Authenticate"] = "Bearer"
    if STATUS[refused.problem] in _TRY_AGAIN:
        seconds = refused.extra.get("retry_after_seconds", 1)
        all_headers.setdefault("Retry-After", str(seconds))
    return all_headers


def unavailable_response(error: Unavailable) -> JsonResponse:
    """The answer while a part is unreachable: which one, and when to ask again."""
    seconds = error.retry_after_seconds
    refused = Refused(
        f"{error.part} cannot be reached. Nothing is lost; try again in {seconds} s.",
        problem="unavailable",
        extra={"part": error.part},
    )
    return problem_response(refused, {"Retry-After": str(seconds)})


async def _refused(_: Request, error: Any) -> Response:
    return problem_response(error)


async def _unavailable(_: Request, error: Any) -> Response:
    return unavailable_response(error)


async def _causation_reused(_: Request, __: Any) -> Response:
    return problem_response(
        Refused(
            "This Idempotency-Key was used before, for another call. Use a new key for a new call.",
            problem="idempotency_key_reused",
        )
    )


async def _validation_failed(_: Request, error: Any) -> Response:
    errors = field_errors(error.errors(), error.body)
    detail = " ".join(f"{fault.pointer} {fault.detail}".lstrip() for fault in errors[:3])
    return problem_response(Refused(detail, problem="validation_failed", errors=errors))


async def _framework_refused(request: Request, error: Any) -> Response:
    name = _NAME_OF_STATUS.get(error.status_code, "internal")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return problem_response(Refused(problem=name), {"Allow": _allowed(request)})
    return problem_response(Refused(problem=name), error.headers)


def _allowed(request: Request) -> str:
    """The methods of all routes of an address. Starlette gives those of one (RFC 9110, 10.2.1)."""
    methods: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return ", ".join(sorted(methods))


async def _nobody_listens(_: Request, __: Any) -> Response:
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def install(app: FastAPI) -> None:
    """Answer with problems from here on. `app.RequestMiddleware` answers unexpected errors."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(CausationReused, _causation_reused)
    app.add_exception_handler(RequestValidationError, _validation_failed)
    app.add_exception_handler(HTTPException, _framework_refused)
    app.add_exception_handler(ClientDisconnect, _nobody_listens)
