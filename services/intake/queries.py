"""What intake's views are asked: by callers, and by the handlers before a decision."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.batcher import Batcher
from bmt.contracts.values import Document
from services.intake.access import Audience
from services.intake.domain.state import request_stream
from services.intake.views import InboxDocument, RequestDocument, open_for

Place = tuple[datetime, str]
"""A list's order: when it was received, and the id."""

_NAMESAKES: Final = 5
_NEWEST: Final = Query(order_by="received_at", descending=True)


class Requests:
    """Requests, as far as an audience may know of them."""

    def __init__(
        self,
        view: ViewProjection[RequestDocument],
        catch_up: Callable[[str], Awaitable[None]],
    ) -> None:
        """`catch_up` brings into the view what a crash left out of it of a stream."""
        self._view = view
        self._catch_up = catch_up

    async def get(self, request_id: str, audience: Audience) -> RequestDocument | None:
        """The request; None when there is none, or it is not theirs."""
        found = await self._view.get(request_id)
        if found is None:
            # Whoever was told that it was received finds it, also just after a crash.
            await self._catch_up(request_stream(request_id))
            found = await self._view.get(request_id)
        if found is None or not audience.may_see(found.agency, found.account):
            return None
        return found

    async def of_agency(self, request_id: str, agency: str) -> RequestDocument | None:
        """The request of an agency; None when there is none, or it is another's."""
        return await self.get(request_id, Audience({"agency": agency}))

    async def find(
        self, audience: Audience, asked: Mapping[str, str], page: PageRequest[Place]
    ) -> Sequence[RequestDocument]:
        """The newest requests that have these values, up to the page's lookahead."""
        query = replace(
            _NEWEST,
            equal=audience.limits,
            one_of={name: [value] for name, value in asked.items()},
            after=page.after,
            limit=page.lookahead,
        )
        return await self._view.find(query)

    async def referred_to(self, reference: str) -> Sequence[RequestDocument]:
        """The requests of a reference: one, but for a chance in ten thousand years."""
        return await self._view.find(Query(equal={"facts.reference": reference}, limit=_NAMESAKES))

    async def told_by(self, message_id: str) -> RequestDocument | None:
        """The request that the notice of this Message-ID told of."""
        found = await self._view.find(Query(equal={"notices": message_id}, limit=1))
        return found[0] if found else None

    async def written_to(self, addresses: Collection[str]) -> Sequence[RequestDocument]:
        """Requests whose applicants have one of these addresses, as written or in lower case; at most two."""
        known = {*addresses, *map(str.lower, addresses)}
        asked = [
            Query(one_of={field: known}, limit=2)
            for field in ("facts.applicant.email", "facts.directory_email")
        ]
        found = [one for query in asked for one in await self._view.find(query)]
        return list({one.facts.request_id: one for one in found}.values())[:2]

    async def count(self, agencies: Collection[str]) -> Mapping[tuple[str, str], int]:
        """How many there are of these agencies, by agency and status.

        Naming the agencies lets MongoDB count in the index, without the documents.
        """
        counted = await self._view.count(["agency", "status"], Query(one_of={"agency": agencies}))
        return {(str(agency), str(status)): n for (agency, status), n in counted.items()}


class OpenRequests:
    """Whether a request is open for an account at an agency.

    Asked before every reception, so questions that come together are one query.
    """

    def __init__(self, view: ViewProjection[RequestDocument]) -> None:
        self._view = view
        self._questions: Batcher[str, bool] = Batcher(self._answers)

    async def any(self, agency: str, account: str) -> bool:
        """Whether there is one now."""
        return (await self._questions.submit([open_for(agency, account)]))[0]

    async def count(self, agency: str, account: str, at_most: int) -> int:
        """How many there are now; nobody counts beyond `at_most`."""
        query = Query(equal={"open_for": open_for(agency, account)}, limit=at_most)
        return len(await self._view.find(query))

    async def others(self, agency: str, account: str, than: str) -> bool:
        """Whether there is one now besides the request `than`."""
        query = Query(equal={"open_for": open_for(agency, account)}, limit=2)
        return any(each.facts.request_id != than for each in await self._view.find(query))

    async def _answers(self, keys: Sequence[str]) -> Sequence[bool]:
        asked = Query(one_of={"open_for": set(keys)})
        found = set(await self._view.distinct("open_for", asked))
        return [key in found for key in keys]


class Inbox:
    """What waits for a person of an agency."""

    def __init__(self, view: ViewProjection[InboxDocument]) -> None:
        self._view = view

    async def get(self, inbox_item_id: str, agency: str) -> InboxDocument | None:
        """The item; None when there is none, or it is another agency's."""
        found = await self._view.get(inbox_item_id)
        return found if found is not None and found.agency == agency else None

    async def document(self, inbox_item_id: str, document_id: str, agency: str) -> Document | None:
        """A document of an item; None where `get` says so, and for any other document."""
        found = await self.get(inbox_item_id, agency)
        if found is None:
            return None
        named = (*found.documents, *([found.scan.batch] if found.scan else ()))
        return next((one for one in named if one.document_id == document_id), None)

    async def find(
        self, agency: str, asked: Mapping[str, str], page: PageRequest[Place]
    ) -> Sequence[InboxDocument]:
        """The newest items that have these values, up to the page's lookahead."""
        query = replace(
            _NEWEST,
            equal={"agency": agency, **asked},
            after=page.after,
            limit=page.lookahead,
        )
        return await self._view.find(query)
