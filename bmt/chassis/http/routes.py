"""What an API's routes are made of: strict bodies, commands, pages, times of queries, and their OpenAPI.

Of a command, the key and the caller make its *causation*, the id of the commit it leads to. Method, path and body make
its *fingerprint*. The event store compares them, so nothing is stored here.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Annotated, Any, Final, Generic, Protocol, TypeVar, cast, get_type_hints

from fastapi import APIRouter, FastAPI, Path, Query, Request, params
from fastapi._compat import ModelField, field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.constants import REF_PREFIX
from fastapi.routing import APIRoute
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.http import bodies
from bmt.chassis.http.auth import Guard, Principal
from bmt.chassis.http.bodies import MOST_LEVELS, REPLAYED, JsonResponse
from bmt.chassis.http.limits import MOST_HEAD_BYTES
from bmt.chassis.runtime import observability
from bmt.contracts.faults import wrong
from bmt.contracts.problems import MEDIA_TYPE, STATUS, TITLE, FieldError, Problem, Refused
from bmt.contracts.values import Role, immutable

# How large a body may be. FastAPI's own `max_body_size` answers in plain text and may overwrite an answer that was
# already made. Here the same parameter of a route leads to a `too_large` problem.

JSON_BODY_BYTES: Final = 1024 * 1024
"""The largest body of a route that sets no limit of its own: 1 MiB."""


class LimitedRequest(Request):
    """A request whose body is counted while it arrives, and whose JSON is read strictly."""

    def __init__(self, scope: Scope, receive: Receive, limit: int) -> None:
        super().__init__(scope, receive)
        self._limit = limit

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body, piece by piece. Raises `Refused` (`too_large`), at once if Content-Length is too large."""
        self._require_announced()
        total = 0
        async for chunk in super().stream():
            total += len(chunk)
            if total > self._limit:
                raise self._too_large()
            yield chunk

    async def body(self) -> bytes:
        """As `stream`, whole. A body in one piece, as most are, is not copied."""
        if hasattr(self, "_body") or self._stream_consumed:
            return await super().body()
        self._require_announced()
        message = await self._receive()
        if message["type"] != "http.request" or message.get("more_body", False):
            self._receive = _again(message, self._receive)
            return await super().body()
        self._stream_consumed = True
        body: bytes = message.get("body", b"")
        if len(body) > self._limit:
            raise self._too_large()
        self._body = body
        return body

    def _require_announced(self) -> None:
        """Refuse a body that is announced as too large, or as compressed: nothing here would unpack it."""
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise Refused(
                "The body must not be compressed: send it without Content-Encoding.",
                problem="unsupported_media_type",
            )
        announced = self.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:19]) > self._limit:
            raise self._too_large()

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = bodies.parse_json(await self.body())
        return self._json

    def _too_large(self) -> Refused:
        return Refused(
            f"The body may have at most {self._limit} bytes.",
            problem="too_large",
            extra={"limit_bytes": self._limit},
        )


def _again(first: AsgiMessage, receive: Receive) -> Receive:
    left = [first]

    async def received() -> AsgiMessage:
        return left.pop() if left else await receive()

    return received


