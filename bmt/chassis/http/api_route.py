"""How large a body may be, and how an API route reads it.

FastAPI's own `max_body_size` answers in plain text and may overwrite an answer that was already made.
Here the same parameter of a route leads to a `too_large` problem.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Final, cast, get_type_hints

from fastapi import params
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bmt.chassis.http import strict_json
from bmt.chassis.http.auth import Guard
from bmt.contracts.problems import Refused

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
        announced = self.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:19]) > self._limit:
            raise self._too_large()

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = strict_json.parse(await self.body())
        return self._json

    def _too_large(self) -> Refused:
        return Refused(
            f"The body may have at most {self._limit} bytes.",
            problem="too_large",
            extra={"limit_bytes": self._limit},
        )


def _again(first: Message, receive: Receive) -> Receive:
    left = [first]

    async def received() -> Message:
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

        async def admit_and_handle(request: Request) -> Response:
            limited = LimitedRequest(request.scope, request.receive, limit)
            for guard in guards:
                await guard.admit(limited)
            # Read here: FastAPI would turn a refusal during reading into a bare 400.
            if reads_body and await limited.body() and reads_json:
                _require_json(limited)
                await limited.json()
            return await handle(limited)

        return admit_and_handle

    def _is_direct(self) -> bool:
        """Whether FastAPI has nothing to do: one JSON body, one guard, ports, and a ready Response."""
        dependant = self.dependant
        asked = [each.call for each in dependant.dependencies if each.call is not ports_of]
        return (
            len(dependant.body_params) == 1
            and self._reads_json()
            and not self._embed_body_fields
            and not _asks_for_more(dependant)
            and [isinstance(each, Guard) for each in asked] == [True]
            and issubclass(get_type_hints(self.endpoint).get("return", object), Response)
        )

    def _direct(self) -> ASGIApp:
        """The call as FastAPI makes it, at a fraction of its cost."""
        endpoint, limit = self.endpoint, self._limit
        asked, (body,) = self.dependant.dependencies, self.dependant.body_params
        calls = [(cast("str", each.name), cast("Guard", each.call)) for each in asked]
        name = body.name

        async def admit_and_answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = LimitedRequest(scope, receive, limit)
            given = {asks: await call(request) for asks, call in calls}
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


def _require_json(request: Request) -> None:
    """A missing Content-Type passes: what counts is whether the body is JSON."""
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if not (media_type == "application/json" or media_type.endswith("+json")):
        raise Refused(
            "This call takes a body of Content-Type application/json.",
            problem="unsupported_media_type",
        )


async def ports_of(request: Request) -> Any:
    """Dependency: the service's own `Ports`, as `ServiceBuilder.app` was given them."""
    return request.app.state.ports
