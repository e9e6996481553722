"""What calls and answers carry: parameters and JSON read strictly, JSON written, files, problems (RFC 9457), live changes.

Readers of JSON differ on repeated names and NaN: one takes the last name, another the first. So both are refused here
(RFC 8259 leaves them open, RFC 7493 forbids them).

`fastapi-problem` was considered. It names fields by FastAPI's own `loc` lists and repeats the input, so its handlers
would all be replaced. The rest of it is less than what is here.
"""

import asyncio
import csv
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from io import StringIO
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

import orjson
from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from fastapi.sse import ServerSentEvent
from pydantic import BaseModel, JsonValue
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Match

from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.runtime import observability
from bmt.contracts.problems import (
    MEDIA_TYPE,
    STATUS,
    TITLE,
    TYPE_PREFIX,
    FieldError,
    Refused,
    field_errors,
)

_OPTIONS: Final = orjson.OPT_UTC_Z


class JsonResponse(Response):
    """A JSON answer of a model, or of plain values. Times are written in UTC with a Z."""

    media_type = "application/json"

    def __init__(
        self,
        content: BaseModel | Mapping[str, Any],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(content, status_code, headers, media_type)

    def render(self, content: Any) -> bytes:
        if isinstance(content, BaseModel):
            return content.__pydantic_serializer__.to_json(content)
        return orjson.dumps(content, option=_OPTIONS)


_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)


def file_response(
    chunks: AsyncIterator[bytes],
    *,
    filename: str,
    media_type: str,
    size_bytes: int,
    inline: bool = False,
) -> StreamingResponse:
    """A stored file as a download. Uploaded files may be hostile and are never shown in our own pages.

    `filename` may be in any script (RFC 6266; RFC 8187 for what is not ASCII). An invalid `media_type` becomes
    plain bytes. With `inline` a browser may show the file: for what this system made itself.
    """
    disposition = "inline" if inline else "attachment"
    headers = {
        "Content-Type": media_type
        if _MEDIA_TYPE.fullmatch(media_type)
        else "application/octet-stream",
        "Content-Length": str(size_bytes),
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(filename, safe='')}",
    }
    return StreamingResponse(chunks, headers=headers)


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run what begins with these."""


def csv_file(name: str, rows: Iterable[Sequence[object]]) -> Response:
    """The rows as CSV (RFC 4180), in UTF-8 as spreadsheets recognise it. Empty where a cell is None."""
    text = StringIO()
    written = csv.writer(text)
    for row in rows:
        written.writerow(["" if cell is None else harmless(cell) for cell in row])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(
        "\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers
    )


def harmless(cell: object) -> object:
    """The cell, with an apostrophe where a spreadsheet would take its text for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


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
    observability.note_of_call(problem=refused.problem, **_code(refused))
    return JsonResponse(problem_body(refused), status, _headers(refused, headers), MEDIA_TYPE)


def _code(refused: Refused) -> dict[str, JsonValue]:
    return {"code": refused.extra["code"]} if "code" in refused.extra else {}


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
    if traceparent := observability.current_trace.get():
        body["instance"] = f"urn:bmt:trace:{observability.trace_id(traceparent)}"
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


async def _refused(_: Request, error: Any) -> Response:
    return problem_response(error)


async def _unavailable(_: Request, error: Any) -> Response:
    """Which part is unreachable, and when to ask again."""
    seconds = error.retry_after_seconds
    refused = Refused(
        f"{error.part} cannot be reached. Nothing is lost; try again in {seconds} s.",
        problem="unavailable",
        extra={"part": error.part},
    )
    return problem_response(refused, {"Retry-After": str(seconds)})


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
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