class ApiRoute(APIRoute):
    """A route that admits the caller first, then reads the body, then checks the fields.

    `max_body_size` of the route (bytes) replaces the limit of 1 MiB.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        max_body_size: int | None = None,
        **options: Any,
    ) -> None:
        """Keeps the limit for itself; FastAPI's own limiter stays off."""
        self._limit = JSON_BODY_BYTES if max_body_size is None else max_body_size
        super().__init__(path, endpoint, **options)
        self.is_direct = self._is_direct()
        if self.is_direct:
            self.app = self._direct()

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle: Callable[[Request], Awaitable[Response]] = super().get_route_handler()
        limit, reads_body, reads_json = self._limit, self.body_field is not None, self._reads_json()
        guards = [d.call for d in self.dependant.dependencies if isinstance(d.call, Guard)]
        known = dict(_query_parameters(self.dependant))

        async def admit_and_handle(request: Request) -> Response:
            limited = LimitedRequest(request.scope, request.receive, limit)
            for guard in guards:
                await guard.admit(limited)
            if guards:
                bodies.require_known(limited, known)
            # Read here: FastAPI would turn a refusal during reading into a bare 400.
            if reads_body and await limited.body() and reads_json:
                _require_json(limited)
                await limited.json()
            return await handle(limited)

        return admit_and_handle

    def _is_direct(self) -> bool:
        """Whether FastAPI has nothing to do: one JSON body, one guard, ports, and a ready Response."""
        dependant = self.dependant
        guards = [each.call for each in dependant.dependencies if each.call is not ports_of]
        return (
            len(dependant.body_params) == 1
            and self._reads_json()
            and not self._embed_body_fields
            and not _asks_for_more(dependant)
            and [isinstance(each, Guard) for each in guards] == [True]
            and issubclass(get_type_hints(self.endpoint).get("return", object), Response)
        )

    def _direct(self) -> ASGIApp:
        """The call as FastAPI makes it, at a fraction of its cost."""
        endpoint, limit = self.endpoint, self._limit
        guards, (body,) = self.dependant.dependencies, self.dependant.body_params
        calls = [(cast("str", each.name), cast("Guard", each.call)) for each in guards]
        name = body.name

        async def admit_and_answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = LimitedRequest(scope, receive, limit)
            given = {parameter: await call(request) for parameter, call in calls}
            given[name] = await _validated(request, body)
            response: Response = await endpoint(**given)
            await response(scope, receive, send)

        return admit_and_answer

    def _reads_json(self) -> bool:
        field = self.body_field
        return field is not None and not isinstance(field.field_info, params.Form)


async def _validated(request: LimitedRequest, field: ModelField) -> Any:
    """The body as its model. Raises `Refused` if it is no JSON, and `RequestValidationError` with all wrong fields."""
    if not await request.body():
        raise RequestValidationError([{"type": "missing", "loc": ("body",)}])
    _require_json(request)
    value = await request.json()
    found, errors = field.validate(value, {}, loc=("body",))
    if errors:
        raise RequestValidationError(errors, body=value)
    return found


def _asks_for_more(dependant: Dependant) -> bool:
    """Whether an endpoint takes anything but its body and its dependencies."""
    parameters: Sequence[Any] = (
        *(dependant.path_params, dependant.query_params),
        *(dependant.header_params, dependant.cookie_params),
        *(dependant.request_param_name, dependant.response_param_name),
        *(dependant.http_connection_param_name, dependant.websocket_param_name),
        *(dependant.background_tasks_param_name, dependant.security_scopes_param_name),
    )
    return any(parameters)


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The names, and whether the parameter is a list, which is given several times."""
    for field in dependant.query_params:
        yield field.alias, field_annotation_is_sequence(field.field_info.annotation)
    for each in dependant.dependencies:
        yield from _query_parameters(each)


def _require_json(request: Request) -> None:
    """A missing Content-Type passes: what counts is whether the body is JSON."""
    declared = request.headers.get("content-type", "application/json")
    media_type = declared.partition(";")[0].strip().lower()
    if not (media_type == "application/json" or media_type.endswith("+json")):
        raise Refused(
            "This call takes a body of Content-Type application/json.",
            problem="unsupported_media_type",
        )


async def ports_of(request: Request) -> Any:
    """Dependency: the service's own `Ports`, as `ServiceBuilder.app` was given them."""
    return request.app.state.ports


_MOST_CHARACTERS: Final = 255
_KEY: Final = "bmt.idempotency_key"

C = TypeVar("C")


