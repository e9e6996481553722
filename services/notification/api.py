"""Notification over HTTP: the notices, their messages, papers handed over, and e-mails sent again."""

from typing import Annotated, Any, Final

from fastapi import Depends, Query
from pydantic import AwareDatetime
from starlette.responses import StreamingResponse

from bmt.agencies import assignments
from bmt.chassis.eventsourcing.event_store import Commit
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse, file_response
from bmt.chassis.http.routes import (
    CommandContext,
    Id,
    Page,
    PageRequest,
    Paging,
    answer,
    api_router,
    command,
    problems,
)
from bmt.chassis.http.sorting import SortedPage, Sorting
from bmt.contracts.http.assignments import Whose
from bmt.contracts.http.notification import (
    DispatchPaper,
    NoticeStatus,
    Notification,
    PaperDispatched,
    ResendAccepted,
    TellOfDelay,
    ToldOfDelay,
    WaitingNotification,
)
from bmt.contracts.values import ReplyChannel
from services.notification import handlers, views
from services.notification.domain.correspondence import stream_of
from services.notification.domain.errors import NotPreparedYet, UnknownNotice, UnknownRequest
from services.notification.ports import Here, Ports
from services.notification.views import TrackedNotice
from services.notification.wording.composer import Kind, readable

IN_ORDER: Final = Paging(tuple[str, str])
NOTICES: Final = Sorting({"wanted_since": AwareDatetime, "recipient": str | None, "about": str})

Reader = Annotated[Principal, Depends(require("applicant", "administrator", "auditor"))]
ReaderOrOperator = Annotated[
    Principal, Depends(require("applicant", "administrator", "auditor", "operator"))
]
AdministratorOrOperator = Annotated[Principal, Depends(require("administrator", "operator"))]
AdministratorsCommand = Annotated[CommandContext, Depends(command("administrator"))]
ResendersCommand = Annotated[CommandContext, Depends(command("administrator", "operator"))]
NoticesPage = Annotated[SortedPage, Depends(NOTICES.requested)]
NoticePage = Annotated[PageRequest[views.InOrder], Depends(IN_ORDER)]

_NO_BODY: Final = DispatchPaper()
_MESSAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The bytes as stored: a PDF, or the e-mail as it was sent.",
        "content": {"application/pdf": {}, "message/rfc822": {}},
    }
}


router = api_router(tags=["notification"])
"""What a caller may read depends on the role."""


@router.get(
    "/v1/requests/{request_id}/notifications",
    summary="What the applicant was told of a request, and is about to be",
    responses=problems("not_found"),
)
async def notifications(
    here: Here, request_id: Id, caller: ReaderOrOperator, page: NoticePage
) -> Page[Notification]:
    last = await views.latest(here.notices, request_id)
    if last is None or not (_may_read(caller, last) or caller.has("operator")):
        raise UnknownRequest
    found = await views.of_request(here.notices, request_id, page)
    shown = IN_ORDER.page(found, page, key=lambda one: (one.place, one.notification_id))
    items = [one.as_listed() for one in shown.items]
    return Page(items=items, next_cursor=shown.next_cursor)


@router.post(
    "/v1/requests/{request_id}/notifications",
    summary="Tell the applicant that the request is approved and its configuration, which failed, takes longer",
    status_code=202,
    response_model=ToldOfDelay,
    responses=problems("not_found", "request_closed", "validation_failed"),
)
async def tell_of_delay(
    here: Here, request_id: Id, context: AdministratorsCommand, body: TellOfDelay
) -> JsonResponse:
    facts = (await here.execution.state(stream_of(request_id))).facts
    if facts is None or facts.agency != context.principal.agency:
        raise UnknownRequest
    kind: Kind = (facts.agency, "approved")
    own = (await views.own_words(here.templates, [kind])).get(kind)
    notice = here.composer.notice(
        here.new_id(), here.clock(), facts, "approved", own, reason=readable(body.reason)
    )
    message = handlers.notify_of_delay(request_id, notice, context, here.clock)
    executed = await here.execution.execute(message)
    return answer(executed, _delay_answer(executed.commit), 202)


def _delay_answer(commit: Commit) -> ToldOfDelay:
    (event,) = commit.events
    notice = event.data["notice"]
    return ToldOfDelay(
        request_id=commit.subject,
        notification_id=notice["notification_id"],
        about=notice["about"],
        channel=notice["channel"],
    )


