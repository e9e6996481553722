"""The auditor's pages: what the API tells, for people; each look is remembered as the API's are."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.contracts.values import LARGEST_EXACT_INTEGER
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted
from services.records import downloads
from services.records.api import by_received
from services.records.bundle.export import Exporter
from services.records.callers import reader_of
from services.records.domain.disposals import GONE
from services.records.pages import wording
from services.records.pages.asked import criteria as asked_for
from services.records.pages.choices import agencies_of
from services.records.pages.proving import proven
from services.records.pages.timeline import timeline
from services.records.reading_room import Criteria, FilesPage, ReadingRoom
from services.records.time_machine import Until
from services.records.tree.notes import Signer
from services.records.views import FileEntry

RequestId = Annotated[str, Path(max_length=64)]
Version = Annotated[int | None, Query(ge=1, le=LARGEST_EXACT_INTEGER)]


def routes(
    room: ReadingRoom,
    exporter: Exporter,
    signer: Signer,
    agencies: Agencies,
    layout: Layout,
    admitted: Admitted,
) -> APIRouter:
    """The pages, below the layout's prefix."""
    routes = APIRouter()
    caller = Depends(admitted)

    def page(request: Request, template: str, **told: Any) -> Response:
        return layout.page(request, template, wording=wording, gone=GONE, **told)

    @routes.get("/")
    async def search(
        request: Request,
        visitor: Annotated[Principal, caller],
        criteria: Annotated[Criteria, Depends(asked_for)],
        listed: Annotated[FilesPage, Depends(by_received)],
    ) -> Response:
        reader = reader_of(visitor)
        found = by_received.page(await room.search(reader, criteria, listed), listed, key=_place)
        return page(
            request,
            "search.html",
            found=found.items,
            more=_next(request, found.next_cursor),
            first_page=listed.after is None,
            asked=request.query_params,
            agencies=agencies_of(reader, agencies),
        )

    @routes.get("/records/{request_id}")
    async def record(
        request: Request,
        request_id: RequestId,
        visitor: Annotated[Principal, caller],
        version: Version = None,
    ) -> Response:
        reader = reader_of(visitor)
        file = await room.record(reader, request_id, Until(version=version))
        return page(
            request,
            "record.html",
            file=file,
            happenings=timeline(file.events),
            as_it_was=version is not None,
            agency=agencies.name_of(file.state.agency),
        )

    @routes.get("/records/{request_id}/verification")
    async def verification(
        request: Request, request_id: RequestId, visitor: Annotated[Principal, caller]
    ) -> Response:
        bundle = await exporter.bundle(reader_of(visitor), request_id, taken_away=False)
        keys = [str(key) for key in signer.verifiers]
        found = await asyncio.to_thread(proven, bundle, keys)
        return page(request, "verification.html", request_id=request_id, found=found)

    @routes.get("/records/{request_id}/bundle")
    async def bundle(request_id: RequestId, visitor: Annotated[Principal, caller]) -> Response:
        made = await exporter.bundle(reader_of(visitor), request_id)
        return downloads.archive(request_id, made)

    @routes.get("/documents/{document_id}")
    async def document(
        document_id: Annotated[str, Path(max_length=128)],
        visitor: Annotated[Principal, caller],
    ) -> Response:
        return await downloads.document(room, reader_of(visitor), document_id)

    return routes


def _place(entry: FileEntry) -> tuple[datetime, str]:
    return entry.received_at, entry.request_id


def _next(request: Request, cursor: str | None) -> str | None:
    """The address of the page after this one."""
    if cursor is None:
        return None
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name != "cursor" and value
    ]
    return "?" + urlencode([*kept, ("cursor", cursor)])