@immutable
class CommandContext:
    """The caller, and the permanent id of this command.

    Attributes:
        causation: `cmd:` and a hash of caller and key. The path is not part of it, so a key used on another
            path counts as used twice.
        fingerprint: hash of method, path and body; empty for a streamed body until `of_body`.
        traceparent: W3C trace context of the call.
    """

    principal: Principal
    causation: str
    fingerprint: str
    traceparent: str

    def to_command(self, stream: str, command: C, *, begins_stream: bool = False) -> Message[C]:
        """The message that carries the call's command, with the identity of its key.

        `begins_stream`: the stream does not exist yet.
        """
        return Message(
            stream,
            self.causation,
            self.fingerprint,
            command,
            self.traceparent,
            begins_stream=begins_stream,
        )

    def of_body(self, method: str, path: str, body_digest: bytes) -> "CommandContext":
        return replace(self, fingerprint=fingerprint_of(method, path, body_digest))


class Command(Guard):
    """A dependency that admits callers with one of `roles` and gives the `CommandContext`.

    With `streamed=True` the body is left for the route to read.
    """

    def __init__(self, *roles: Role, streamed: bool = False) -> None:
        super().__init__(*roles)
        self._streamed = streamed

    async def admit(self, request: Request) -> Principal:
        """The caller, with a valid Idempotency-Key.

        Raises:
            Refused: as `Guard.admit`; `idempotency_key_missing` or, malformed, `validation_failed`.
        """
        caller = await super().admit(request)
        if _KEY not in request.scope:
            request.scope[_KEY] = _read_key(request)
        return caller

    async def __call__(self, request: Request) -> CommandContext:
        caller = await self.admit(request)
        return CommandContext(
            principal=caller,
            causation=causation_of(caller.subject, request.scope[_KEY]),
            fingerprint="" if self._streamed else await _fingerprint(request),
            traceparent=observability.current_trace.get(),
        )


def command(*roles: Role, streamed: bool = False) -> Command:
    """The dependency of an unsafe call: `Annotated[CommandContext, Depends(command("..."))]`."""
    return Command(*roles, streamed=streamed)


def causation_of(subject: str, key: str) -> str:
    """The causation of a caller's key. Keys of different callers never collide."""
    return "cmd:" + sha256(f"{subject}\0{key}".encode()).hexdigest()[:40]


def fingerprint_of(method: str, path: str, body_digest: bytes) -> str:
    """The fingerprint of a call whose body has this SHA-256."""
    return sha256(f"{method} {path}\0".encode() + body_digest).hexdigest()


class Executed(Protocol):
    """What executing a command gives."""

    @property
    def replayed(self) -> bool:
        """Whether the command was executed before, and this repeats its answer."""
        ...