@router.get(
    "/v1/notifications/{notification_id}/document",
    summary="The paper as a PDF, or the e-mail as it is sent",
    response_class=StreamingResponse,
    responses={**_MESSAGE, **problems("not_found")},
)
async def document(here: Here, notification_id: Id, caller: Reader) -> StreamingResponse:
    notice = await here.notices.get(notification_id)
    last = await views.latest(here.notices, notice.request_id) if notice else None
    if notice is None or last is None or not _may_read(caller, last):
        raise UnknownNotice
    if notice.document_id is None:
        raise NotPreparedYet
    stored, chunks = await here.documents.open(notice.document_id)
    return file_response(
        chunks,
        filename=stored.filename,
        media_type=stored.media_type,
        size_bytes=stored.size_bytes,
        inline=True,
    )


@router.post(
    "/v1/notifications/{notification_id}/dispatch",
    summary="A paper was handed over",
    status_code=201,
    response_model=PaperDispatched,
    responses=problems("not_found", "not_for_this_notice", "validation_failed"),
)
async def dispatch(
    here: Here, notification_id: Id, context: AdministratorsCommand, body: DispatchPaper = _NO_BODY
) -> JsonResponse:
    request_id = await _request_of(here, notification_id)
    message = handlers.dispatch(request_id, notification_id, body.note, context)
    executed = await here.execution.execute(message)
    return answer(executed, _paper_dispatched(executed.commit), 201)


def _paper_dispatched(commit: Commit) -> PaperDispatched:
    """The answer to a hand-over. It depends on the commit alone, as a repeated call requires."""
    (event,) = commit.events
    return PaperDispatched(
        notification_id=event.data["notification_id"],
        about=event.data["about"],
        channel=event.data["channel"],
        status="notified",
        document_id=event.data["document_id"],
        request_id=commit.subject,
        dispatched_by=event.data["handed_over_by"]["subject"],
        dispatched_at=event.time,
    )


@router.post(
    "/v1/notifications/{notification_id}/resend",
    summary="Send the same e-mail once more, one that was refused included",
    status_code=202,
    response_model=ResendAccepted,
    responses=problems("not_found", "not_for_this_notice"),
)
async def resend(here: Here, notification_id: Id, context: ResendersCommand) -> JsonResponse:
    request_id = await _request_of(here, notification_id)
    message = handlers.resend(request_id, notification_id, context, here.clock)
    executed = await here.execution.execute(message)
    accepted = ResendAccepted(request_id=request_id, notification_id=notification_id)
    return answer(executed, accepted, 202)


@router.get(
    "/v1/notifications",
    summary="Papers to hand over, e-mails that wait, and those that were refused: the oldest first",
)
async def queue(
    here: Here,
    caller: AdministratorOrOperator,
    page: NoticesPage,
    status: Annotated[
        NoticeStatus | None, Query(description="default: all that were not told")
    ] = None,
    channel: Annotated[ReplyChannel | None, Query(description="default: all")] = None,
    assigned: Annotated[
        Whose | None, Query(description="only what the caller has taken, or what nobody has")
    ] = None,
) -> Page[WaitingNotification]:
    """Administrators see their own agency's, operators all, the oldest first alone."""
    agency = None if caller.has("operator") else caller.agency
    if agency is None:
        NOTICES.require_own(page)
    statuses = views.UNDELIVERED if status is None else (status,)
    query = await here.assignments.filtered(
        views.found(agency, statuses, channel, page), assigned, caller
    )
    found = await here.notices.find(query)
    shown = NOTICES.page(
        found, page, key=lambda one: (getattr(one, page.order), one.notification_id)
    )
    waiting = await views.as_waiting(
        shown.items, here.work, names_recipients=caller.has("administrator")
    )
    items = await here.assignments.with_assignments(waiting, lambda one: one.notification_id)
    return Page(items=items, next_cursor=shown.next_cursor)


async def _taken(
    here: Here, notification_id: Id, caller: Annotated[Principal, Depends(require("administrator"))]
) -> str:
    notice = await here.notices.get(notification_id)
    if notice is None or notice.agency != caller.agency:
        raise UnknownNotice
    return notification_id


assignment = assignments.routes(
    "/v1/notifications/{notification_id}/assignment", "notification", _taken
)


async def _request_of(here: Ports, notification_id: str) -> str:
    notice = await here.notices.get(notification_id)
    if notice is None:
        raise UnknownNotice
    return notice.request_id


def _may_read(caller: Principal, last: TrackedNotice) -> bool:
    """Applicants may read their own, administrators their agency's, auditors their agency's or all.

    `last` is the request's latest notice. After a correction, the applicant whom it names may read
    all of them.
    """
    return (
        (caller.has("applicant") and caller.subject.casefold() == last.account.casefold())
        or (caller.has("administrator") and caller.agency == last.agency)
        or (caller.has("auditor") and caller.agency in ("", last.agency))
    )
