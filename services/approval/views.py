"""The requests under review: the agencies' worklists, and what a decider reads of each request."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import AwareDatetime, BaseModel

from bmt.chassis.decider import Heard
from bmt.chassis.pagination import PageRequest
from bmt.chassis.view_store import Query
from bmt.chassis.views import View, ViewProjection
from bmt.contracts.events import (
    Approved,
    Rejected,
    RequestEvent,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.http.approval import (
    CHOICES,
    DecisionInFull,
    FieldChanged,
    Levels,
    RequestUnderReview,
    Step,
)
from bmt.contracts.http.comments import Comment
from bmt.contracts.values import Document, Kind, Status
from services.approval.domain.events import CommentAdded, Endorsed, PapersReceived

Reviews = ViewProjection[RequestUnderReview]
Place = tuple[AwareDatetime, str]
"""Where a request stands on its worklist: `due_at`, then its id."""

_OPEN: Final[Status] = "received"
_NAMED: Final = ("name", "account", "email")
_ASKED: Final = ("channel", "reply_through", "quota_bytes", "max_file_size_bytes")
MAY_CORRECT: Final[tuple[Status, ...]] = ("received", "returned")
"""Where a request is not decided."""

_ENDS: Final[dict[str, Status]] = {
    Approved.TYPE: "approved",
    Rejected.TYPE: "rejected",
    ReturnedForCorrection.TYPE: "returned",
}


def fold(document: RequestUnderReview | None, heard: Heard[BaseModel]) -> RequestUnderReview | None:
    """What is known of the request after `heard`."""
    match heard.data:
        case ReviewOpened() as opened:
            return _opened(document, opened, heard.time)
        case (PapersReceived() | Endorsed() | CommentAdded()) as unsaid if document:
            return _remembered(document, unsaid)
        case (Approved() | Rejected() | ReturnedForCorrection()) as decided if document:
            return _decided(document, decided, int(heard.envelope.sequence or 0))
        case Withdrawn(requested_by=by, reason=reason) if document:
            return _with_step(document, "withdrawn", heard.time, by.subject, reason)
        case _:
            return document


def _opened(
    document: RequestUnderReview | None, opened: ReviewOpened, at: datetime
) -> RequestUnderReview:
    """A correction replaces all but the history and the comments; its papers come right after it."""
    review = RequestUnderReview(
        **vars(opened.request),
        submitted_by=None,
        justification=document.justification if document else "",
        documents=document.documents if document else (),
        warnings=opened.warnings,
        due_at=opened.due_at,
        status=_OPEN,
        decision=None,
        history=document.history if document else (),
        comments=document.comments if document else (),
    )
    return _with_step(review, _OPEN, at, None, None, changes=_facts_changed(document, review))


def _remembered(
    document: RequestUnderReview, event: PapersReceived | Endorsed | CommentAdded
) -> RequestUnderReview:
    match event:
        case PapersReceived():
            return document.model_copy(update=_papers(document, event))
        case Endorsed():
            return _endorsed(document, event)
        case CommentAdded():
            comment = Comment.model_validate(event, from_attributes=True)
            return document.model_copy(update={"comments": (*document.comments, comment)})


def _papers(document: RequestUnderReview, papers: PapersReceived) -> Mapping[str, object]:
    shown = ("submitted_by", "justification", "documents", "not_shown")
    needed = papers.approval_levels
    levels = Levels(given=0, needed=needed) if needed > 1 else None
    return {
        **{name: getattr(papers, name) for name in shown},
        "levels": levels,
        "history": _with_correction(document, papers),
    }


def _with_correction(document: RequestUnderReview, papers: PapersReceived) -> tuple[Step, ...]:
    """The step that opened the review, by whom and why where it is a correction, with all that differs."""
    *before, opened = document.history
    if papers.corrected_by is None:
        return (*before, opened.model_copy(update={"changes": ()}))
    told = {
        "by": papers.corrected_by.subject,
        "detail": papers.correction_reason,
        "corrected": True,
        "changes": (*opened.changes, *_papers_changed(document, papers)),
    }
    return (*before, opened.model_copy(update=told))


def _facts_changed(
    before: RequestUnderReview | None, now: RequestUnderReview
) -> tuple[FieldChanged, ...]:
    if before is None:
        return ()
    told = [
        *((name, getattr(before.applicant, name), getattr(now.applicant, name)) for name in _NAMED),
        *((name, getattr(before, name), getattr(now, name)) for name in _ASKED),
    ]
    return _differing(told)


def _papers_changed(before: RequestUnderReview, papers: PapersReceived) -> tuple[FieldChanged, ...]:
    justified = ("justification", before.justification, papers.justification)
    named = ("documents", _names(before.documents), _names(papers.documents))
    return _differing([justified, named])


def _names(documents: Sequence[Document]) -> str:
    return ", ".join(one.filename for one in documents)


def _differing(told: Iterable[tuple[str, object, object]]) -> tuple[FieldChanged, ...]:
    return tuple(
        FieldChanged(field=name, before=_shown(before), after=_shown(after))
        for name, before, after in told
        if before != after
    )


def _shown(value: object) -> str | int | None:
    return value if isinstance(value, int | str) else None


def _endorsed(document: RequestUnderReview, event: Endorsed) -> RequestUnderReview:
    """Still open: the next administrator sees who approved, and what."""
    given = event.endorsement
    levels = Levels(given=given.level, needed=event.levels)
    endorsements = (*document.endorsements, given)
    endorsed = document.model_copy(update={"levels": levels, "endorsements": endorsements})
    by = given.endorsed_by.subject
    return _with_step(endorsed, _OPEN, given.endorsed_at, by, given.reason, levels)


def _decided(
    document: RequestUnderReview,
    event: Approved | Rejected | ReturnedForCorrection,
    version: int,
) -> RequestUnderReview:
    decision = DecisionInFull(decision=CHOICES[event.TYPE], version=version, **vars(event))
    by = event.decided_by.subject
    levels = document.levels
    if levels and isinstance(event, Approved):
        levels = Levels(given=levels.needed, needed=levels.needed)
    decided = document.model_copy(update={"decision": decision, "levels": levels})
    return _with_step(decided, _ENDS[event.TYPE], event.decided_at, by, event.reason)


def _with_step(
    document: RequestUnderReview,
    step: Status,
    at: datetime,
    by: str | None,
    detail: str | None,
    levels: Levels | None = None,
    changes: tuple[FieldChanged, ...] = (),
) -> RequestUnderReview:
    taken = Step(step=step, at=at, by=by, detail=detail, levels=levels, changes=changes)
    history = (*document.history, taken)
    return document.model_copy(update={"status": step, "history": history, "changed_at": at})


def of_a_request(heard: Heard[BaseModel]) -> str | None:
    """The request's id; bulk calls are no request."""
    return heard.data.request.request_id if isinstance(heard.data, RequestEvent) else None


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
class Wanted:
    """Which of the open requests are looked for; what is None does not matter.

    Attributes:
        kind: application or termination.
        warned: with warnings, or without.
        due_before: those that must be decided before this.
    """

    kind: Kind | None = None
    warned: bool | None = None
    due_before: datetime | None = None


