"""An agency's words for its notices: read, saved, previewed, and reset to the default, over HTTP."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Query
from starlette.responses import Response

from bmt.chassis.eventsourcing.execution import Executed
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse
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
from bmt.contracts.events import About, RequestFacts
from bmt.contracts.http.notification import (
    InBothLanguages,
    NoticePart,
    NoticePreview,
    PreviewAs,
    PreviewTemplate,
    RestoreDefault,
    SaveTemplate,
    Template,
    TemplateVersion,
    Variable,
    Words,
)
from bmt.contracts.values import Applicant, ReplyChannel, Submitter
from services.notification.channels import body as email_body
from services.notification.domain.errors import UnknownTemplate
from services.notification.domain.events import TemplateSaved
from services.notification.domain.notice import OutgoingNotice, Text
from services.notification.domain.template import (
    ALLOWED,
    MEANINGS,
    REQUIRED,
    SaveWords,
    require_sound,
)
from services.notification.ports import Here, Ports
from services.notification.views import key_of
from services.notification.wording.composer import DEFAULT, Composer, OwnWords
from services.notification.wording.english import ENGLISH
from services.notification.wording.malay import MALAY

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


router = api_router(tags=["templates"])
"""An administrator has access to the own agency's."""


@router.get(
    "/v1/templates",
    summary="The words of each notice of the agency, and the variables that they may hold",
    responses=problems("not_found"),
)
async def listed(here: Here, caller: Reader, page: TemplatePage) -> Page[Template]:
    _require_known(here, caller.agency)
    keys = {about: key_of(caller.agency, about) for about in ALLOWED}
    found = await here.templates.get_many(list(keys.values()))
    templates = [_shown(here, caller.agency, about, found.get(key)) for about, key in keys.items()]
    first = page.after[0] if page.after else 0
    places = list(enumerate(templates, start=1))[first : first + page.lookahead]
    numbers = IN_ORDER.page(places, page, key=lambda place: (place[0],))
    return Page(items=[item for _, item in numbers.items], next_cursor=numbers.next_cursor)


@router.get(
    "/v1/templates/{about}",
    summary="The words of one notice: those in force, or an earlier version",
    responses=problems("not_found"),
)
async def one(here: Here, about: Id, caller: Reader, version: AsVersion = None) -> Template:
    agency, kind = caller.agency, _about(here, caller.agency, about)
    if version is None:
        return _shown(here, agency, kind, await here.templates.get(key_of(agency, kind)))
    template = await here.execution.state(_stream(agency, kind))
    if version > template.version:
        raise UnknownTemplate
    return _shown(here, agency, kind, template.saved[version - 1] if version else None)


@router.get(
    "/v1/templates/{about}/versions",
    summary="Every version of the words of one notice, the newest first; 0 are those that bmt brings",
    responses=problems("not_found"),
)
async def versions(
    here: Here, about: Id, caller: Reader, page: TemplatePage
) -> Page[TemplateVersion]:
    kind = _about(here, caller.agency, about)
    template = await here.execution.state(_stream(caller.agency, kind))
    every = [version_of(kind, None), *(version_of(kind, one) for one in template.saved)]
    before = page.after[0] if page.after else len(every)
    found = every[max(before - page.lookahead, 0) : before]
    return IN_ORDER.page(found[::-1], page, key=lambda one: (one.version,))


@router.put(
    "/v1/templates/{about}",
    summary="Use these words from now on",
    response_model=Template,
    responses=problems("not_found", "template_changed", "validation_failed"),
)
async def save(here: Here, about: Id, body: SaveTemplate, context: Saving) -> JsonResponse:
    """Both languages are needed, with the variables that are required.

    409 `template_changed`, with the `version` in force: somebody saved meanwhile.
    """
    executed = await _save(here, about, body.words, body, context)
    return answer(executed, _saved(here, executed))


@router.post(
    "/v1/templates/{about}/default",
    summary="Use the words that bmt brings from now on",
    status_code=201,
    response_model=Template,
    responses=problems("not_found", "template_changed"),
)
async def restore(here: Here, about: Id, body: RestoreDefault, context: Saving) -> JsonResponse:
    executed = await _save(here, about, None, body, context)
    return answer(executed, _saved(here, executed), 201)


@router.post(
    "/v1/templates/{about}/preview",
    summary="The notice as users would read it, with sample values; nothing is saved or sent",
    response_class=Response,
    responses={**_PREVIEW, **problems("not_found", "validation_failed")},
)
async def preview(
    here: Here,
    about: Id,
    context: Saving,
    body: PreviewTemplate = _IN_FORCE,
    as_: Annotated[PreviewAs, Query(alias="as")] = "text",
) -> Response:
    channel: ReplyChannel = "email" if as_ == "text" else as_
    agency = context.principal.agency
    kind = _about(here, agency, about)
    words = await _words_to_preview(here, agency, kind, body.words)
    outgoing = sample_notice(here.composer, agency, kind, words, channel)
    if as_ == "text":
        return JsonResponse(_as_text(outgoing))
    rendered = await here.renders[channel](outgoing)
    return Response(rendered.content, media_type=rendered.media_type)


