"""The pages of notices: those to print and hand over, those to be sent, those that failed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query
from pypdf import PdfReader, PdfWriter
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id, Page
from bmt.contracts.http.assignments import Whose
from bmt.contracts.http.notification import (
    DispatchPaper,
    NoticeStatus,
    PaperDispatched,
    ResendAccepted,
    WaitingNotification,
)
from bmt.contracts.problems import STATUS, FieldError, Refused
from web.clients import VisitorClient, address, part
from web.console import desk, wording
from web.console.desk import ASSIGN, Listing, PageQuery, Paging, assign_all, for_each
from web.console.worklist import KEEP, named
from web.forms import Form, FormWrong, SubmittedForm, field_faults, new_key, validated
from web.ports import Administrator, Visit

MOST_CHOSEN: Final = 100
"""Papers that are printed, handed over or taken at once."""

_PDF: Final = b"%PDF-"
_PDF_TYPE: Final = "application/pdf"

router = APIRouter(prefix="/papers")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the papers that were chosen.

    Attributes:
        papers: as they were listed before; the list may be without them now.
        done: the ids of those that were handed over.
        refused: why not, by id.
    """

    papers: Mapping[str, WaitingNotification] = field(default_factory=dict)
    done: Sequence[str] = ()
    refused: Mapping[str, Refused] = field(default_factory=dict)


_NOTHING: Final = Outcome()
_LIST: Final = address("notifications")
_NOTICES: Final = Page[WaitingNotification]


@dataclass(frozen=True, slots=True)
class NoticeListing(Listing):
    """The list's filters and order."""

    status: Annotated[NoticeStatus, Query()] = "prepared"
    assigned: Annotated[Whose | Literal[""], Query()] = ""
    order: Annotated[Literal["wanted_since", "recipient", "about"], Query()] = "wanted_since"


ListQuery = Annotated[NoticeListing, Depends()]


@router.get("")
async def listed(
    visit: Administrator,
    listing: ListQuery,
    paging: PageQuery,
    *,
    every: Annotated[bool, Query(alias="all")] = False,
) -> Response:
    """`all`: every paper on the page is chosen."""
    return await _page(visit, listing, paging, every=every)


@router.get(".csv")
async def exported(visit: Administrator, listing: ListQuery) -> Response:
    language = visit.language
    found = await desk.list_all(visit.client, "notification", _LIST, _NOTICES, listing.params())
    names = await named(visit.client, list({one.request_id for one in found}))
    rows = [
        (
            names[one.request_id].applicant.name if one.request_id in names else None,
            *(one.recipient, language.text(wording.ABOUT[one.about])),
            *(language.text(wording.CHANNEL[one.channel]), one.wanted_since),
            one.assignment.by.name if one.assignment else None,
            *(language.sentence(one.code) if one.code else None, one.reference),
        )
        for one in found
    ]
    return desk.as_file("papers", wording.EXPORTED["papers"], rows, language)


@router.post("")
async def act(visit: Administrator, form: Form, listing: ListQuery, paging: PageQuery) -> Response:
    """Prints, assigns or hands over the chosen papers, each by itself; or resends one e-mail."""
    chosen, note = form.texts("chosen"), form.text("note")
    if form.text(KEEP) and chosen:
        return await _page(visit, listing, paging, chosen=chosen, note=note)
    try:
        if resent := form.text("resend"):
            await _resend(visit.client, resent, form.key)
        if resent or form.text(KEEP):
            return visit.redirect(f"{visit.request.url.path}?{visit.request.url.query}")
        if not chosen:
            raise FormWrong(errors=(FieldError.of("/chosen", "choose_papers"),))
        if len(chosen) > MOST_CHOSEN:
            raise FormWrong(
                errors=(FieldError.of("/chosen", "too_many_items", maximum=MOST_CHOSEN),)
            )
        if form.text("do") == "print":
            return await _printed(visit.client, chosen)
        papers = await _papers(visit.client, listing)
        if action := form.text(ASSIGN):
            refused = await assign_all(visit.client, "notifications", chosen, action)
            outcome = Outcome(papers, (), refused)
            return await _page(visit, listing, paging, outcome, chosen=[*refused])
        outcome = await _handed_over(visit.client, chosen, form, papers)
    except Refused as refusal:
        return await _page(visit, listing, paging, chosen=chosen, note=note, refused=refusal)
    left = [*outcome.refused]
    return await _page(visit, listing, paging, outcome, chosen=left, note=note if left else "")


