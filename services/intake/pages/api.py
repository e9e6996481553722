"""The addresses of the users' pages. Each form issues the same command as the API."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.contracts.http.intake import ReasonGiven
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.requests import CorrectionHandedIn, SubmitRequest
from bmt.contracts.values import Kind
from services.intake import blank_papers
from services.intake.access import caller_of
from services.intake.api import NewestPage
from services.intake.blank_papers import BlankPapers
from services.intake.channels.upload import Uploads
from services.intake.correcting import Corrections
from services.intake.domain.request import Received, WithdrawRequest, request_stream
from services.intake.drafts import Draft, Drafts, DraftTooLarge
from services.intake.handlers import Reception
from services.intake.pages.attachments import MOST, Attachments, most_bytes
from services.intake.pages.desk import MAY_CORRECT, Correcting, Desk
from services.intake.pages.submission_form import SubmissionForm, checked
from services.intake.queries import Requests, known_of
from services.intake.settings import Settings
from web import session
from web.application import pages
from web.forms import FormWrong, Sent, new_key, refusal, sent, validated
from web.layout import Layout
from web.login import Admitted, SignInFirst

PREFIX: Final = "/my"
ROOM: Final = Path(__file__).parent
SAVE: Final = "save_draft"
DISCARD: Final = "discard_draft"
"""The names of the buttons other than the one that sends the form."""
_SEE_OTHER: Final = 303

Form = Annotated[Sent, Depends(sent)]


def site(
    settings: Settings,
    builder: ServiceBuilder,
    requests: Requests,
    corrections: Corrections,
    reception: Reception,
    uploads: Uploads,
    drafts: Drafts,
    blanks: BlankPapers,
) -> APIRouter:
    """The pages of applicants; administrators may use them, too."""
    admitted = Admitted("applicant", "administrator")
    execution, largest = builder.execution, settings.document_max_bytes
    attachments = Attachments(uploads, reception.rights, largest)

    def routes(layout: Layout) -> Sequence[APIRouter]:
        desk = Desk(requests, reception.agencies, layout)
        return [
            _own_requests(desk, execution, admitted),
            _new_requests(desk, execution, attachments, drafts, reception, admitted),
            _corrections(desk, execution, attachments, corrections, reception, admitted),
            blank_papers.page_routes(blanks, admitted),
        ]

    return pages(settings, builder, PREFIX, ROOM, routes, most_bytes=most_bytes(largest))


def _own_requests(desk: Desk, execution: Execution[Any, Any], admitted: Admitted) -> APIRouter:
    routes = APIRouter()
    caller = Depends(admitted)

    @routes.get("/")
    async def listed(
        request: Request, visitor: Annotated[Principal, caller], page: NewestPage
    ) -> Response:
        return await desk.listed(request, visitor, page)

    @routes.get("/requests/{request_id}")
    async def one(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        return await desk.one(request, request_id, visitor, new_key())

    @routes.post("/requests/{request_id}")
    async def withdraw(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller], sent: Form
    ) -> Response:
        known = await desk.own(request_id, visitor)
        try:
            given = validated(ReasonGiven, {"reason": sent.text("reason").strip()})
            command = WithdrawRequest(given.reason, caller_of(visitor), known_of(known))
            stream = request_stream(request_id)
            await execution.execute(sent.context(visitor).to_command(stream, command))
        except (Refused, CausationReused) as error:
            return await desk.one(request, request_id, visitor, new_key(), refusal(error))
        return RedirectResponse(f"{PREFIX}/requests/{request_id}", _SEE_OTHER)

    return routes


def _new_requests(
    desk: Desk,
    execution: Execution[Any, Any],
    attachments: Attachments,
    drafts: Drafts,
    reception: Reception,
    admitted: Admitted,
) -> APIRouter:
    routes = APIRouter()
    caller = Depends(admitted)

    @routes.get("/new/{kind}")
    async def form_of(
        request: Request, kind: Kind, visitor: Annotated[Principal, caller]
    ) -> Response:
        draft = await drafts.find(visitor.subject, kind)
        form = SubmissionForm.left(draft) if draft else SubmissionForm(typed={"kind": kind})
        return desk.form(request, visitor, kind, form)

    @routes.post("/new/{kind}")
    async def submit(
        request: Request, kind: Kind, visitor: Annotated[Principal, caller]
    ) -> Response:
        sent, form = await attachments.filled(request, visitor)
        if sent.text(DISCARD):
            await drafts.discard(visitor.subject, kind)
            return _again(kind)
        try:
            form, faults = await attachments.attached(sent, form, visitor)
            if sent.text(SAVE):
                draft = form.draft(reception.clock())
                await drafts.save(visitor.subject, kind, draft)
                return _left(request, visitor, kind, SubmissionForm.left(draft), faults)
            wanted = form.wanted(visitor, faults)
            body = await checked(SubmitRequest, wanted, caller_of(visitor), reception.judge)
            command = await reception.receive_request(body, caller_of(visitor))
            stream, context = request_stream(command.request_id), sent.context(visitor)
            executed = await execution.execute(
                context.to_command(stream, command, begins_stream=True)
            )
        except (Refused, CausationReused) as error:
            await _renamed(drafts, visitor, kind, sent.key, form.draft(reception.clock()))
            return desk.form(request, visitor, kind, form, refusal(error))
        except Unavailable:
            # It may have been received all the same: the same key keeps it from being received twice.
            away = Refused(problem="unavailable")
            return desk.form(request, visitor, kind, replace(form, key=sent.key), away)
        # A draft that a crash leaves here has this form's key: sent again, it is the same request.
        await drafts.discard(visitor.subject, kind, sent.key)
        return _led_to(executed.commit.subject, "new")

    def _left(
        request: Request,
        visitor: Principal,
        kind: Kind,
        form: SubmissionForm,
        faults: Sequence[FieldError],
    ) -> Response:
        """A draft may have errors; but a file that was refused is not in it."""
        if not faults:
            return _again(kind)
        return desk.form(request, visitor, kind, form, FormWrong(errors=tuple(faults)))

    return routes


async def _renamed(drafts: Drafts, visitor: Principal, kind: Kind, key: str, draft: Draft) -> None:
    """A refused form gets a new key, and so does its draft."""
    kept = await drafts.find(visitor.subject, kind)
    if kept is not None and kept.key == key:
        with suppress(DraftTooLarge):
            await drafts.save(visitor.subject, kind, draft)


def _again(kind: Kind) -> Response:
    return RedirectResponse(f"{PREFIX}/new/{kind}", _SEE_OTHER)


def _corrections(
    desk: Desk,
    execution: Execution[Any, Any],
    attachments: Attachments,
    corrections: Corrections,
    reception: Reception,
    admitted: Admitted,
) -> APIRouter:
    routes = APIRouter()
    caller = Depends(admitted)

    async def corrected(request_id: str, visitor: Principal) -> tuple[Correcting, Received]:
        known = await desk.own(request_id, visitor)
        state: Received = await execution.state(request_stream(request_id))
        return Correcting(known, state.came_with), state

    @routes.get("/requests/{request_id}/correction")
    async def before(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        correcting, state = await corrected(request_id, visitor)
        known = correcting.request
        if known.status not in MAY_CORRECT:
            problem = "already_decided" if known.decision else "request_closed"
            refused = Refused(problem=problem)
            return await desk.one(request, request_id, visitor, new_key(), refused)
        form = SubmissionForm.again(state)
        return desk.form(request, visitor, known.facts.kind, form, correcting=correcting)

    @routes.post("/requests/{request_id}/correction")
    async def correct(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        correcting, state = await corrected(request_id, visitor)
        if (signed_in := session.of(request)) is None:
            raise SignInFirst
        sent, form = await attachments.filled(request, visitor)
        try:
            most = len(state.last.documents) + MOST
            form, faults = await attachments.attached(sent, form, visitor, most)
            wanted = form.wanted(visitor, faults, says_why=correcting.reason is None)
            body = await checked(CorrectionHandedIn, wanted, caller_of(visitor), reception.judge)
            context = sent.context(visitor)
            await corrections.correct(request_id, body, context, signed_in.access_token)
        except (Refused, CausationReused) as error:
            refused = refusal(error)
        except Unavailable:
            # It may have been received all the same: the same key keeps it from being received twice.
            form, refused = replace(form, key=sent.key), Refused(problem="unavailable")
        else:
            return _led_to(request_id, "corrected")
        kind = correcting.request.facts.kind
        return desk.form(request, visitor, kind, form, refused, correcting=correcting)

    return routes


def _led_to(request_id: str, came: Literal["new", "corrected"]) -> Response:
    return RedirectResponse(f"{PREFIX}/requests/{request_id}?{came}=1", _SEE_OTHER)
