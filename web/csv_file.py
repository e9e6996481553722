"""A list as a file for spreadsheets."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

from starlette.responses import Response

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run what begins with these."""


def csv_file(name: str, rows: Iterable[Sequence[object]]) -> Response:
    """The rows as CSV (RFC 4180), in UTF-8 as spreadsheets recognise it. Empty where a cell is None."""
    text = StringIO()
    written = csv.writer(text)
    for row in rows:
        written.writerow(["" if cell is None else _harmless(cell) for cell in row])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(
        "\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers
    )


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
