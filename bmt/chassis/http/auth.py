"""Who is calling, and whether they may: the dependencies of an API's routes."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from bmt.chassis.http.limits import RateLimit, caller_is_known
from bmt.contracts.problems import Refused
from bmt.contracts.values import Role

_ADMITTED: Final = "bmt.principal"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, from the verified token.

    Attributes:
        subject: `sub`; for a person, the account.
        email: `email`; empty if the token has none, or an unverified one.
        name: `name`; the subject if the token has none.
        agency: `agency`; empty if the token has none (and then equal to no agency's code).
        roles: those of `roles` that the contract knows.
    """

    subject: str
    email: str
    name: str
    agency: str
    roles: frozenset[Role]

    def has(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)


class Authenticator(Protocol):
    """Gives a token's principal: the verifier, or a fake of it."""

    async def principal(self, token: str) -> Principal:
        """The principal of a valid token.

        Raises:
            Refused: `unauthenticated`, with what is wrong with the token.
            Unavailable: the issuer's keys are needed and cannot be fetched.
        """
        ...

    async def ready(self) -> None:
        """Return once tokens can be verified; raise `Unavailable` before."""
        ...


class Guard(SecurityBase):
    """A dependency that admits callers with one of `roles` (any caller if none is named).

    It gives the `Principal`. It uses the application's `app.state.authenticator` and `app.state.rate_limit`.
    FastAPI recognises it as a security scheme, so the OpenAPI document shows which calls need a token.
    """

    scheme_name = "bearer"
    model = HTTPBearer(bearerFormat="JWT", description="OIDC access token of the issuer.")

    def __init__(self, *roles: Role) -> None:
        self.roles = roles

    async def __call__(self, request: Request) -> Any:
        return await self.admit(request)

    async def admit(self, request: Request) -> Principal:
        """The caller, verified once a request. Raises `Refused` (`unauthenticated`, `too_many_requests`, `forbidden`)."""
        admitted: Principal | None = request.scope.get(_ADMITTED)
        if admitted is None:
            authenticator: Authenticator = request.app.state.authenticator
            admitted = await authenticator.principal(bearer_token(request))
            rate_limit: RateLimit = request.app.state.rate_limit
            rate_limit.take(admitted.subject)
            caller_is_known(request.scope, admitted.subject)
            request.scope[_ADMITTED] = admitted
        if self.roles and not admitted.has(*self.roles):
            raise Refused(
                f"This needs the role {' or '.join(self.roles)}.",
                problem="forbidden",
                extra={"roles": list(self.roles)},
            )
        return admitted


def require(*roles: Role) -> Guard:
    """The dependency that admits callers with one of `roles` and gives the `Principal`."""
    return Guard(*roles)


principal: Final = Guard()
"""The dependency that admits every caller with a valid token and gives the `Principal`."""


def bearer_token(request: Request) -> str:
    """The caller's token, as it was sent. Raises `Refused` (`unauthenticated`) if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(
            "Send the header Authorization: Bearer, followed by a token.", problem="unauthenticated"
        )
    return token.strip()