async def _save(
    here: Ports,
    name: str,
    words: Words | None,
    body: SaveTemplate | RestoreDefault,
    context: CommandContext,
) -> Executed:
    """Use these words from now on. None: the default words.

    Raises:
        Refused: as the decider says.
    """
    agency = context.principal.agency
    about = _about(here, agency, name)
    by = Submitter(subject=context.principal.subject, role="administrator")
    command = SaveWords(agency, about, words, body.why, body.version, by, here.clock())
    return await here.execution.execute(context.to_command(_stream(agency, about), command))


def _saved(here: Ports, executed: Executed) -> Template:
    (event,) = executed.commit.events
    saved = TemplateSaved.model_validate(event.data)
    return _shown(here, saved.agency, saved.about, saved)


async def _words_to_preview(here: Ports, agency: str, about: About, words: Words | None) -> Words:
    """These words; None: those in force.

    Raises:
        TemplateWrong: these words could not be saved.
    """
    if words is not None:
        require_sound(about, words)
        return words
    saved = await here.templates.get(key_of(agency, about))
    return (saved.words if saved else None) or DEFAULT[about]


def _shown(here: Ports, agency: str, about: About, saved: TemplateSaved | None) -> Template:
    """A version of the words of one notice. None: version 0, the default."""
    version = version_of(about, saved)
    return Template(
        agency=agency,
        about=about,
        variables=variables(here.composer, agency, about),
        **{name: getattr(version, name) for name in TemplateVersion.model_fields},
    )


def version_of(about: About, saved: TemplateSaved | None) -> TemplateVersion:
    """A version of the words, without what every version has. None: version 0, the default."""
    own = saved.words if saved else None
    return TemplateVersion(
        version=saved.version if saved else 0,
        is_default=own is None,
        words=own or DEFAULT[about],
        why=saved.why if saved else None,
        saved_by=saved.saved_by.subject if saved else None,
        saved_at=saved.saved_at if saved else None,
    )


def _about(here: Ports, agency: str, name: str) -> About:
    """The notice of this name.

    Raises:
        UnknownTemplate: there is no such agency or notice.
    """
    _require_known(here, agency)
    for about in ALLOWED:
        if about == name:
            return about
    raise UnknownTemplate


def _require_known(here: Ports, agency: str) -> None:
    if agency not in here.agencies:
        raise UnknownTemplate


def _stream(agency: str, about: About) -> str:
    return f"template-{key_of(agency, about)}"


def _as_text(outgoing: OutgoingNotice) -> NoticePreview:
    content = outgoing.notice.words
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


# Sample values: a made-up request.

_RECEIVED: Final = datetime(2026, 1, 5, 1, 30, tzinfo=UTC)
_HAPPENED: Final = datetime(2026, 1, 7, 6, 15, tzinfo=UTC)
_GB: Final = 1_000_000_000
_REQUEST_ID: Final = "019b8c00-0000-7000-8000-000000000000"
_SIZES: Final = {"quota_bytes": 10 * _GB, "max_file_size_bytes": 2 * _GB}
_APPLICANT: Final = Applicant(
    account="nur.aisyah@contoh.gov.my",
    name="Nur Aisyah binti Rahman",
    email="nur.aisyah@contoh.gov.my",
)
_DETAILS: Final[Mapping[About, Mapping[str, Any]]] = {
    "acknowledgement": _SIZES,
    "configured": _SIZES,
    "approved": {"reason": "Portal IPMS tidak dapat dihubungi sejak pagi ini."},
    "rejected": {"reason": "Akaun pemohon tidak lagi aktif di agensi ini."},
    "returned": {"reason": "Sila lampirkan memo kelulusan ketua jabatan."},
}


def sample_notice(
    composer: Composer, agency: str, about: About, words: Words, channel: ReplyChannel
) -> OutgoingNotice:
    """A notice about a made-up request."""
    request, at = _request(agency, about, channel), _at(about)
    own = OwnWords(words, version=0)
    notice = composer.notice(_REQUEST_ID, at, request, about, own, **_DETAILS.get(about, {}))
    return OutgoingNotice(request, notice, in_reply_to=None, wanted_since=at)


def variables(composer: Composer, agency: str, about: About) -> tuple[Variable, ...]:
    """The variables that a template of this notice may contain, with sample values."""
    request = _request(agency, about, "email")
    case = composer.case(_at(about), request, about, **_DETAILS.get(about, {}))
    in_malay, in_english = MALAY.values(case), ENGLISH.values(case)
    return tuple(
        Variable(
            name=name,
            meaning=InBothLanguages(malay=MEANINGS[name].malay, english=MEANINGS[name].english),
            required=name in REQUIRED[about],
            sentence=MEANINGS[name].is_sentence,
            sample=InBothLanguages(malay=in_malay[name] or "", english=in_english[name] or ""),
        )
        for name in ALLOWED[about]
    )


def _at(about: About) -> datetime:
    return _RECEIVED if about == "acknowledgement" else _HAPPENED


def _request(agency: str, about: About, channel: ReplyChannel) -> RequestFacts:
    is_termination = about == "terminated"
    return RequestFacts(
        request_id=_REQUEST_ID,
        reference=f"BMT-{agency}-2026-7K3QF9ZT",
        kind="termination" if is_termination else "application",
        agency=agency,
        applicant=_APPLICANT,
        channel="form",
        reply_through=channel,
        quota_bytes=None if is_termination else _SIZES["quota_bytes"],
        max_file_size_bytes=None if is_termination else _SIZES["max_file_size_bytes"],
        received_at=_RECEIVED,
        policy_version="",
    )
