"""The view of requests under review, and its queries."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.sorting import SortedPage
from bmt.chassis.readmodels.view_store import MOST_WORDS, Body, Query, search_terms, words_of
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.contracts.events import (
    Approved,
    Rejected,
    RequestEvent,
    RequestFacts,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.http.approval import (
    CHOICES,
    ListedRequest,
    RequestUnderReview,
    Withheld,
    WorklistCounts,
    WorklistItem,
)
from bmt.contracts.values import Channel, Kind, Status
from services.approval.domain.events import CommentAdded, Endorsed, PapersReceived


class Review(RequestUnderReview):
    """A request as it is stored.

    Attributes:
        words: what it is searched by.
        kept_from: who may not approve it, by their folded accounts; `registrar:` before those who handed it in or
            corrected it, who may not where the agency says so.
    """

    words: tuple[str, ...] = ()
    kept_from: tuple[str, ...] = ()


Reviews = ViewProjection[Review]

_REGISTRAR: Final = "registrar:"
_OPEN: Final[Status] = "received"
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED: Final = ("name", "account", "email")
_REQUESTED: Final = ("channel", "reply_through", "quota_bytes", "max_file_size_bytes")

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
        "words": _more_words(before, opened.request),
        "kept_from": [*_registrars(before), opened.request.applicant.account.casefold()],
    }
    if before and "comments" in before:
        review["comments"] = before["comments"]
    changes = _facts_changed(before, review) if before else []
    return _with_step(review, _step(_OPEN, at, None, None, changes=changes))


def _more_words(before: Body | None, request: RequestFacts) -> list[str]:
    """Words are only added: after a correction, the earlier words still find the request."""
    applicant = request.applicant
    known = (request.reference, applicant.account, applicant.name, applicant.email)
    return sorted({*(before["words"] if before else ()), *words_of(known)})[:MOST_WORDS]


def _registrars(review: Body | None) -> list[str]:
    return [who for who in (review["kept_from"] if review else ()) if who.startswith(_REGISTRAR)]


def _kept_from(review: Body, *accounts: str) -> list[str]:
    return list(dict.fromkeys((*review["kept_from"], *accounts)))


def _with_fields(document: Body, **fields: Any) -> Body:
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
        "kept_from": _kept_from(review, *(_REGISTRAR + who for who in _writers(papers))),
    }
    levels = {"given": 0, "needed": needed} if needed > 1 else None
    return _with_fields(shown, levels=levels, not_shown=as_stored(papers.not_shown))


def _writers(papers: PapersReceived) -> list[str]:
    """Who handed the request in or corrected it."""
    both = (papers.submitted_by, papers.corrected_by)
    return [one.subject.casefold() for one in both if one is not None]


def _with_correction(review: Body, papers: PapersReceived) -> list[Body]:
    """Adds to the last step who corrected the request, why, and what changed."""
    *before, opened = review["history"]
    if papers.corrected_by is None:
        return [*before, _with_fields(opened, changes=())]
    corrected = {
        **opened,
        "by": papers.corrected_by.subject,
        "detail": papers.correction_reason,
        "corrected": True,
    }
    changes = [*opened.get("changes", ()), *_papers_changed(review, papers)]
    return [*before, _with_fields(corrected, changes=changes)]


def _facts_changed(before: Body, now: Body) -> list[Body]:
    applicants = before["applicant"], now["applicant"]
    values = [
        *((name, *(applicant[name] for applicant in applicants)) for name in _NAMED),
        *((name, before[name], now[name]) for name in _REQUESTED),
    ]
    return _differing(values)


def _papers_changed(before: Body, papers: PapersReceived) -> list[Body]:
    names_before = (one["filename"] for one in before["documents"])
    names = (one.filename for one in papers.documents)
    return _differing(
        [
            ("justification", before["justification"], papers.justification),
            ("documents", ", ".join(names_before), ", ".join(names)),
        ]
    )


def _differing(values: Iterable[tuple[str, Any, Any]]) -> list[Body]:
    return [
        {"field": name, "before": before, "after": after}
        for name, before, after in values
        if before != after
    ]


def _endorsed(review: Body, event: Endorsed) -> Body:
    """The request stays open and shows who approved what."""
    given = event.endorsement
    levels = {"given": given.level, "needed": event.levels}
    endorsements = [*review.get("endorsements", ()), given.model_dump()]
    endorsed = {**review, "levels": levels, "endorsements": endorsements}
    by = given.endorsed_by
    endorsed["kept_from"] = _kept_from(review, by.subject.casefold())
    at, name = given.endorsed_at, by.name
    step = _step(_OPEN, at, by.subject, given.reason, by_name=name, levels=levels)
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
    by, status = event.decided_by, _ENDS[event.TYPE]
    step = _step(status, event.decided_at, by.subject, event.reason, by_name=by.name)
    return _with_step(decided, step)


def _step(step: Status, at: datetime, by: str | None, detail: str | None, **fields: Any) -> Body:
    """A `Step` as it is stored; `fields` holds fields of some steps only."""
    return _with_fields({"step": step, "at": at, "by": by, "detail": detail}, **fields)


def _with_step(review: Body, taken: Body) -> Body:
    history = [*review["history"], taken]
    return {**review, "status": taken["step"], "history": history, "changed_at": taken["at"]}


def of_a_request(incoming: IncomingEvent[BaseModel]) -> str | None:
    """The request's id; bulk calls have none."""
    return incoming.data.request.request_id if isinstance(incoming.data, RequestEvent) else None


