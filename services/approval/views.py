"""The view of requests under review, and its queries."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.contracts.events import (
    Approved,
    Rejected,
    RequestEvent,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.http.approval import CHOICES, ListedRequest, RequestUnderReview, WorklistCounts
from bmt.contracts.values import Kind, Status
from services.approval.domain.events import CommentAdded, Endorsed, PapersReceived

Reviews = ViewProjection[RequestUnderReview]
Place = tuple[AwareDatetime, str]
"""A request's place in a list: on the worklist `due_at`, among changes `changed_at`; then its id."""

_OPEN: Final[Status] = "received"
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED: Final = ("name", "account", "email")
_ASKED: Final = ("channel", "reply_through", "quota_bytes", "max_file_size_bytes")

_ENDS: Final[dict[str, Status]] = {
    Approved.TYPE: "approved",
    Rejected.TYPE: "rejected",
    ReturnedForCorrection.TYPE: "returned",
}


def fold(review: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The request's document after `incoming`."""
    after = review
    match incoming.data:
        case ReviewOpened() as opened:
            after = _opened(review, opened, incoming.time)
        case PapersReceived() as papers if review:
            after = _with_papers(review, papers)
        case Endorsed() as endorsed if review:
            after = _endorsed(review, endorsed)
        case CommentAdded() as added if review:
            after = {**review, "comments": [*review.get("comments", ()), _comment(added)]}
        case (Approved() | Rejected() | ReturnedForCorrection()) as decided if review:
            after = _decided(review, decided, int(incoming.envelope.sequence or 0))
        case Withdrawn(requested_by=by, reason=reason) if review:
            after = _with_step(review, _step("withdrawn", incoming.time, by.subject, reason))
    return after


def _opened(before: Body | None, opened: ReviewOpened, at: datetime) -> Body:
    """A correction replaces everything but history and comments; PapersReceived follows at once."""
    review = {
        **opened.request.model_dump(),
        "submitted_by": None,
        "justification": before["justification"] if before else "",
        "documents": before["documents"] if before else [],
        "warnings": list(opened.warnings),
        "due_at": opened.due_at,
        "status": _OPEN,
        "decision": None,
        "history": before["history"] if before else [],
    }
    if before and "comments" in before:
        review["comments"] = before["comments"]
    changes = _facts_changed(before, review) if before else []
    return _with_step(review, _step(_OPEN, at, None, None, changes=changes))


def _saying(document: Body, **fields: Any) -> Body:
    """The document with these fields; empty ones are left out, as the response models do."""
    after = {**document, **fields}
    for name, value in fields.items():
        if not value:
            del after[name]
    return after


def _comment(added: CommentAdded) -> Body:
    return {
        "by": added.by.model_dump(),
        "at": added.at,
        "text": added.text,
        "documents": as_stored(added.documents),
    }


def _with_papers(review: Body, papers: PapersReceived) -> Body:
    needed = papers.approval_levels
    shown = {
        **review,
        "submitted_by": papers.submitted_by.model_dump(),
        "justification": papers.justification,
        "documents": as_stored(papers.documents),
        "history": _with_correction(review, papers),
    }
    levels = {"given": 0, "needed": needed} if needed > 1 else None
    return _saying(shown, levels=levels, not_shown=as_stored(papers.not_shown))


def _with_correction(review: Body, papers: PapersReceived) -> list[Body]:
    """Adds to the last step who corrected the request, why, and what changed."""
    *before, opened = review["history"]
    if papers.corrected_by is None:
        return [*before, _saying(opened, changes=())]
    told = {
        **opened,
        "by": papers.corrected_by.subject,
        "detail": papers.correction_reason,
        "corrected": True,
    }
    changes = [*opened.get("changes", ()), *_papers_changed(review, papers)]
    return [*before, _saying(told, changes=changes)]


def _facts_changed(before: Body, now: Body) -> list[Body]:
    applicants = before["applicant"], now["applicant"]
    told = [
        *((name, *(applicant[name] for applicant in applicants)) for name in _NAMED),
        *((name, before[name], now[name]) for name in _ASKED),
    ]
    return _differing(told)


def _papers_changed(before: Body, papers: PapersReceived) -> list[Body]:
    names_before = (one["filename"] for one in before["documents"])
    names = (one.filename for one in papers.documents)
    return _differing(
        [
            ("justification", before["justification"], papers.justification),
            ("documents", ", ".join(names_before), ", ".join(names)),
        ]
    )


def _differing(told: Iterable[tuple[str, Any, Any]]) -> list[Body]:
    return [
        {"field": name, "before": before, "after": after}
        for name, before, after in told
        if before != after
    ]


def _endorsed(review: Body, event: Endorsed) -> Body:
    """The request stays open and shows who approved what."""
    given = event.endorsement
    levels = {"given": given.level, "needed": event.levels}
    endorsements = [*review.get("endorsements", ()), given.model_dump()]
    endorsed = {**review, "levels": levels, "endorsements": endorsements}
    by = given.endorsed_by.subject
    step = _step(_OPEN, given.endorsed_at, by, given.reason, levels=levels)
    return _with_step(endorsed, step)


def _decided(
    review: Body, event: Approved | Rejected | ReturnedForCorrection, version: int
) -> Body:
    approval = event if isinstance(event, Approved) else None
    decision = {
        "decision": CHOICES[event.TYPE],
        "decided_by": event.decided_by.model_dump(),
        "decided_at": event.decided_at,
        "reason": event.reason,
        "version": version,
        "approved": approval.approved.model_dump() if approval else None,
        "exception_reason": approval.exception_reason if approval else None,
        "on_behalf_of": event.on_behalf_of,
    }
    decided = {**review, "decision": decision}
    if approval and (levels := review.get("levels")):
        decided["levels"] = {**levels, "given": levels["needed"]}
    by = event.decided_by.subject
    return _with_step(decided, _step(_ENDS[event.TYPE], event.decided_at, by, event.reason))


def _step(step: Status, at: datetime, by: str | None, detail: str | None, **more: Any) -> Body:
    """A `Step` as it is stored; `more` holds fields of some steps only."""
    return _saying({"step": step, "at": at, "by": by, "detail": detail}, **more)


def _with_step(review: Body, taken: Body) -> Body:
    history = [*review["history"], taken]
    return {**review, "status": taken["step"], "history": history, "changed_at": taken["at"]}


def of_a_request(incoming: IncomingEvent[BaseModel]) -> str | None:
    """The request's id; bulk calls have none."""
    return incoming.data.request.request_id if isinstance(incoming.data, RequestEvent) else None


REVIEWS: Final = View(
    name="reviews",
    model=RequestUnderReview,
    fold=fold,
    key=of_a_request,
    indexes=[
        ("agency", "status", "due_at", "_id"),
        ("status", "due_at"),
        ("agency", "changed_at", "_id"),
    ],
)


@dataclass(frozen=True, slots=True)
class Filter:
    """The worklist's filter; None does not filter. `due_before` is exclusive."""

    kind: Kind | None = None
    warned: bool | None = None
    due_before: datetime | None = None


_ALL: Final = Filter()


async def worklist(
    reviews: Reviews, agency: str, page: PageRequest[Place], only: Filter = _ALL
) -> list[RequestUnderReview]:
    """The agency's open requests, earliest due first."""
    equal: dict[str, object] = {"agency": agency, "status": _OPEN}
    if only.kind:
        equal["kind"] = only.kind
    if only.warned is False:
        equal["warnings"] = []
    return await reviews.find(
        Query(
            equal=equal,
            beginning={"warnings": [""]} if only.warned else {},
            below={"due_at": only.due_before} if only.due_before else {},
            order_by="due_at",
            after=page.after,
            limit=page.lookahead,
        )
    )


async def changed(
    reviews: Reviews,
    agency: str,
    page: PageRequest[Place],
    since: datetime | None = None,
    only: Collection[str] = (),
) -> list[RequestUnderReview]:
    """The agency's requests, latest change first; those changed `since` then, and `only` these ids."""
    return await reviews.find(
        Query(
            equal={"agency": agency},
            one_of={"_id": only} if only else {},
            at_least={"changed_at": since or _EARLIEST},
            order_by="changed_at",
            descending=True,
            after=page.after,
            limit=page.lookahead,
        )
    )


def listed(review: RequestUnderReview) -> ListedRequest:
    """The request as it stands in a list."""
    last = review.history[-1]
    return ListedRequest(
        request_id=review.request_id,
        reference=review.reference,
        kind=review.kind,
        applicant=review.applicant,
        status=review.status,
        changed_at=review.changed_at or last.at,
        last_step=last,
    )


async def changes(reviews: Reviews, agency: str, since: datetime) -> int:
    """How many requests changed since then, counted in the index."""
    query = Query(equal={"agency": agency}, at_least={"changed_at": since})
    return sum((await reviews.count(["agency"], query)).values())


async def counts(
    reviews: Reviews, agency: str, now: datetime, changed_since: datetime | None
) -> WorklistCounts:
    """How many requests are open and overdue at `now`, and changed since then."""
    mine = {"agency": agency, "status": _OPEN}
    waiting = await reviews.count(["agency"], Query(equal=mine))
    late = await reviews.count(["agency"], Query(equal=mine, below={"due_at": now}))
    return WorklistCounts(
        open=sum(waiting.values()),
        overdue=sum(late.values()),
        changed=await changes(reviews, agency, changed_since) if changed_since else None,
    )


async def overdue(reviews: Reviews, now: datetime) -> Mapping[str, int]:
    """How many open requests of each agency were due before `now`."""
    query = Query(equal={"status": _OPEN}, below={"due_at": now})
    counts = await reviews.count(["agency"], query)
    return {agency: count for (agency,), count in counts.items()}


def is_own(review: RequestUnderReview, caller: Principal) -> bool:
    """Whether the caller is the applicant, whatever roles they have."""
    return review.applicant.account.casefold() == caller.subject.casefold()


def as_seen_by(review: RequestUnderReview, caller: Principal) -> RequestUnderReview:
    """Applicants do not see the comments on their own request, even as administrators."""
    return review.model_copy(update={"comments": ()}) if is_own(review, caller) else review
