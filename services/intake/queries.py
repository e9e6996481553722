"""What callers may read, in whose name they act, and the queries of intake's views."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import CommandContext, PageRequest
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.background import Batcher
from services.intake.domain.errors import NotTheirs
from services.intake.domain.request import Known, request_stream
from services.intake.domain.submission import Caller
from services.intake.views import RequestDocument, open_for


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


def own_agency(agencies: Agencies, code: str) -> Agency:
    """The agency of a caller's token, whose inbox something goes to.

    Raises:
        NotTheirs: the token names none.
    """
    if code not in agencies:
        raise NotTheirs("Your token names no agency of this system, whose inbox this could go to.")
    return agencies.get(code)


def keyed_stream(category: str, context: CommandContext) -> str:
    """The stream of a call that is one event: named after the call's idempotency key."""
    return f"{category}-{context.causation.partition(':')[2]}"


Place = tuple[datetime, str]
"""The sort key of a list: when it was received, and the id."""

_NAMESAKES: Final = 5


def known_of(document: RequestDocument | None) -> Known:
    """What the other services have published about a request so far."""
    if document is None:
        return Known("received")
    return Known(document.status, document.progress.returned, document.decision)


def newest(page: PageRequest[Place], equal: Mapping[str, str]) -> Query:
    """The newest documents with these values, up to the page's lookahead."""
    return Query(
        equal=equal,
        order_by="received_at",
        descending=True,
        after=page.after,
        limit=page.lookahead,
    )


class Requests:
    """Queries of requests, within an audience."""

    def __init__(
        self,
        view: ViewProjection[RequestDocument],
        catch_up: Callable[[str], Awaitable[None]],
    ) -> None:
        """`catch_up` brings a stream's events into the view that a crash left out."""
        self._view = view
        self._catch_up = catch_up
        # Asked before every reception, so concurrent questions become one query.
        self._open: Batcher[str, bool] = Batcher(self._are_open)

    async def get(self, request_id: str, audience: Audience) -> RequestDocument | None:
        """The request; None if there is none, or it is outside the audience."""
        found = await self._view.get(request_id)
        if found is None:
            # A request whose receipt was acknowledged is found, also just after a crash.
            await self._catch_up(request_stream(request_id))
            found = await self._view.get(request_id)
        if found is None or not audience.may_see(found.agency, found.account):
            return None
        return found

    async def find(
        self, audience: Audience, one_of: Mapping[str, Collection[str]], page: PageRequest[Place]
    ) -> Sequence[RequestDocument]:
        """The newest requests with one of these values each, up to the page's lookahead."""
        return await self._view.find(replace(newest(page, audience.limits), one_of=one_of))

    async def referred_to(self, reference: str) -> Sequence[RequestDocument]:
        """The requests of a reference: one, but for a chance in ten thousand years."""
        return await self._view.find(Query(equal={"facts.reference": reference}, limit=_NAMESAKES))

    async def of_notice(self, message_id: str) -> RequestDocument | None:
        found = await self._view.find(Query(equal={"notices": message_id}, limit=1))
        return found[0] if found else None

    async def written_to(self, addresses: Collection[str]) -> Sequence[RequestDocument]:
        """At most two requests whose applicants have one of these addresses, as written or in lower case."""
        known = {*addresses, *map(str.lower, addresses)}
        queries = [
            Query(one_of={field: known}, limit=2)
            for field in ("facts.applicant.email", "facts.directory_email")
        ]
        found = [one for query in queries for one in await self._view.find(query)]
        return list({one.facts.request_id: one for one in found}.values())[:2]

    async def count(self, agencies: Collection[str]) -> Mapping[tuple[str, str], int]:
        """The number of requests by agency and status.

        With the agencies named, MongoDB counts in the index alone.
        """
        counted = await self._view.count(["agency", "status"], Query(one_of={"agency": agencies}))
        return {(str(agency), str(status)): n for (agency, status), n in counted.items()}

    async def count_open(self, agency: str, account: str, at_most: int) -> int:
        """The open requests of an account at an agency, counted up to `at_most`."""
        query = Query(equal={"open_for": open_for(agency, account)}, limit=at_most)
        return len(await self._view.find(query))

    async def is_open(self, agency: str, account: str, other_than: str = "") -> bool:
        """Whether a request of an account at an agency is open, other than the one of this id."""
        if not other_than:
            return (await self._open.submit([open_for(agency, account)]))[0]
        query = Query(equal={"open_for": open_for(agency, account)}, limit=2)
        return any(each.facts.request_id != other_than for each in await self._view.find(query))

    async def _are_open(self, keys: Sequence[str]) -> Sequence[bool]:
        query = Query(one_of={"open_for": set(keys)})
        found = set(await self._view.distinct("open_for", query))
        return [key in found for key in keys]