_ANY: Final = Wanted()


async def worklist(
    reviews: Reviews, agency: str, page: PageRequest[Place], wanted: Wanted = _ANY
) -> list[RequestUnderReview]:
    """The agency's open requests, the one that is due first at the top."""
    equal: dict[str, object] = {"agency": agency, "status": _OPEN}
    if wanted.kind:
        equal["kind"] = wanted.kind
    if wanted.warned is False:
        equal["warnings"] = []
    return await reviews.find(
        Query(
            equal=equal,
            beginning={"warnings": [""]} if wanted.warned else {},
            below={"due_at": wanted.due_before} if wanted.due_before else {},
            order_by="due_at",
            after=page.after,
            limit=page.lookahead,
        )
    )


async def changed(
    reviews: Reviews, agency: str, since: datetime, most: int
) -> list[RequestUnderReview]:
    """The agency's requests that something happened to since then, the latest first."""
    return await reviews.find(
        Query(
            equal={"agency": agency},
            at_least={"changed_at": since},
            order_by="changed_at",
            descending=True,
            limit=most,
        )
    )


async def changes(reviews: Reviews, agency: str, since: datetime) -> int:
    """How many `changed` would find, were there no most: counted in the index."""
    query = Query(equal={"agency": agency}, at_least={"changed_at": since})
    return sum((await reviews.count(["agency"], query)).values())


class Counts(NamedTuple):
    """How many requests of an agency wait, and how many of them are late."""

    waiting: int
    overdue: int


async def counts(reviews: Reviews, agency: str, now: datetime) -> Counts:
    """An agency's open requests at a glance."""
    mine = {"agency": agency, "status": _OPEN}
    waiting = await reviews.count(["agency"], Query(equal=mine))
    late = await reviews.count(["agency"], Query(equal=mine, below={"due_at": now}))
    return Counts(sum(waiting.values()), sum(late.values()))


async def overdue(reviews: Reviews, now: datetime) -> Mapping[str, int]:
    """How many open requests of each agency should have been decided before `now`."""
    query = Query(equal={"status": _OPEN}, below={"due_at": now})
    counts = await reviews.count(["agency"], query)
    return {agency: count for (agency,), count in counts.items()}
