"""The report: a line a request, what the lines come to, and both as CSV."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bmt.contracts.envelope import rfc3339
from bmt.contracts.http.records import ConformanceLine, ConformanceReport
from services.records.conformance.checks import Deviation, Steps

COLUMNS: Final = (
    *("reference", "request_id", "file_number", "kind", "status"),
    *("received_at", "decided_at", "configured_at", "notified_at", "filed_at"),
    *("decision", "decided_by", "configured_by", "folios", "conforms", "deviations"),
    "not_read_back",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Period:
    """Requests received from the first moment on and before the second one."""

    agency: str
    since: datetime
    before: datetime


def report(period: Period, lines: Sequence[ConformanceLine], at: datetime) -> ConformanceReport:
    """The lines with what they come to."""
    counted = Counter(one.code for line in lines for one in line.deviations)
    return ConformanceReport(
        agency=period.agency,
        since=period.since,
        before=period.before,
        made_at=at,
        requests=len(lines),
        conforming=sum(not line.deviations for line in lines),
        by_code=dict(sorted(counted.items())),
        lines=tuple(lines),
    )


def written(made: ConformanceReport) -> Iterator[str]:
    """The report as CSV (RFC 4180), a row at a time; no cell is a formula to a spreadsheet."""
    yield _row(COLUMNS)
    for line in made.lines:
        told = line.model_dump(mode="json")
        told["conforms"] = "yes" if not line.deviations else "no"
        told["deviations"] = "; ".join(f"{one.code}: {one.detail}" for one in line.deviations)
        told["not_read_back"] = " ".join(line.not_read_back)
        yield _row([_cell(told[name]) for name in COLUMNS])


def moments(steps: Steps) -> dict[str, datetime | None]:
    """The times of the steps, by the names of the columns."""
    return {name: getattr(steps, name) for name in Steps.__slots__}


def coded(found: Sequence[Deviation]) -> list[dict[str, str]]:
    """Deviations as a line tells them."""
    return [{"code": one.code, "detail": one.detail} for one in found]


def period_told(period: Period) -> dict[str, str]:
    """What is remembered of who asked for a report."""
    return {
        "report": "conformance",
        "since": rfc3339(period.since),
        "before": rfc3339(period.before),
    }


def _row(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
