"""Notification over HTTP: the notices, their messages, papers handed over, and e-mails sent again."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from starlette.responses import StreamingResponse

from bmt.chassis.eventsourcing.event_store import Commit
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page, PageRequest, Paging
from bmt.chassis.http.responses import JsonResponse, file_response
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentStore
from bmt.chassis.work.queue import WorkQueue
from bmt.contracts.http.notification import (
    DispatchPaper,
    NoticeStatus,
    Notification,
    PaperDispatched,
    ResendAccepted,
    WaitingNotification,
)
from bmt.contracts.values import ReplyChannel
from services.notification import handlers, views
from services.notification.domain.errors import NotPreparedYet, UnknownNotice, UnknownRequest
from services.notification.views import Notices, Told


def paper_dispatched(commit: Commit) -> PaperDispatched:
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


IN_ORDER: Final = Paging(tuple[str, str])
BY_REQUESTED_SERVICE: Final = Paging(tuple[AwareDatetime, str])

Reader = Annotated[Principal, Depends(require("applicant", "administrator", "auditor"))]
Looker = Annotated[Principal, Depends(require("applicant", "administrator", "auditor", "operator"))]
AdministratorsCommand = Annotated[CommandContext, Depends(command("administrator"))]
ResendersCommand = Annotated[CommandContext, Depends(command("administrator", "operator"))]
Clerk = Annotated[Principal, Depends(require("administrator", "operator"))]
WaitingPage = Annotated[PageRequest[views.ByRequestedService], Depends(BY_REQUESTED_SERVICE)]
NoticePage = Annotated[PageRequest[views.InOrder], Depends(IN_ORDER)]

_NO_BODY: Final = DispatchPaper()
_MESSAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The bytes as stored: a PDF, or the e-mail as it was sent.",
        "content": {"application/pdf": {}, "message/rfc822": {}},
    }
}


def routes(
    execution: Execution[Any, Any],
    notices: Notices,
    documents: DocumentStore,
    clock: Clock,
) -> APIRouter:
    """The calls of notification. What a caller may read depends on the role."""
    routes = api_router(tags=["notification"])

    @routes.get(
        "/v1/requests/{request_id}/notifications",
        summary="What the applicant was told of a request, and is about to be",
        responses=problems("not_found"),
    )
    async def notifications(request_id: Id, caller: Looker, page: NoticePage) -> Page[Notification]:
        last = await views.latest(notices, request_id)
        if last is None or not (_may_read(caller, last) or caller.has("operator")):
            raise UnknownRequest
        found = await views.of_request(notices, request_id, page)
        shown = IN_ORDER.page(found, page, key=lambda one: (one.place, one.notification_id))
        items = [one.as_listed() for one in shown.items]
        return Page(items=items, next_cursor=shown.next_cursor)

    @routes.get(
        "/v1/notifications/{notification_id}/document",
        summary="The paper as a PDF, or the e-mail as it is sent",
        response_class=StreamingResponse,
        responses={**_MESSAGE, **problems("not_found")},
    )
    async def document(notification_id: Id, caller: Reader) -> StreamingResponse:
        notice = await notices.get(notification_id)
        last = await views.latest(notices, notice.request_id) if notice else None
        if notice is None or last is None or not _may_read(caller, last):
            raise UnknownNotice
        if notice.document_id is None:
            raise NotPreparedYet
        stored, chunks = await documents.open(notice.document_id)
        return file_response(
            chunks,
            filename=stored.filename,
            media_type=stored.media_type,
            size_bytes=stored.size_bytes,
            inline=True,
        )

    @routes.post(
        "/v1/notifications/{notification_id}/dispatch",
        summary="A paper was handed over",
        status_code=201,
        response_model=PaperDispatched,
        responses=problems("not_found", "not_for_this_notice", "validation_failed"),
    )
    async def dispatch(
        notification_id: Id, context: AdministratorsCommand, body: DispatchPaper = _NO_BODY
    ) -> JsonResponse:
        request_id = await _request_of(notification_id)
        message = handlers.dispatch(request_id, notification_id, body.note, context)
        executed = await execution.execute(message)
        return answer(executed, paper_dispatched(executed.commit), 201)

    @routes.post(
        "/v1/notifications/{notification_id}/resend",
        summary="Send the same e-mail once more, one that was refused included",
        status_code=202,
        response_model=ResendAccepted,
        responses=problems("not_found", "not_for_this_notice"),
    )
    async def resend(notification_id: Id, context: ResendersCommand) -> JsonResponse:
        request_id = await _request_of(notification_id)
        message = handlers.resend(request_id, notification_id, context, clock)
        executed = await execution.execute(message)
        accepted = ResendAccepted(request_id=request_id, notification_id=notification_id)
        return answer(executed, accepted, 202)

    async def _request_of(notification_id: str) -> str:
        notice = await notices.get(notification_id)
        if notice is None:
            raise UnknownNotice
        return notice.request_id

    return routes


def queue_routes(notices: Notices, work: WorkQueue) -> APIRouter:
    """The list of notices that were not delivered yet."""
    routes = api_router(tags=["notification"])

    @routes.get(
        "/v1/notifications",
        summary="Papers to hand over, e-mails that wait, and those that were refused: the oldest first",
    )
    async def queue(
        caller: Clerk,
        page: WaitingPage,
        status: Annotated[
            NoticeStatus | None, Query(description="default: all that were not told")
        ] = None,
        channel: Annotated[ReplyChannel | None, Query(description="default: all")] = None,
    ) -> Page[WaitingNotification]:
        """Administrators see their own agency's, operators all."""
        agency = None if caller.has("operator") else caller.agency
        statuses = views.UNTOLD if status is None else (status,)
        found = await views.found(notices, agency, statuses, channel, page)
        shown = BY_REQUESTED_SERVICE.page(
            found, page, key=lambda one: (one.wanted_since, one.notification_id)
        )
        items = await views.told(shown.items, work)
        return Page(items=items, next_cursor=shown.next_cursor)

    return routes


def _may_read(caller: Principal, last: Told) -> bool:
    """Applicants may read their own, administrators their agency's, auditors their agency's or all.

    `last` is the request's latest notice. After a correction, the applicant whom it names may read
    all of them.
    """
    return (
        (caller.has("applicant") and caller.subject.casefold() == last.account.casefold())
        or (caller.has("administrator") and caller.agency == last.agency)
        or (caller.has("auditor") and caller.agency in ("", last.agency))
    )
