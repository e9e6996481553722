"""Scanned paper over HTTP: a batch becomes one item of the inbox a paper."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from bmt.agencies.agency import Agency
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.runtime.documents import Received, receive
from bmt.contracts.http.intake import ScanAccepted
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import PaperChannel
from services.intake import answers
from services.intake.access import caller_of
from services.intake.channels.media_types import JPEG, PDF, PNG, TIFF
from services.intake.channels.upload import document_of
from services.intake.domain.commands import ReceiveScan
from services.intake.domain.events import ScanReceived
from services.intake.domain.state import Scanned
from services.intake.domain.submission import Caller
from services.intake.scanning.batch import MOST_PAGES
from services.intake.scanning.reception import Handed, Layer, Scans

SCANNED: Final = (PDF, TIFF, JPEG, PNG)

Scanning = Annotated[CommandContext, Depends(command("administrator", streamed=True))]


def routes(
    execution: Execution[Any, Any], scans: Scans, layer: Layer, most_bytes: int
) -> APIRouter:
    """The route of scans; one may have at most `most_bytes`."""
    api = api_router(tags=["inbox"])

    @api.post(
        "/v1/scans",
        status_code=201,
        response_model=ScanAccepted,
        responses=problems(
            "forbidden",
            "too_large",
            "unsupported_media_type",
            "validation_failed",
            "channel_not_allowed",
        ),
        summary="Hand in scanned paper",
        description=f"The raw bytes, at most {most_bytes} and {MOST_PAGES} pages. The batch is taken "
        "apart wherever a page bears a code of ours: a printed form, a cover sheet (which is left "
        "out), a paper about a request. Each paper waits in the inbox; the batch is kept whole.",
        openapi_extra={"requestBody": _body()},
        max_body_size=most_bytes,
    )
    async def scan(
        request: Request,
        context: Scanning,
        channel: Annotated[
            PaperChannel | None, Query(description="of the papers whose code tells none")
        ] = None,
    ) -> JsonResponse:
        _require_scanned(request)
        caller = caller_of(context.principal)
        home = scans.home_of(caller, channel)
        received = await receive(request.stream(), most_bytes)
        with received.content:
            handed = await _handed(request, received, channel)
            context = context.of_body("POST", f"/v1/scans?channel={channel or ''}", received.digest)
            stream = f"scan-{context.causation.removeprefix('cmd:')}"
            before = await execution.state(stream)
            what = (
                _again(before.scan, home, caller)
                if isinstance(before, Scanned)
                else await scans.take_in(handed, home, caller)
            )
        executed = await execution.execute(
            Message(stream, context.causation, context.fingerprint, what, context.traceparent)
        )
        crash_points.reached("intake.scans_api.received")
        await layer.lay(ScanReceived.model_validate(executed.commit.events[0].data))
        return answer(executed, answers.scan_accepted(executed.commit), 201)

    return api


async def _handed(request: Request, received: Received, channel: PaperChannel | None) -> Handed:
    headers = request.headers
    batch = await document_of(
        received, headers.get("content-type", ""), headers.get("content-disposition")
    )
    return Handed(batch, received, channel)


def _again(scan: ScanReceived, home: Agency, caller: Caller) -> ReceiveScan:
    """What was received under this key before is not read once more."""
    return ReceiveScan(scan.batch, scan.page_count, scan.papers, home, caller, scan.received_at)


def _body() -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {"required": True, "content": dict.fromkeys(SCANNED, binary)}


def _require_scanned(request: Request) -> None:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared not in SCANNED:
        wrong = FieldError.of("/header/content-type", "kind_not_taken", kinds=tuple(SCANNED))
        raise Refused(
            wrong.detail,
            problem="unsupported_media_type",
            extra={"allowed": list(SCANNED)},
            errors=(wrong,),
        )
