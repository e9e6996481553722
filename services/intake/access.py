"""Who may know of which requests, and in whose name a caller acts."""

from collections.abc import Mapping
from dataclasses import dataclass

from bmt.chassis.http.auth import Principal
from services.intake.domain.submission import Caller


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose requests a caller may read: of one agency, of one account, or of all.

    Attributes:
        limits: what a request must have, by the view's fields; empty: everything is theirs.
    """

    limits: Mapping[str, str]

    def may_see(self, agency: str, account: str) -> bool:
        """Whether a request of this agency and (lower case) account is theirs."""
        has = {"agency": agency, "account": account}
        return all(has[name] == value for name, value in self.limits.items())


def audience_of(principal: Principal) -> Audience:
    """The widest that one of the caller's roles allows."""
    if principal.has("operator") or (principal.has("auditor") and not principal.agency):
        return Audience({})
    if principal.has("administrator", "auditor"):
        return Audience({"agency": principal.agency})
    return Audience({"account": principal.subject.casefold()})


def caller_of(principal: Principal) -> Caller:
    """In whose name the caller hands something in: their agency's, or their own."""
    own = frozenset({principal.agency} if principal.agency else ())
    if principal.has("administrator", "operator"):
        role = "administrator" if principal.has("administrator") else "operator"
        return Caller(principal.subject, role, own)
    return Caller(principal.subject, "applicant", own or None, principal.email)
