"""Tasks in bulk: IPMS' changes as a file for its portal's bulk change, and the portal's report, which completes them."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from fastapi import Response

from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Executed
from bmt.chassis.http.bodies import REPLAYED, JsonResponse, problem_body
from bmt.chassis.http.routes import CommandContext, api_router, problems
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.runtime.documents import Claimant
from bmt.contracts.faults import FaultValue
from bmt.contracts.http.provisioning import (
    BulkReport,
    ReportLine,
    ReportOutcome,
    ReportResults,
    Task,
)
from bmt.contracts.problems import FieldError, Refused
from services.provisioning.domain.configuration import CompleteTask
from services.provisioning.domain.errors import TaskFinished
from services.provisioning.handlers import stream_of
from services.provisioning.ports import Here, Ports
from services.provisioning.tasks import (
    TaskCommand,
    TaskOfficer,
    require_documents,
    task_officer,
)

MOST_LINES: Final = 1_000
MOST_BYTES: Final = 1024 * 1024
COLUMNS: Final = ("task_id", "account", "bmt_enabled", "max_file_size_bytes")
RESULT, MESSAGE = "result", "message"
_DONE: Final = frozenset({"ok", "done", "success", "berjaya", "selesai"})
_FAILED: Final = frozenset({"failed", "fail", "error", "gagal", "ralat"})
_LONGEST_MESSAGE: Final = 500
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""What Excel calls Unicode text."""
_SEPARATOR_LINE: Final = re.compile(r'\A"?sep=.?"?\r?\n', re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?(?:E\+?[0-9]{1,2})?", re.ASCII)


class ReportWrong(Refused):
    """The document is no report: it is no CSV, lacks a column, or is too long."""

    problem = "validation_failed"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report, with the columns that it has; `number` counts from 1, the heading included."""

    number: int
    values: Mapping[str, str]

    @property
    def task_id(self) -> str:
        return self.values.get("task_id", "")


router = api_router(tags=["tasks"])


@router.get(
    "/v1/tasks/bulk-changes",
    summary="All open tasks as a file for the portal's bulk change, due first at the top",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def bulk_changes(here: Here, caller: TaskOfficer) -> Response:
    """CSV (RFC 4180) in UTF-8: `task_id`, `account`, `bmt_enabled` (`true` or `false`) and `max_file_size_bytes`, absolute values.

    At most 1,000 lines; the others follow once these are completed.
    """
    query = Query(
        equal={"agency": caller.agency, "status": "open"}, order_by="due_at", limit=MOST_LINES
    )
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    rows.writerows(_line(task) for task in await here.tasks.find(query))
    headers = {"Content-Disposition": 'attachment; filename="bmt-bulk-changes.csv"'}
    return Response(written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    "/v1/tasks/bulk-report",
    summary="Complete the tasks that the portal's report of a bulk change says are done",
    response_model=ReportResults,
    responses=problems("validation_failed", "document_unknown", "too_large"),
)
async def bulk_report(here: Here, body: BulkReport, context: TaskCommand) -> JsonResponse:
    """The report was handed in with `POST /v1/documents` of intake, and becomes the evidence of each task.

    CSV in UTF-8, or in UTF-16 with its mark, separated by comma, semicolon or tab, with a heading: `task_id` and `result` (`ok`, `berjaya`, `failed`, `gagal`, ...)
    are needed; `account` and the settings are compared where they are there; `message` is passed on. Each line by
    itself: what failed, or is not as approved, stays open. The same report again completes nothing twice.
    """
    rows = await _rows(here, body, context)
    times = Counter(row.task_id for row in rows)
    found = await here.tasks.get_many([row.task_id for row in rows if row.task_id])
    own = {id_: task for id_, task in found.items() if task.agency == context.principal.agency}
    results = [_judged(row, own.get(row.task_id), times[row.task_id]) for row in rows]
    done = [place for place, one in enumerate(results) if one.outcome == "completed"]
    messages = [_completion(own[rows[place].task_id], body, context, here) for place in done]
    outcomes = await here.execution.execute_many(messages)
    for place, outcome in zip(done, outcomes, strict=True):
        if isinstance(outcome, Executed) and outcome.commit.refusal is None:
            continue
        results[place] = _not_completed(results[place], outcome)
    replayed = bool(outcomes) and all(isinstance(o, Executed) and o.replayed for o in outcomes)
    return JsonResponse(
        ReportResults(results=tuple(results)), headers={REPLAYED: "true"} if replayed else None
    )


def _line(task: Task) -> Sequence[str]:
    wanted = _wanted(task)
    return [task.task_id, task.account, *(wanted.get(name, "") for name in COLUMNS[2:])]


def _wanted(task: Task) -> Mapping[str, str]:
    """The task's settings, as the file has them."""
    return {
        change.setting: str(change.to).lower() for change in task.settings if change.to is not None
    }


async def _rows(here: Ports, body: BulkReport, context: CommandContext) -> Sequence[Row]:
    """The report's lines.

    Raises:
        Refused: `document_unknown`, `too_large`, or `validation_failed`: it is no report.
    """
    claimant = Claimant.of(context.principal)
    await require_documents([body.document_id], claimant, here.document_rights, "/document_id")
    stored, pieces = await here.documents.open(body.document_id)
    if stored.size_bytes > MOST_BYTES:
        raise Refused(
            f"A report may have at most {MOST_BYTES} bytes.",
            problem="too_large",
            extra={"limit_bytes": MOST_BYTES},
        )
    try:
        raw = b"".join([piece async for piece in pieces])
        text = raw.decode("utf-16" if raw.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong("not_utf_8") from None
    return _read(text)


def _read(text: str) -> Sequence[Row]:
    # Excel names the separator in a line above the heading.
    text = _SEPARATOR_LINE.sub("\n", text)
    heading = text.strip().partition("\n")[0]
    separator = max(",;\t", key=heading.count)
    try:
        lines = [
            (number, line)
            for number, line in enumerate(
                csv.reader(io.StringIO(text, newline=None), delimiter=separator, strict=True), 1
            )
            if any(cell.strip() for cell in line)
        ]
    except csv.Error:
        raise _wrong("wrong_form") from None
    names = [name.strip().casefold() for name in lines[0][1]] if lines else []
    if missing := [name for name in ("task_id", RESULT) if name not in names]:
        raise _wrong("columns_missing", columns=tuple(missing))
    if len(lines) - 1 > MOST_LINES:
        raise _wrong("too_many_lines", maximum=MOST_LINES)
    return [
        Row(number, dict(zip(names, (cell.strip() for cell in line), strict=False)))
        for number, line in lines[1:]
    ]


def _wrong(code: str, **values: FaultValue) -> ReportWrong:
    return ReportWrong(errors=(FieldError.of("/document_id", code, **values),))


def _judged(row: Row, task: Task | None, times: int) -> ReportLine:
    """What the line says; `completed` is what remains to be recorded."""
    said = row.values.get(RESULT, "").casefold()
    words = "".join(filter(str.isprintable, row.values.get(MESSAGE, "")))
    differs = () if task is None else tuple(_differences(row, task))
    outcome: ReportOutcome = "completed"
    if task is None:
        outcome = "unknown"
    elif times > 1:
        outcome = "repeated"
    elif said in _FAILED:
        outcome = "failed"
    elif said not in _DONE:
        outcome = "unclear"
    elif differs:
        outcome = "differs"
    return ReportLine(
        line=row.number,
        task_id=row.task_id or None,
        account=task and task.account,
        outcome=outcome,
        message=words[:_LONGEST_MESSAGE] or None,
        differs=differs if outcome == "differs" else (),
    )


def _differences(row: Row, task: Task) -> Iterator[str]:
    """The columns whose value is not the task's."""
    wanted = {"account": task.account, **_wanted(task)}
    for name in COLUMNS[1:]:
        shown = row.values.get(name)
        if shown is not None and _plain(name, shown) != _plain(name, wanted.get(name, "")):
            yield name


def _plain(name: str, value: str) -> str | Decimal:
    """Without capitals; a size is a number, since Excel writes 2000000000 as `2E+09`."""
    is_number = name == "max_file_size_bytes" and _NUMBER.fullmatch(value)
    return Decimal(value) if is_number else value.casefold()


def _completion(
    task: Task, body: BulkReport, context: CommandContext, here: Ports
) -> Message[CompleteTask]:
    """One completion: the same call again is the same one."""
    part = replace(context, causation=f"{context.causation}:{task.task_id}")
    complete = CompleteTask(
        task_id=task.task_id,
        officer=task_officer(context),
        agency=context.principal.agency,
        completed_at=here.clock(),
        evidence=(body.document_id,),
        note=body.note,
    )
    return part.to_command(stream_of(task.request_id), complete)


def _not_completed(line: ReportLine, outcome: Executed | Exception) -> ReportLine:
    """Raises what is no refusal: then the whole call is repeated, and goes on where it stopped."""
    try:
        if isinstance(outcome, Exception):
            raise outcome
        outcome.raise_refusal()
    except Refused as refused:
        if refused.extra.get("code") == TaskFinished.code:
            return line.model_copy(update={"outcome": "completed_before"})
        return line.model_copy(update={"outcome": "refused", "problem": problem_body(refused)})
    return line