async def _nobody_listens(_: Request, __: Any) -> Response:
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def install_problems(app: FastAPI) -> None:
    """Answer with problems from here on. `app.RequestMiddleware` answers unexpected errors."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(CausationReused, _causation_reused)
    app.add_exception_handler(RequestValidationError, _validation_failed)
    app.add_exception_handler(HTTPException, _framework_refused)
    app.add_exception_handler(ClientDisconnect, _nobody_listens)


MOST_LEVELS: Final = 32
"""How deep objects and lists may be nested in each other; no call needs more than six levels."""

_LONGEST_NAME: Final = 64
"""Characters of an unknown parameter that are repeated to its caller."""


def require_known(request: Request, known: Mapping[str, bool]) -> None:
    """Refuse parameters that would be passed over: a list that ignores its filter looks like the answer."""
    if not request.scope["query_string"]:
        return
    names = [name for name, _ in request.query_params.multi_items()]
    wrong = [
        {"type": "extra_forbidden", "loc": ("query", name[:_LONGEST_NAME])}
        for name in dict.fromkeys(names)
        if name not in known
    ]
    twice = [
        {"type": "too_long", "loc": ("query", name), "ctx": {"max_length": 1}, "input": ()}
        for name, is_list in known.items()
        if not is_list and names.count(name) > 1
    ]
    if wrong or twice:
        raise RequestValidationError([*wrong, *twice])


_TOO_DEEP: Final = f"it is nested more than {MOST_LEVELS} levels deep"


def parse_json(body: bytes) -> Any:
    """The JSON value of a body. Raises `Refused` (`validation_failed`) for the reasons of `read`."""
    try:
        return read_json(body)
    except ValueError as error:
        wrong = FieldError.of("", "not_json", why=str(error))
        raise Refused(wrong.detail, errors=(wrong,)) from None


def read_json(text: bytes) -> Any:
    """The JSON value of a text.

    Raises:
        ValueError: not JSON, not UTF-8, nested too deeply, NaN or infinite, a lone surrogate, an
            integer of thousands of digits, or a name that appears twice in one object.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        if _is_utf_8(text):
            raise
        raise ValueError("it is not UTF-8") from None
    # Counted first, since walking is slow: few brackets cannot nest deeply.
    if text.count(b"[") + text.count(b"{") > MOST_LEVELS and _deeper_than(MOST_LEVELS, value):
        raise ValueError(_TOO_DEEP)
    # With as many colons as names, no repeated name was dropped.
    if text.count(b":") != _names_in(value):
        _NAMES_ONCE.decode(text.decode())
    return value


def _is_utf_8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _names_in(value: Any) -> int:
    """The number of names in its objects. The nesting was checked before."""
    if isinstance(value, dict):
        return len(value) + sum(map(_names_in, value.values()))
    return sum(map(_names_in, value)) if isinstance(value, list) else 0


def _deeper_than(levels: int, value: Any) -> bool:
    within = [value]
    for _ in range(levels + 1):
        nested = [each for each in within if isinstance(each, dict | list)]
        if not nested:
            return False
        within = [
            item for each in nested for item in (each.values() if isinstance(each, dict) else each)
        ]
    return True


def _names_once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name appears twice in one object")


_NAMES_ONCE: Final = json.JSONDecoder(object_pairs_hook=_names_once)


LOOKS_EVERY_SECONDS: Final = 2.0
LASTS_SECONDS: Final = 20
"""A stream ends after this time at most and its reader reconnects, so a stopping service waits for none."""
RETRY_MILLISECONDS: Final = 500

Seconds = Annotated[
    int, Query(ge=1, le=LASTS_SECONDS, description="how long the stream lasts at most")
]

D = TypeVar("D", bound=BaseModel)


class ChangeSignal:
    """A projection that stores nothing: it wakes the streams when this process has events."""

    def __init__(self) -> None:
        self._beat = asyncio.Event()

    async def apply(self, incoming: Sequence[IncomingEvent[BaseModel]]) -> None:
        if incoming:
            self._beat.set()
            self._beat = asyncio.Event()

    async def next(self) -> None:
        """Returns at the next event, or after `LOOKS_EVERY_SECONDS`."""
        try:
            async with asyncio.timeout(LOOKS_EVERY_SECONDS):
                await self._beat.wait()
        except TimeoutError:
            return


async def live_changes(
    look: Callable[[], Awaitable[D | None]],
    change_signal: ChangeSignal,
    seconds: float = LASTS_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    """An event `changed` whenever `look` finds something else; None: nothing changed yet."""
    yield ServerSentEvent(comment="open", retry=RETRY_MILLISECONDS)
    sent: D | None = None
    ends = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < ends:
        found = await look()
        if found is not None and found != sent:
            sent = found
            yield ServerSentEvent(event="changed", data=found)
        await change_signal.next()
