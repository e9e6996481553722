"""The session of one call, looked up once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from bmt.chassis.http.auth import Principal

_SESSION: Final = "bmt.session"


@dataclass(frozen=True, slots=True)
class Session:
    """The session of a signed-in user.

    Attributes:
        visitor: the user, as the issuer last described them.
        access_token: for calls of other services in the user's name.
        id_token: for the issuer's logout; may be empty.
        goes_on: whether the session still lasts, for long answers.
    """

    visitor: Principal
    access_token: str
    id_token: str
    goes_on: Callable[[], Awaitable[bool]]


def of(request: Request) -> Session | None:
    """The caller's session; None: nobody is signed in."""
    session: Session | None = request.scope.get(_SESSION)
    return session


def visitor(request: Request) -> Principal | None:
    """The signed-in user, if any."""
    session = of(request)
    return session.visitor if session else None


def put(request: Request, session: Session | None) -> None:
    """Sets the call's session."""
    request.scope[_SESSION] = session