@router.get("/{notification_id}/document")
async def document(visit: Administrator, notification_id: Id) -> Response:
    content = await _document(visit.client, notification_id)
    is_paper = content.startswith(_PDF)
    name = f"{notification_id}.{'pdf' if is_paper else 'eml'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    media_type = _PDF_TYPE if is_paper else "message/rfc822"
    return Response(content, media_type=media_type, headers=headers)


async def _page(
    visit: Visit,
    listing: NoticeListing,
    paging: Paging,
    outcome: Outcome = _NOTHING,
    *,
    every: bool = False,
    chosen: Sequence[str] = (),
    note: str = "",
    refused: Refused | None = None,
) -> Response:
    tabs = asyncio.create_task(desk.tabs(visit.client))
    found: Page[WaitingNotification]
    try:
        found = await visit.client.get(
            "notification", _LIST, _NOTICES, {**listing.params(), **asdict(paging)}
        )
    except Unavailable:
        if not chosen:
            raise
        # The page shows the choice and the note, so that the form can be submitted again.
        found = Page(items=[], next_cursor=None)
    papers = [one.notification_id for one in found.items if is_paper(one)]
    beyond = [one for one in chosen if one not in papers]
    if beyond and not outcome.papers:
        outcome = replace(outcome, papers=await _papers(visit.client, listing))
    about = {one.request_id for one in (*found.items, *outcome.papers.values())}
    return visit.page(
        "papers.html",
        STATUS[refused.problem] if refused else None,
        found=found.items,
        more=found.next_cursor,
        listing=listing,
        tabs=await tabs,
        names=await named(visit.client, list(about)),
        may_choose=bool(papers),
        cursor=paging.cursor,
        chosen=papers if every else chosen,
        beyond=beyond,
        outcome=outcome,
        note=note,
        now=visit.here.clock(),
        key=new_key(),
        refused=refused,
        field_faults=field_faults(refused),
    )


def is_paper(notice: WaitingNotification) -> bool:
    """Whether there is a paper that can be handed over."""
    return notice.channel != "email" and notice.status in ("prepared", "superseded")


async def _papers(
    client: VisitorClient, listing: NoticeListing
) -> Mapping[str, WaitingNotification]:
    """The first notices of this status, by id: the page names the chosen ones after they left the list."""
    params = {"status": listing.status, "limit": desk.AT_ONCE}
    found = await part(client.get("notification", _LIST, _NOTICES, params))
    return {one.notification_id: one for one in found.items} if found else {}


async def _resend(client: VisitorClient, notification_id: str, key: str) -> None:
    path = address("notifications", notification_id, "resend")
    await client.post("notification", path, {}, ResendAccepted, key)


async def _document(client: VisitorClient, notification_id: str) -> bytes:
    path = address("notifications", notification_id, "document")
    return await client.download("notification", path)


async def _printed(client: VisitorClient, chosen: Sequence[str]) -> Response:
    """The papers as one PDF, in the list's order.

    Raises:
        Refused: one of them is not there.
    """
    whole = await asyncio.to_thread(_bound, [await _document(client, one) for one in chosen])
    headers = {"Content-Disposition": 'inline; filename="makluman.pdf"'}
    return Response(whole, media_type=_PDF_TYPE, headers=headers)


def _bound(papers: Sequence[bytes]) -> bytes:
    writer, whole = PdfWriter(), BytesIO()
    for paper in papers:
        if paper.startswith(_PDF):
            writer.append(PdfReader(BytesIO(paper)))
    writer.write(whole)
    return whole.getvalue()


async def _handed_over(
    client: VisitorClient,
    chosen: Sequence[str],
    form: SubmittedForm,
    papers: Mapping[str, WaitingNotification],
) -> Outcome:
    """The form's key and the paper name the call, so the same form hands each paper over once.

    Raises:
        FormWrong: the note.
    """
    note = form.text("note").strip()
    body = validated(DispatchPaper, {"note": note or None}).model_dump(exclude_none=True)

    async def hand_over(one: str) -> PaperDispatched:
        path, key = address("notifications", one, "dispatch"), f"{form.key}:{one}"
        return await client.post("notification", path, body, PaperDispatched, key)

    refused = await for_each(chosen, hand_over)
    return Outcome(papers, [one for one in chosen if one not in refused], refused)
