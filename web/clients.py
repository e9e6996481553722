"""HTTP clients of the five services, which pages call with the user's token.

Each service checks the user's rights itself; pages check nothing. If a service is down, only its pages fail.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NewType, TypeVar
from urllib.parse import quote

import httpx
import orjson
from pydantic import BaseModel, ValidationError
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime import observability
from bmt.contracts.problems import STATUS, TYPE_PREFIX, FieldError, Problem, Refused
from web import session
from web.login import SignInFirst

ServiceName = Literal["intake", "approval", "provisioning", "notification", "records"]

SECONDS: Final = 10.0
"""The timeout of a call."""
PART_SECONDS: Final = 2.0
"""The longest a page waits for a part that it can do without."""
OPERATIONAL_SECONDS: Final = 5.0
FILE_SECONDS: Final = 300.0
"""The timeout where a service works through files: it may take minutes to take a scan apart."""
EVENT_SECONDS: Final = 30.0
"""The longest silence in a stream of events: a service sends a comment every fifteen seconds."""

_CONNECTIONS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=100)
"""Each open page with live changes holds a connection; the limit of concurrent calls bounds them."""
_DATA: Final = "data: "
_OF_A_FILE: Final = ("content-type", "content-length", "content-disposition", "cache-control")

A = TypeVar("A", bound=BaseModel)
T = TypeVar("T")

Address = NewType("Address", str)
"""The path of a call. Only `address` makes one."""

_STEP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,199}")
"""A word or an id, which cannot lead to another call than the one meant."""


def address(*steps: str) -> Address:
    """The path of a call, made of steps that may come from the user.

    Raises:
        Refused: `not_found`, if a step is no possible id.
    """
    if not all(_STEP.fullmatch(step) for step in steps):
        raise Refused(problem="not_found")
    return Address("/".join(("/v1", *steps)))


class VisitorClient:
    """Calls the services as one user; nobody is signed in if `token` is empty. `params` are query parameters, without those that are None or empty.

    All calls raise `Refused` as the service does, and `Unavailable` if it does not answer or the answer cannot be
    read. A command may then be repeated under the same key.
    """

    def __init__(self, addresses: Mapping[str, str], client: httpx.AsyncClient, token: str) -> None:
        self._addresses = addresses
        self._client = client
        self._token = token

    async def get(
        self,
        service: ServiceName,
        path: Address,
        model: type[A],
        params: Mapping[str, Any] | None = None,
        *,
        seconds: float = SECONDS,
    ) -> A:
        answer = await self._call(service, "GET", path, params=params, timeout=seconds)
        return _read(service, answer, model)

    async def post(
        self, service: ServiceName, path: Address, body: Mapping[str, Any], model: type[A], key: str
    ) -> A:
        return _read(service, await self._command(service, "POST", path, body, key), model)

    async def put(
        self, service: ServiceName, path: Address, body: Mapping[str, Any], model: type[A], key: str
    ) -> A:
        return _read(service, await self._command(service, "PUT", path, body, key), model)

    async def delete(self, service: ServiceName, path: Address, model: type[A], key: str) -> A:
        headers = {"Idempotency-Key": key}
        return _read(service, await self._call(service, "DELETE", path, headers), model)

    async def send(
        self,
        service: ServiceName,
        path: Address,
        file: "File",
        model: type[A],
        key: str,
        params: Mapping[str, Any] | None = None,
    ) -> A:
        """Uploads a file."""
        headers = {
            "Content-Type": file.media_type,
            "Content-Length": str(file.size_bytes),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
            "Idempotency-Key": key,
        }
        answer = await self._call(
            service,
            "POST",
            path,
            headers,
            params=params,
            content=file.content,
            timeout=FILE_SECONDS,
        )
        return _read(service, answer, model)

    async def download(
        self, service: ServiceName, path: Address, params: Mapping[str, Any] | None = None
    ) -> bytes:
        return (await self._call(service, "GET", path, params=params)).content

    async def forward(
        self, service: ServiceName, path: Address, params: Mapping[str, Any] | None = None
    ) -> StreamingResponse:
        """Streams a service's file to the browser, with its name and type."""
        answer = await self._open(service, path, params, timeout=FILE_SECONDS)
        headers = {name: answer.headers[name] for name in _OF_A_FILE if name in answer.headers}
        return StreamingResponse(
            answer.aiter_bytes(), headers=headers, background=BackgroundTask(answer.aclose)
        )

    async def read(self, service: ServiceName, path: Address) -> "Received":
        """A service's file, whole."""
        answer = await self._call(service, "GET", path)
        return Received(answer.headers.get("content-type", ""), answer.content)

    async def events(
        self,
        service: ServiceName,
        path: Address,
        model: type[A],
        params: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[A]:
        """The data of a service's events as they come, until it ends the stream (`text/event-stream`)."""
        timeout = httpx.Timeout(SECONDS, read=EVENT_SECONDS)
        answer = await self._open(service, path, params, timeout=timeout)
        try:
            async for line in answer.aiter_lines():
                if line.startswith(_DATA):
                    yield model.model_validate_json(line.removeprefix(_DATA))
        except (httpx.HTTPError, ValidationError) as error:
            raise Unavailable(service) from error
        finally:
            await answer.aclose()

    async def render(
        self,
        service: ServiceName,
        path: Address,
        body: Mapping[str, Any],
        key: str,
        params: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Returns the file that a service makes of `body`."""
        return (await self._command(service, "POST", path, body, key, params)).content

    async def _command(
        self,
        service: ServiceName,
        method: str,
        path: Address,
        body: Mapping[str, Any],
        key: str,
        params: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        content = orjson.dumps(body)
        return await self._call(service, method, path, headers, params=params, content=content)

    async def _call(
        self,
        service: ServiceName,
        method: str,
        path: Address,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> httpx.Response:
        try:
            answer = await self._client.request(
                method,
                self._addresses[service] + path,
                headers={**self._headers(), **(headers or {})},
                params=_without_empty(params),
                **options,
            )
        except httpx.HTTPError as error:
            raise Unavailable(service, retry_after_seconds=3) from error
        if answer.is_success:
            return answer
        raise _refusal(service, answer)

    async def _open(
        self,
        service: ServiceName,
        path: Address,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """The answer as soon as it begins. Whoever reads it closes it."""
        call = self._client.build_request(
            "GET",
            self._addresses[service] + path,
            headers=self._headers(),
            params=_without_empty(params),
            **options,
        )
        try:
            answer = await self._client.send(call, stream=True)
            if not answer.is_success:
                await answer.aread()
        except httpx.HTTPError as error:
            raise Unavailable(service, retry_after_seconds=3) from error
        if not answer.is_success:
            raise _refusal(service, answer)
        return answer

    def _headers(self) -> dict[str, str]:
        traceparent = observability.current_trace.get()
        trace = {"traceparent": traceparent} if traceparent else {}
        caller = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {**caller, **trace}


def _without_empty(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value not in (None, "")}


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload; name and media type come from the sender's browser."""

    name: str
    media_type: str
    size_bytes: int
    content: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Received:
    """A file as a service sent it."""

    media_type: str
    content: bytes


class ServiceClients:
    """Clients of the services that have an address."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`addresses` by the name of the service; it may name a process that has metrics only, too."""
        self._addresses = {name: url.rstrip("/") for name, url in addresses.items() if url}
        self._client = httpx.AsyncClient(
            trust_env=False, timeout=SECONDS, transport=transport, limits=_CONNECTIONS
        )

    def visitor_client(self, request: Request) -> VisitorClient:
        """The client of the signed-in user.

        Raises:
            SignInFirst: nobody is signed in, or the session ended.
        """
        signed_in = session.of(request)
        if signed_in is None:
            raise SignInFirst
        return VisitorClient(self._addresses, self._client, signed_in.access_token)

    def knows(self, name: str) -> bool:
        return name in self._addresses

    async def operational(self, name: str, path: str) -> httpx.Response:
        """A process's answer about its health or metrics, whatever the status.

        Raises:
            Unavailable: it does not answer.
        """
        try:
            return await self._client.get(self._addresses[name] + path, timeout=OPERATIONAL_SECONDS)
        except httpx.HTTPError as error:
            raise Unavailable(name) from error

    def public_client(self) -> VisitorClient:
        """Makes the calls that need no token."""
        return VisitorClient(self._addresses, self._client, "")

    async def aclose(self) -> None:
        await self._client.aclose()


async def part(call: Awaitable[T], seconds: float = PART_SECONDS) -> T | None:
    """The answer to a call that the page can do without; None: the service is down, slow, or refuses."""
    try:
        async with asyncio.timeout(seconds):
            return await call
    except (Refused, Unavailable, SignInFirst, TimeoutError):
        return None


def _read(service: ServiceName, answer: httpx.Response, model: type[A]) -> A:
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        raise Unavailable(service) from error


def _refusal(service: ServiceName, answer: httpx.Response) -> Exception:
    try:
        body = Problem.model_validate_json(answer.content)
    except ValidationError:
        return Unavailable(service)
    problem = body.type.removeprefix(TYPE_PREFIX)
    if problem == "unauthenticated":
        return SignInFirst()
    if problem not in STATUS or problem in ("unavailable", "internal"):
        return Unavailable(service)
    errors = tuple(FieldError.model_validate(fault) for fault in body.errors)
    code = {"code": body.code} if body.code else {}
    extra = {**code, **(body.model_extra or {})}
    return Refused(body.detail, problem=problem, extra=extra, errors=errors)
