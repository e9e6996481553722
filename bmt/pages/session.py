"""Who is signed in: kept in a signed cookie of the visitor's browser, and nowhere else.

It says what the verified token said, and until when. The token itself is thrown away, unless the pages call
other services as the visitor: then it is carried, sealed (`bmt.pages.carried`).
"""

import time
from collections.abc import MutableMapping
from typing import Any, Final, cast

from bmt.chassis.auth import Principal
from bmt.contracts.values import Role

EIGHT_HOURS: Final = 8 * 60 * 60
"""A session lasts so long at most, in seconds, whatever the issuer says."""

_VISITOR: Final = "visitor"
_SEALED: Final = "sealed"

Session = MutableMapping[str, Any]


def begin(session: Session, principal: Principal, *, seconds: int, sealed: str = "") -> None:
    """Somebody signed in; what was known of the visitor before is forgotten. `sealed` is their token."""
    session.clear()
    session[_VISITOR] = {
        "subject": principal.subject,
        "email": principal.email,
        "name": principal.name,
        "agency": principal.agency,
        "roles": sorted(principal.roles),
        "until": int(time.time()) + min(seconds, EIGHT_HOURS),
    }
    if sealed:
        session[_SEALED] = sealed


def sealed_token(session: Session) -> str:
    """The visitor's token as it was sealed; empty: none is carried."""
    return str(session.get(_SEALED, ""))


def visitor(session: Session) -> Principal | None:
    """Who is signed in; None: nobody, or no longer."""
    kept = session.get(_VISITOR)
    if kept is None or kept["until"] <= time.time():
        return None
    return Principal(
        subject=kept["subject"],
        email=kept["email"],
        name=kept["name"],
        agency=kept["agency"],
        roles=frozenset(cast("Role", role) for role in kept["roles"]),
    )
