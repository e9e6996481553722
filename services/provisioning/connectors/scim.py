"""IPMS by SCIM 2.0 (RFC 7643, 7644): the service of an account is an extension of its user."""

import json
import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any, Final, cast

import httpx2
import structlog
from pydantic import BeforeValidator
from scim2_client import (
    RequestNetworkException,
    ResponsePayloadValidationException,
    SCIMClientException,
    SCIMResponseException,
)
from scim2_client.engines.httpx2 import AsyncSCIMClient
from scim2_models import (
    URN,
    AnyExtension,
    Extension,
    ListResponse,
    Mutability,
    PatchOp,
    PatchOperation,
    Resource,
    ResourceType,
    Returned,
    SCIMException,
    ScimPolicy,
    ScimProvider,
    SearchRequest,
)

from bmt.chassis import crash_points
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import EffectiveIpms, PlannedChange
from services.provisioning.connectors.connector import (
    AccountStatus,
    Answers,
    Calls,
    Failure,
    Reading,
    TargetAway,
    TargetConflict,
    TargetRefused,
)
from services.provisioning.domain.order import changes

NAME: Final = "scim"

_PASSES: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,  # our token is wrong: no fault of any request's
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Responses below 500 that are not about the request: they pass, or an operator removes the cause."""

_STALE: Final = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED})
"""The change needs the user's version, or names an old one."""

_CONFLICTS: Final = _STALE | {HTTPStatus.CONFLICT, HTTPStatus.LOCKED}
"""Somebody else is changing the same user."""

_ADDRESS: Final = re.compile(r"(?<![^\s@])[^\s@]++@[^\s@]++")
"""IPMS' own words may name other people."""


class StaleVersion(TargetConflict):
    """A conflict because of the version that the change was based on."""


@contextmanager
def answering(*, reading: bool = False) -> Iterator[None]:
    """Turn errors of the client into an unreachable or a refusing target; a conflict while reading is no answer.

    Raises:
        TargetAway: no answer, a server error, or a response that is not SCIM.
        TargetRefused: a response that waiting does not change.
    """
    try:
        yield
    except RequestNetworkException as error:
        raise TargetAway(NAME, "does not answer") from error
    except SCIMException as error:
        raise _by_status(error.status, error.detail or "", reading=reading) from error
    except ResponsePayloadValidationException as error:
        raise _refused(
            "IPMS shows the account in a form that cannot be read", "account_unreadable"
        ) from error
    except SCIMResponseException as error:
        status = getattr(error.source, "status_code", HTTPStatus.BAD_GATEWAY)
        raise _by_status(status, "", reading=reading) from error
    except SCIMClientException as error:
        raise TargetAway(NAME, "gives an answer that is not SCIM") from error


def _by_status(status: int, detail: str, *, reading: bool) -> Exception:
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if not refused or status in _PASSES or (reading and status in _CONFLICTS):
        return TargetAway(NAME, f"answers {status}")
    words = _ADDRESS.sub("…", detail[:200])
    reason = f"IPMS refuses with {status}: {words or 'no reason'}"
    if status in _STALE:
        return StaleVersion("ipms", reason)
    if status in _CONFLICTS:
        return TargetConflict("ipms", reason)
    values = {"status": str(int(status)), "said": words or "–"}
    return TargetRefused("ipms", reason, code="target_refused_with", values=values)


log = structlog.get_logger(__name__)

EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"

CALLS_AT_ONCE: Final = 16
MOST_IN_A_FILTER: Final = 40
LONGEST_FILTER: Final = 3_000
"""Characters: percent-encoded (RFC 3986), they stay below the 8,000 that some servers accept."""
ALONE_SECONDS: Final = 60.0
"""How long accounts are asked for one by one after IPMS failed to answer for several."""


def _size(value: object) -> object:
    """A size as a decimal string, also if the server writes a number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


class BmtService(Extension):
    """The service of one account; the size is a decimal string, because JSON numbers are exact to 2^53 only."""

    __schema__ = URN(EXTENSION)

    bmt_enabled: bool | None = None
    max_file_size_bytes: Annotated[str | None, BeforeValidator(_size)] = None


def _id(value: object) -> object:
    """An id as a string, also if the server writes a number."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if whole else value


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