def answer(
    executed: Executed,
    body: BaseModel | Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """The answer to a command, marked if it is a replay."""
    replayed = {REPLAYED: "true"} if executed.replayed else {}
    return JsonResponse(body, status, {**(headers or {}), **replayed})


def _read_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if not key:
        raise Refused(
            "Send the header Idempotency-Key: a name of your choice for this one call.",
            problem="idempotency_key_missing",
        )
    if len(key) > _MOST_CHARACTERS or not all("!" <= character <= "~" for character in key):
        wrong = FieldError.of(
            "/header/idempotency-key", "not_visible_ascii", maximum=_MOST_CHARACTERS
        )
        raise Refused(wrong.detail, errors=(wrong,))
    return key


async def _fingerprint(request: Request) -> str:
    body_digest = sha256(await request.body()).digest()
    return fingerprint_of(request.method, request.scope["path"], body_digest)


Id = Annotated[str, Path(max_length=200)]
"""The id or name in a path. No valid one is longer."""


DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 200
LONGEST_CURSOR: Final = 4096
"""A place may be somebody's name, or an e-mail's sender, in any script."""

Cursor = Annotated[
    str | None, Query(max_length=LONGEST_CURSOR, description="`next_cursor` of the page before.")
]

T = TypeVar("T")
Key = TypeVar("Key", bound=tuple[Any, ...])


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    model_config = ConfigDict(frozen=True)

    items: list[T]
    next_cursor: str | None = Field(description="Send it as `?cursor=` for the next page.")


@dataclass(frozen=True, slots=True)
class PageRequest(Generic[Key]):
    """The requested page. `after` is the sort key of the last item before it; None for the first page."""

    limit: int
    after: Key | None

    @property
    def lookahead(self) -> int:
        """How many items to fetch: one more than the page, to know whether another follows."""
        return self.limit + 1


class Paging(Generic[Key]):
    """A list's order, as the types of its sort key: `Paging(tuple[AwareDatetime, str])`.

    It is the dependency that reads the requested page, and builds the answer. A cursor holds the last sort key
    and is opaque to callers. A forged one can only name another place.
    """

    def __init__(self, key: type[Key]) -> None:
        """`key` is a tuple type of plain values (text, numbers, times)."""
        self._key = TypeAdapter(key)

    async def __call__(
        self,
        limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT)] = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> PageRequest[Key]:
        """The requested page. Raises `Refused` (`validation_failed`) if the cursor is none of ours."""
        return PageRequest(limit=limit, after=None if cursor is None else self._read(cursor))

    def page(self, found: Sequence[T], page: PageRequest[Key], key: Callable[[T], Key]) -> Page[T]:
        """The page of the found items (`page.lookahead` at most), in order."""
        items = list(found[: page.limit])
        more = len(found) > page.limit
        return Page(items=items, next_cursor=self.cursor(key(items[-1])) if more else None)

    def cursor(self, key: Key) -> str:
        return urlsafe_b64encode(self._key.dump_json(key)).decode().rstrip("=")

    def _read(self, cursor: str) -> Key:
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            return self._key.validate_json(urlsafe_b64decode(padded))
        except (ValueError, ValidationError):
            wrong = FieldError.of("/query/cursor", "not_a_cursor")
            raise Refused(wrong.detail, errors=(wrong,)) from None


D = TypeVar("D", bound=date)

FIRST_YEAR, LAST_YEAR = 1970, 9998
DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
"""How a time and a day begin."""


def within_reach(moment: D) -> D:
    """Restricts years to those that every zone and the store can represent."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise wrong("year_out_of_reach", first=FIRST_YEAR, last=LAST_YEAR)
    return moment


_LOST_PLUS: Final = re.compile(r"(T[\d:.]{2,20}) (\d\d:\d\d)$")


def _written_out(moment: object) -> object:
    """Accepts only text: pydantic would read a bare number as seconds since 1970.

    A `+` that was not escaped in an address arrives as a space.
    """
    if not isinstance(moment, str):
        return moment
    if not DATE.match(moment):
        raise wrong("not_a_time")
    return _LOST_PLUS.sub(r"\1+\2", moment)


QueryTime = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(within_reach)]


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
| address and headers together | {MOST_HEAD_BYTES} bytes | 431 `headers_too_large` |
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


def describe_what_is_ours(app: FastAPI) -> None:
    """Describe what FastAPI does not know: `Problem`, `Idempotency-Key` of unsafe calls, limits."""
    app.description = app.description.rstrip() + _LIMITS
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generate())
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


_SERVERS: Final[list[dict[str, Any]]] = [
    {"url": "/", "description": "The service that gave this document."},
    {
        "url": "https://{address}",
        "description": "An agency's installation. Its operator tells the address of each service.",
        "variables": {"address": {"default": "bmt.agency.example"}},
    },
]


def _complete(document: dict[str, Any]) -> None:
    """Add to the document in place; FastAPI keeps it."""
    document["servers"] = _SERVERS
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
        for response in operation["responses"].values():
            if (stream := response.get("content", {}).get("text/event-stream")) is not None:
                # FastAPI describes the single event by a word of OpenAPI 3.2; the document is one of 3.1.
                stream.pop("itemSchema", None)
                stream["schema"] = {"type": "string", "description": "Server-sent events (WHATWG)."}


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


def api_router(**options: Any) -> APIRouter:
    """A router for an API's routes: guarded, limited and strict (see `ApiRoute`)."""
    return APIRouter(
        route_class=ApiRoute,
        responses=ANY_PROBLEM,
        strict_content_type=False,
        **options,
    )
