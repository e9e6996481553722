"""Which requests a caller may read, in whose name they act, and their commands on the way to a stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import CommandContext
from services.intake.domain.submission import Caller


@dataclass(frozen=True, slots=True)
class Audience:
    """The requests that a caller may read; `limits` are the values that such a request must have, by view field."""

    limits: Mapping[str, str]

    def may_see(self, agency: str, account: str) -> bool:
        """Whether the caller may read a request of this agency and (lower case) account."""
        has = {"agency": agency, "account": account}
        return all(has[name] == value for name, value in self.limits.items())


EVERYBODY: Final = Audience({})


def audience_of(principal: Principal, *, mine: bool = False) -> Audience:
    """The widest audience that one of the caller's roles allows; with `mine` the caller's own requests alone."""
    if mine:
        return Audience({"account": principal.subject.casefold()})
    if principal.has("operator") or (principal.has("auditor") and not principal.agency):
        return EVERYBODY
    if principal.has("administrator", "auditor"):
        return Audience({"agency": principal.agency})
    return Audience({"account": principal.subject.casefold()})


def caller_of(principal: Principal) -> Caller:
    """The caller as deciders know them: they act for their agency, or for themselves."""
    own = frozenset({principal.agency} if principal.agency else ())
    if principal.has("administrator", "operator"):
        role = "administrator" if principal.has("administrator") else "operator"
        return Caller(principal.subject, role, own)
    return Caller(principal.subject, "applicant", own or None, principal.email)


def keyed_stream(category: str, context: CommandContext) -> str:
    """The stream of a call that is one event: named after the call's idempotency key."""
    return f"{category}-{context.causation.partition(':')[2]}"