class IpmsUser(Resource[AnyExtension]):
    """The attributes of a user that are read; others are ignored."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    id: Annotated[str | None, Mutability.read_only, Returned.always, BeforeValidator(_id)] = None
    user_name: str | None = None
    active: Annotated[bool | None, BeforeValidator(_flag)] = None


BmtUser = IpmsUser[BmtService]


class Scim:
    """Sets `bmtEnabled` and `maxFileSizeBytes` of a user.

    For an account that IPMS does not know nothing is in force: an application fails, a termination is done.
    """

    name = NAME

    def __init__(
        self, http: httpx2.AsyncClient, clock: Clock, at_once: int = CALLS_AT_ONCE
    ) -> None:
        """`http` has the base address, the token and the timeout."""
        policy = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)
        types = [ResourceType.from_resource(BmtUser)]
        self._http = http
        self._client = AsyncSCIMClient(
            http, provider=ScimProvider([IpmsUser, BmtService], types, policy=policy)
        )
        self._clock = clock
        self._calls = Calls(NAME, at_once)
        self._alone_until = 0.0

    async def plan(self, desired: Mapping[str, EffectiveIpms]) -> Answers[Sequence[PlannedChange]]:
        found = await self._find(desired)
        return {account: _planned(found[account], goal) for account, goal in desired.items()}

    async def apply(self, desired: Mapping[str, EffectiveIpms]) -> Answers[None]:
        """One PATCH for each account, and a second one if IPMS requires a version."""
        found = await self._find(desired)
        answers: dict[str, Failure | None] = {}
        users: dict[str, IpmsUser[BmtService]] = {}
        for account, user in found.items():
            if isinstance(user, IpmsUser):
                users[account] = user
            elif user is None:
                answers[account] = _not_registered() if desired[account].bmt_enabled else None
            else:
                answers[account] = user

        async def change(account: str) -> None:
            await self._change(users[account], desired[account])

        return answers | await self._calls.each(users, change)

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[EffectiveIpms]]:
        found = await self._find(accounts)
        now = self._clock()
        return {
            account: Reading(_effective(user), now, account_status=_status_of(user))
            if isinstance(user, IpmsUser | None)
            else user
            for account, user in found.items()
        }

    async def close(self) -> None:
        await self._http.aclose()

    async def _change(self, user: IpmsUser[BmtService], desired: EffectiveIpms) -> None:
        operations = [
            _operation("bmtEnabled", desired.bmt_enabled),
            _operation("maxFileSizeBytes", _decimal(desired.max_file_size_bytes)),
        ]
        change = PatchOp[BmtUser](operations=operations)
        crash_points.reached("provisioning.scim.modifying")
        try:
            await self._modify(user, change)
        except StaleVersion:
            version = await self._version(user)
            if version is None:
                raise
            await self._modify(user, change, version)

    async def _find(self, accounts: Collection[str]) -> Answers[IpmsUser[BmtService] | None]:
        """Each account's user; None if IPMS shows nobody.

        Many are asked for in one call. An account without one clear answer is asked for alone: if IPMS shows nobody,
        two of a name or others, or does not understand the question.
        """
        found: dict[str, IpmsUser[BmtService] | Failure | None] = {}
        unanswered: Sequence[str] = ()
        if time.monotonic() >= self._alone_until:
            for some in _filters(accounts):
                users = await self._find_together(some)
                if users is None:
                    unanswered = some
                    break
                found.update(users)
        alone = [account for account in accounts if account not in found]
        found.update(await self._calls.each(alone, self._find_one))
        if unanswered and not any(isinstance(found[account], TargetAway) for account in unanswered):
            log.info("ipms_asked_one_by_one", seconds=ALONE_SECONDS)
            self._alone_until = time.monotonic() + ALONE_SECONDS
        return found

    async def _find_together(
        self, accounts: Sequence[str]
    ) -> Mapping[str, IpmsUser[BmtService]] | None:
        """The accounts with exactly one user; None if there is no answer."""
        query: SearchRequest[Any] = SearchRequest(
            filter=" or ".join(map(_named, accounts)),
            attributes=["userName", "active", EXTENSION],
            count=len(accounts) + 1,
        )
        try:
            with answering(reading=True):
                answer = await self._client.query(BmtUser, query_parameters=query)
        except (TargetAway, TargetRefused):
            return None
        found = cast("ListResponse[IpmsUser[BmtService]]", answer)
        users = found.resources or []
        expected = {account.casefold() for account in accounts}
        names = Counter((user.user_name or "").casefold() for user in users)
        counted = len(users) if found.total_results is None else found.total_results
        if counted != len(users) or found.next_cursor is not None or names.keys() - expected:
            return {}
        by_name = {(user.user_name or "").casefold(): user for user in users if user.id}
        return {
            account: by_name[name]
            for account in accounts
            if names[name := account.casefold()] == 1 and name in by_name
        }

    async def _find_one(self, account: str) -> IpmsUser[BmtService] | None:
        """The one user of this name; None if IPMS shows nobody.

        Raises:
            TargetRefused: it shows somebody else, or several, so the user is ambiguous.
        """
        query: SearchRequest[Any] = SearchRequest(
            filter=_named(account), attributes=["userName", "active", EXTENSION]
        )
        with answering(reading=True):
            answer = await self._client.query(BmtUser, query_parameters=query)
        found = cast("ListResponse[IpmsUser[BmtService]]", answer)
        users = found.resources or []
        counted = len(users) if found.total_results is None else found.total_results
        if max(len(users), counted) > 1 or found.next_cursor is not None:
            raise _refused(
                "IPMS answers with more than one account for this name", "several_accounts"
            )
        if len(users) != counted:
            raise _refused(
                "IPMS shows another number of accounts than it counts", "counts_otherwise"
            )
        if not users:
            return None
        (user,) = users
        if (user.user_name or "").casefold() != account.casefold():
            raise _refused(
                "IPMS answers with another account than the one asked for", "another_account"
            )
        if not user.id:
            raise _refused(
                "IPMS gives the account no id, so it cannot be changed", "account_without_id"
            )
        return user

    async def _modify(
        self,
        user: IpmsUser[BmtService],
        change: PatchOp[IpmsUser[BmtService]],
        version: str | None = None,
    ) -> None:
        """Change this user.

        Raises:
            TargetRefused: the response names another one.
        """
        headers = {"If-Match": version} if version else {}
        answer = None
        with answering():
            try:
                answer = await self._client.modify(BmtUser, user.id, change, headers=headers)
            except SCIMResponseException as error:
                if not getattr(error.source, "is_success", False):
                    raise
                # An unreadable success proves nothing; the target is read back.
        if isinstance(answer, IpmsUser) and not _is_same(answer, user):
            raise _refused("IPMS answers the change with another account", "another_account")

    async def _version(self, user: IpmsUser[BmtService]) -> str | None:
        """The user's version (RFC 7644, 3.14), or None."""
        with answering(reading=True):
            found = await self._client.query(BmtUser, user.id)
        if not isinstance(found, IpmsUser) or not _is_same(found, user):
            raise _refused(
                "IPMS answers with another account than the one asked for", "another_account"
            )
        return found.meta.version if found.meta else None


