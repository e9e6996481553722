"""Who is signed in, for one call: looked up once, in the service's sessions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from bmt.chassis.http.auth import Principal

_SESSION: Final = "bmt.session"


@dataclass(frozen=True, slots=True)
class Session:
    """Of who is signed in.

    Attributes:
        visitor: who it is, as the issuer last said.
        access_token: theirs, for calls of other services in their name.
        id_token: what the issuer knows the session by; may be empty.
        goes_on: tells whether it did not end meanwhile, for answers that take long.
    """

    visitor: Principal
    access_token: str
    id_token: str
    goes_on: Callable[[], Awaitable[bool]]


def of(request: Request) -> Session | None:
    """The caller's; None: nobody is signed in, or no longer."""
    session: Session | None = request.scope.get(_SESSION)
    return session


def visitor(request: Request) -> Principal | None:
    """Who is signed in; None: nobody, or no longer."""
    session = of(request)
    return session.visitor if session else None


def put(request: Request, session: Session | None) -> None:
    """This is the caller's."""
    request.scope[_SESSION] = session
