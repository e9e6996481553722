"""The other services, as the console's visitor may use them: their own token, their own rights.

Each call says whom it is for, so what a visitor may see and do is decided where it is kept, and the console decides
nothing. A service that is away takes its own pages along and no others.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NewType, TypeVar
from urllib.parse import quote

import httpx
import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.contracts.problems import STATUS, TYPE_PREFIX, FieldError, Problem, Refused
from bmt.pages import session
from bmt.pages.login import SignInFirst

Neighbour = Literal["intake", "provisioning", "notification"]

SECONDS: Final = 10.0
"""How long a visitor waits for another service at most."""
FILE_SECONDS: Final = 300.0
"""As long for one that reads a file before it answers: intake takes a scan apart for minutes."""

A = TypeVar("A", bound=BaseModel)

Address = NewType("Address", str)
"""Where a service's call stands: made by `address` alone."""

_STEP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
"""A word or an id: nothing in it leads to another call than the one that is meant."""


def address(*steps: str) -> Address:
    """The address of a call, step by step; some come from the visitor.

    Raises:
        Refused: `not_found`, where one is no id: there is nothing of that name.
    """
    if not all(_STEP.fullmatch(step) for step in steps):
        raise Refused(problem="not_found")
    return Address("/".join(("/v1", *steps)))


def _given(asked: Mapping[str, Any] | None) -> dict[str, Any]:
    """Parameters that are None or empty are left out."""
    return {name: value for name, value in (asked or {}).items() if value not in (None, "")}


class VisitorClient:
    """The calls of one visitor."""

    def __init__(
        self, addresses: Mapping[Neighbour, str], client: httpx.AsyncClient, token: str
    ) -> None:
        self._addresses = addresses
        self._client = client
        self._token = token

    async def get(
        self,
        where: Neighbour,
        path: Address,
        model: type[A],
        asked: Mapping[str, Any] | None = None,
    ) -> A:
        """What a service answers; parameters of `asked` that are None or empty are left out.

        Raises:
            Refused: as it says.
            Unavailable: it does not answer, or not in a way that is understood.
        """
        answer = await self._call(where, "GET", path, params=_given(asked))
        return _read(where, answer, model)

    async def post(
        self, where: Neighbour, path: Address, body: Mapping[str, Any], model: type[A], key: str
    ) -> A:
        """What a service answers to a command; the same `key` again is the same command.

        Raises:
            Refused, Unavailable: as `get`; after the latter the same again is safe.
        """
        return _read(where, await self._command(where, "POST", path, body, key), model)

    async def put(
        self, where: Neighbour, path: Address, body: Mapping[str, Any], model: type[A], key: str
    ) -> A:
        """As `post`, to what stands at this address.

        Raises:
            Refused, Unavailable: as `post`.
        """
        return _read(where, await self._command(where, "PUT", path, body, key), model)

    async def send(
        self,
        where: Neighbour,
        path: Address,
        file: "File",
        model: type[A],
        key: str,
        asked: Mapping[str, Any] | None = None,
    ) -> A:
        """What a service answers to a file; `asked` as for `get`.

        Raises:
            Refused, Unavailable: as `post`.
        """
        headers = {
            "Content-Type": file.media_type,
            "Content-Length": str(file.size_bytes),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
            "Idempotency-Key": key,
        }
        answer = await self._call(
            where,
            "POST",
            path,
            headers,
            params=_given(asked),
            content=file.content,
            timeout=FILE_SECONDS,
        )
        return _read(where, answer, model)

    async def download(
        self, where: Neighbour, path: Address, asked: Mapping[str, Any] | None = None
    ) -> bytes:
        """A file that a service made itself, whole; `asked` as for `get`.

        Raises:
            Refused, Unavailable: as `get`.
        """
        return (await self._call(where, "GET", path, params=_given(asked))).content

    async def made(
        self,
        where: Neighbour,
        path: Address,
        body: Mapping[str, Any],
        key: str,
        asked: Mapping[str, Any] | None = None,
    ) -> bytes:
        """A file that a service makes of what it is told; `asked` as for `get`.

        Raises:
            Refused, Unavailable: as `post`.
        """
        return (await self._command(where, "POST", path, body, key, asked)).content

    async def _command(
        self,
        where: Neighbour,
        method: str,
        path: Address,
        body: Mapping[str, Any],
        key: str,
        asked: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        content = orjson.dumps(body)
        return await self._call(where, method, path, headers, params=_given(asked), content=content)

    async def _call(
        self,
        where: Neighbour,
        method: str,
        path: Address,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        try:
            answer = await self._client.request(
                method,
                self._addresses[where] + path,
                headers={"Authorization": f"Bearer {self._token}", **(headers or {})},
                **options,
            )
        except httpx.HTTPError as error:
            raise Unavailable(where, retry_after_seconds=3) from error
        if answer.is_success:
            return answer
        raise _refusal(where, answer)


@dataclass(frozen=True, slots=True)
class File:
    """A file on its way to another service.

    Attributes:
        name: as its sender calls it.
        media_type: as its sender's browser says.
        size_bytes: its length.
        content: its bytes.
    """

    name: str
    media_type: str
    size_bytes: int
    content: AsyncIterator[bytes]


class ServiceClients:
    """The services that this installation names."""

    def __init__(
        self,
        addresses: Mapping[Neighbour, str],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """An empty address is a service that the console has no pages of."""
        self._addresses = {name: url.rstrip("/") for name, url in addresses.items() if url}
        self._client = httpx.AsyncClient(trust_env=False, timeout=SECONDS, transport=transport)

    def __contains__(self, name: object) -> bool:
        return name in self._addresses

    def visitor_client(self, request: Request) -> VisitorClient:
        """The calls of who is signed in.

        Raises:
            SignInFirst: nobody is, or no longer.
        """
        signed_in = session.of(request)
        if signed_in is None:
            raise SignInFirst
        return VisitorClient(self._addresses, self._client, signed_in.access_token)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


def _read(where: Neighbour, answer: httpx.Response, model: type[A]) -> A:
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        raise Unavailable(where) from error


def _refusal(where: Neighbour, answer: httpx.Response) -> Exception:
    try:
        told = Problem.model_validate_json(answer.content)
    except ValidationError:
        return Unavailable(where)
    problem = told.type.removeprefix(TYPE_PREFIX)
    if problem == "unauthenticated":
        return SignInFirst()
    if problem not in STATUS or problem in ("unavailable", "internal"):
        return Unavailable(where)
    errors = tuple(FieldError.model_validate(fault) for fault in told.errors)
    return Refused(told.detail, problem=problem, extra=told.model_extra or {}, errors=errors)
