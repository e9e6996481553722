"""An agency's words for its notices over HTTP: read, saved, tried out, put back."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page, PageRequest, Paging
from bmt.chassis.http.responses import JsonResponse
from bmt.contracts.http.notification import (
    NoticePart,
    NoticePreview,
    PreviewAs,
    PreviewTemplate,
    RestoreDefault,
    SaveTemplate,
    Template,
)
from bmt.contracts.values import ReplyChannel
from services.notification.channels.email import body as email_body
from services.notification.channels.rendered import Render
from services.notification.domain.notice import Text
from services.notification.domain.state import OutgoingNotice
from services.notification.templates.desk import TemplateDesk

IN_ORDER: Final = Paging(tuple[int, ...])
MOST_VERSIONS: Final = 1_000_000

Reader = Annotated[Principal, Depends(require("administrator"))]
Saving = Annotated[CommandContext, Depends(command("administrator"))]
TemplatePage = Annotated[PageRequest[tuple[int, ...]], Depends(IN_ORDER)]
AsVersion = Annotated[int | None, Query(ge=0, le=MOST_VERSIONS, description="default: in force")]

_IN_FORCE: Final = PreviewTemplate()
_PREVIEW: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": NoticePreview,
        "description": "The notice with sample values; with `as`, the e-mail's bytes or a PDF.",
        "content": {"application/pdf": {}, "message/rfc822": {}},
    }
}


def routes(desk: TemplateDesk, renders: Mapping[ReplyChannel, Render]) -> APIRouter:
    """The calls of templates: each administrator for the own agency."""
    routes = api_router(tags=["templates"])

    @routes.get(
        "/v1/templates",
        summary="The words of each notice of the agency, and the variables that they may hold",
        responses=problems("not_found"),
    )
    async def listed(caller: Reader, page: TemplatePage) -> Page[Template]:
        told = await desk.all_of(caller.agency)
        first = page.after[0] if page.after else 0
        places = list(enumerate(told, start=1))[first : first + page.lookahead]
        numbers = IN_ORDER.page(places, page, key=lambda place: (place[0],))
        return Page(items=[item for _, item in numbers.items], next_cursor=numbers.next_cursor)

    @routes.get(
        "/v1/templates/{about}",
        summary="The words of one notice: those in force, or an earlier version",
        responses=problems("not_found"),
    )
    async def one(about: Id, caller: Reader, version: AsVersion = None) -> Template:
        return await desk.one_of(caller.agency, about, version)

    @routes.put(
        "/v1/templates/{about}",
        summary="Use these words from now on",
        response_model=Template,
        responses=problems("not_found", "template_changed", "validation_failed"),
    )
    async def save(about: Id, body: SaveTemplate, context: Saving) -> JsonResponse:
        """Both languages are needed, with the variables that are required.

        409 `template_changed`, with the `version` in force: somebody saved meanwhile.
        """
        executed = await desk.save(about, body.words, body.why, body.version, context)
        return answer(executed, desk.saved(executed))

    @routes.post(
        "/v1/templates/{about}/default",
        summary="Use the words that bmt brings from now on",
        status_code=201,
        response_model=Template,
        responses=problems("not_found", "template_changed"),
    )
    async def restore(about: Id, body: RestoreDefault, context: Saving) -> JsonResponse:
        executed = await desk.save(about, None, body.why, body.version, context)
        return answer(executed, desk.saved(executed), 201)

    @routes.post(
        "/v1/templates/{about}/preview",
        summary="The notice as users would read it, with sample values; nothing is saved or sent",
        response_class=Response,
        responses={**_PREVIEW, **problems("not_found", "validation_failed")},
    )
    async def preview(
        about: Id,
        context: Saving,
        body: PreviewTemplate = _IN_FORCE,
        as_: Annotated[PreviewAs, Query(alias="as")] = "text",
    ) -> Response:
        channel: ReplyChannel = "email" if as_ == "text" else as_
        outgoing = await desk.tried(context.principal.agency, about, body.words, channel)
        if as_ == "text":
            return JsonResponse(_as_text(outgoing))
        rendered = await renders[channel](outgoing)
        return Response(rendered.content, media_type=rendered.media_type)

    return routes


def _as_text(outgoing: OutgoingNotice) -> NoticePreview:
    content = outgoing.notice.content
    return NoticePreview(
        about=outgoing.notice.about,
        subject=content.subject,
        malay=_part(content.malay),
        english=_part(content.english),
        text=email_body(outgoing),
    )


def _part(text: Text) -> NoticePart:
    facts = tuple((fact.label, fact.value) for fact in text.facts)
    quoted = (text.quoted.label, text.quoted.value) if text.quoted else None
    return NoticePart(**text.model_dump(exclude={"facts", "quoted"}), facts=facts, quoted=quoted)