REVIEWS: Final = View(
    name="reviews",
    model=Review,
    fold=fold,
    key=of_a_request,
    indexes=[
        ("agency", "status", "due_at", "_id"),
        ("status", "due_at"),
        ("agency", "changed_at", "_id"),
        *(
            ("agency", "status", name, "_id")
            for name in ("applicant.name", "kind", "channel", "quota_bytes", "received_at")
        ),
        ("agency", "status", "kept_from"),
        *(
            ("agency", "history.by", name, "_id")
            for name in ("changed_at", "applicant.name", "kind")
        ),
        ("agency", "words"),
    ],
)


@dataclass(frozen=True, slots=True)
class Filter:
    """The worklist's filter; None does not filter. `due_before` is exclusive."""

    kind: Kind | None = None
    warned: bool | None = None
    due_before: datetime | None = None
    channel: Channel | None = None
    request_ids: Collection[str] = ()


def worklist(agency: str, page: SortedPage, only: Filter) -> Query:
    """Asks for the agency's open requests."""
    equal: dict[str, object] = {"agency": agency, "status": _OPEN}
    if only.kind:
        equal["kind"] = only.kind
    if only.channel:
        equal["channel"] = only.channel
    if only.warned is False:
        equal["warnings"] = []
    return Query(
        equal=equal,
        one_of={"_id": only.request_ids} if only.request_ids else {},
        beginning={"warnings": [""]} if only.warned else {},
        below={"due_at": only.due_before} if only.due_before else {},
        nullable=page.order == "quota_bytes",
        **_sorted(page),
    )


def _sorted(page: SortedPage) -> dict[str, Any]:
    return {
        "order_by": "applicant.name" if page.order == "name" else page.order,
        "descending": page.descending,
        "after": page.after,
        "limit": page.lookahead,
    }


def place_of(item: WorklistItem | ListedRequest, order: str) -> tuple[Any, str]:
    """Its place in a list of this order."""
    value = item.applicant.name if order == "name" else getattr(item, order)
    return value, item.request_id


def on_worklist(review: Review, caller: Principal, *, registrar_may_approve: bool) -> WorklistItem:
    """The request as it stands on the caller's worklist."""
    item = WorklistItem.model_validate(review, from_attributes=True)
    reason = withheld(review, caller, registrar_may_approve=registrar_may_approve)
    return item.model_copy(update={"withheld": reason})


def withheld(review: Review, caller: Principal, *, registrar_may_approve: bool) -> Withheld | None:
    """Why the caller may not approve it; None: they may, or a rule forbids it that has to do with what they would say."""
    account = caller.subject.casefold()
    if is_own(review, caller):
        return "own_request"
    if account in review.kept_from:
        return "approved_before"
    is_registrar = _REGISTRAR + account in review.kept_from
    return "registrar" if is_registrar and not registrar_may_approve else None


async def changed(
    reviews: Reviews,
    agency: str,
    page: SortedPage,
    since: datetime | None = None,
    only: Collection[str] = (),
    text: str | None = None,
    by: str | None = None,
) -> list[Review]:
    """The agency's requests.

    Those changed `since` then, `only` these ids, those that `text` finds, and those on which `by` did something.
    """
    return await reviews.find(
        Query(
            equal={"agency": agency, **({"history.by": by} if by else {})},
            one_of={"_id": only} if only else {},
            beginning={"words": search_terms(text)} if text else {},
            at_least={"changed_at": since or _EARLIEST},
            **_sorted(page),
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
    reviews: Reviews,
    caller: Principal,
    now: datetime,
    changed_since: datetime | None,
    *,
    registrar_may_approve: bool,
) -> WorklistCounts:
    """How many requests of the caller's agency are open and overdue at `now`, and changed since then."""
    mine = {"agency": caller.agency, "status": _OPEN}
    account = caller.subject.casefold()
    barred = [account] if registrar_may_approve else [account, _REGISTRAR + account]
    done = {"agency": caller.agency, "history.by": caller.subject}
    waiting, late, kept_from, by_caller = [
        sum((await reviews.count(["agency"], query)).values())
        for query in (
            Query(equal=mine),
            Query(equal=mine, below={"due_at": now}),
            Query(equal=mine, one_of={"kept_from": barred}),
            Query(equal=done),
        )
    ]
    return WorklistCounts(
        open=waiting,
        overdue=late,
        for_caller=waiting - kept_from,
        done_by_caller=by_caller,
        changed=await changes(reviews, caller.agency, changed_since) if changed_since else None,
    )


async def overdue(reviews: Reviews, now: datetime) -> Mapping[str, int]:
    """How many open requests of each agency were due before `now`."""
    query = Query(equal={"status": _OPEN}, below={"due_at": now})
    counts = await reviews.count(["agency"], query)
    return {agency: count for (agency,), count in counts.items()}


def is_own(review: RequestUnderReview, caller: Principal) -> bool:
    """Whether the caller is the applicant, whatever roles they have."""
    return review.applicant.account.casefold() == caller.subject.casefold()


def as_seen_by(
    review: Review, caller: Principal, *, registrar_may_approve: bool
) -> RequestUnderReview:
    """With what keeps the caller from approving it. Applicants do not see the comments on their own request, even as administrators."""
    reason = (
        withheld(review, caller, registrar_may_approve=registrar_may_approve)
        if review.status == _OPEN
        else None
    )
    hidden = {"comments": ()} if is_own(review, caller) else {}
    return review.model_copy(update={"withheld": reason, **hidden})
