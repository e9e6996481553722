"""IPMS by SCIM 2.0 (RFC 7643, 7644): the service of an account is an extension of its user."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, cast

import httpx2
from scim2_client import RequestNetworkException, SCIMClientException, SCIMResponseException
from scim2_client.engines.httpx2 import AsyncSCIMClient
from scim2_models import (
    URN,
    Extension,
    ListResponse,
    PatchOp,
    PatchOperation,
    ResourceType,
    SCIMException,
    ScimPolicy,
    ScimProvider,
    SearchRequest,
    User,
)

from bmt.chassis import crash_points
from bmt.chassis.clock import Clock
from bmt.contracts.events import EffectiveIpms, PlannedChange
from services.provisioning.connectors.connector import Reading, TargetAway, TargetRefused
from services.provisioning.domain.goal import changes

NAME: Final = "scim"
EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"

_PASSES: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,  # our token is wrong: no fault of any request's
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Answers below 500 that say nothing about the request: they pass, or an operator mends them."""


class BmtService(Extension):
    """The service of one account.

    Attributes:
        bmt_enabled: whether it may send big files.
        max_file_size_bytes: the largest one, decimal: JSON numbers are exact to 2^53 only.
    """

    __schema__ = URN(EXTENSION)

    bmt_enabled: bool | None = None
    max_file_size_bytes: str | None = None


BmtUser = User[BmtService]


class Scim:
    """Sets `bmtEnabled` and `maxFileSizeBytes` of a user.

    An account that IPMS does not know has nothing in force: it cannot be given the service, and a
    termination finds it taken away.
    """

    name = NAME

    def __init__(self, http: httpx2.AsyncClient, clock: Clock) -> None:
        """`http` has the base address, the token and the timeout."""
        # What else a portal keeps of a user is none of ours.
        policy = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)
        types = [ResourceType.from_resource(BmtUser)]
        self._http = http
        self._client = AsyncSCIMClient(
            http, provider=ScimProvider([User, BmtService], types, policy=policy)
        )
        self._clock = clock

    async def plan(self, account: str, wanted: EffectiveIpms) -> Sequence[PlannedChange]:
        """As `Connector.plan`."""
        user = await self._find(account)
        if user is None and wanted.bmt_enabled:
            raise _not_registered()
        return changes("ipms", _effective(user), wanted)

    async def apply(self, account: str, wanted: EffectiveIpms) -> None:
        """As `Connector.apply`: one PATCH."""
        user = await self._find(account)
        if user is None:
            if wanted.bmt_enabled:
                raise _not_registered()
            return
        operations = [
            _operation("bmtEnabled", wanted.bmt_enabled),
            _operation("maxFileSizeBytes", _decimal(wanted.max_file_size_bytes)),
        ]
        crash_points.reached("provisioning.scim.modifying")
        with _answering():
            await self._client.modify(BmtUser, user.id, PatchOp[BmtUser](operations=operations))

    async def read_back(self, account: str) -> Reading[EffectiveIpms]:
        """As `Connector.read_back`: what a GET answers."""
        user = await self._find(account)
        return Reading(_effective(user), self._clock())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _find(self, account: str) -> User[BmtService] | None:
        # A JSON string is what a filter's value is (RFC 7644, 3.4.2.2).
        query: SearchRequest[Any] = SearchRequest(
            filter=f"userName eq {json.dumps(account)}", attributes=["userName", EXTENSION]
        )
        with _answering():
            found = await self._client.query(BmtUser, query_parameters=query)
        users = cast("ListResponse[User[BmtService]]", found).resources or []
        if len(users) > 1:
            raise TargetRefused("ipms", "IPMS knows more than one account of this name")
        return users[0] if users else None


def _effective(user: User[BmtService] | None) -> EffectiveIpms:
    service = user[BmtService] if user else None
    if service is None:
        return EffectiveIpms(bmt_enabled=False, max_file_size_bytes=None)
    largest = service.max_file_size_bytes or ""
    return EffectiveIpms(
        bmt_enabled=bool(service.bmt_enabled),
        max_file_size_bytes=int(largest) if largest.isascii() and largest.isdigit() else None,
    )


def _operation(attribute: str, value: bool | str | None) -> PatchOperation[User[BmtService]]:  # noqa: FBT001  as SCIM has it
    path = f"{EXTENSION}:{attribute}"
    if value is None:
        return PatchOperation[BmtUser](op="remove", path=path)
    return PatchOperation[BmtUser](op="replace", path=path, value=value)


def _decimal(size: int | None) -> str | None:
    return None if size is None else str(size)


def _not_registered() -> TargetRefused:
    return TargetRefused("ipms", "IPMS has no such account: it is not registered")


@contextmanager
def _answering() -> Iterator[None]:
    """Tell a target that is away from one that says no.

    Raises:
        TargetAway: no answer, a server's failure, or something else than SCIM in between.
        TargetRefused: an answer that waiting does not change.
    """
    try:
        yield
    except RequestNetworkException as error:
        raise TargetAway(NAME, "does not answer") from error
    except SCIMException as error:
        raise _by_status(error.status, error.detail or "") from error
    except SCIMResponseException as error:
        status = getattr(error.source, "status_code", HTTPStatus.BAD_GATEWAY)
        raise _by_status(status, "") from error
    except SCIMClientException as error:
        raise TargetAway(NAME, "gives an answer that is not SCIM") from error


def _by_status(status: int, detail: str) -> Exception:
    if (
        HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        and status not in _PASSES
    ):
        return TargetRefused("ipms", f"IPMS refuses with {status}: {detail[:200] or 'no reason'}")
    return TargetAway(NAME, f"answers {status}")