def _named(account: str) -> str:
    """The filter for an account; its string is a JSON string (RFC 7644, 3.4.2.2)."""
    return f"userName eq {json.dumps(account)}"


def _filters(accounts: Collection[str]) -> Iterator[Sequence[str]]:
    """The accounts in lists that fit into one filter; a single one is left out."""
    some: list[str] = []
    length = 0
    for account in accounts:
        length += len(_named(account))
        if some and (len(some) == MOST_IN_A_FILTER or length > LONGEST_FILTER):
            yield some
            some, length = [], len(_named(account))
        some.append(account)
    if len(some) > 1:
        yield some


def _planned(
    user: IpmsUser[BmtService] | Failure | None, desired: EffectiveIpms
) -> Sequence[PlannedChange] | Failure:
    if not isinstance(user, IpmsUser | None):
        return user
    if user is None and desired.bmt_enabled:
        return _not_registered()
    return changes("ipms", _effective(user), desired)


def _is_same(answer: IpmsUser[BmtService], user: IpmsUser[BmtService]) -> bool:
    """Whether a response is about this user; missing attributes do not contradict."""
    named = (answer.user_name or user.user_name or "").casefold()
    return (answer.id or user.id) == user.id and named == (user.user_name or "").casefold()


def _effective(user: IpmsUser[BmtService] | None) -> EffectiveIpms:
    service = user[BmtService] if user else None
    if service is None:
        return EffectiveIpms(bmt_enabled=False, max_file_size_bytes=None)
    largest = service.max_file_size_bytes or ""
    return EffectiveIpms(
        bmt_enabled=bool(service.bmt_enabled),
        max_file_size_bytes=int(largest) if largest.isascii() and largest.isdigit() else None,
    )


def _status_of(user: IpmsUser[BmtService] | None) -> AccountStatus:
    """A user of whom IPMS does not say that it is inactive counts as serving: nothing is proposed on a guess."""
    if user is None:
        return "not_registered"
    return "not_serving" if user.active is False else "serving"


def _operation(attribute: str, value: bool | str | None) -> PatchOperation[IpmsUser[BmtService]]:  # noqa: FBT001  as SCIM has it
    path = f"{EXTENSION}:{attribute}"
    if value is None:
        return PatchOperation[BmtUser](op="remove", path=path)
    return PatchOperation[BmtUser](op="replace", path=path, value=value)


def _decimal(size: int | None) -> str | None:
    return None if size is None else str(size)


def _refused(reason: str, code: str) -> TargetRefused:
    return TargetRefused("ipms", reason, code=code)


def _not_registered() -> TargetRefused:
    return _refused("IPMS has no such account: it is not registered", "not_registered_there")
