"""`bmt records export` takes a request's reference as people type it."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from fixtures.answering import Answer, Call, answering
from typer.testing import CliRunner

from bmt.cli.main import app

REFERENCE = "BMT-MAMPU-2026-7K0QF1ZT"


def records_answer(call: Call) -> Answer:
    """One file is found by its reference, and its bundle is given by its id."""
    parts = urlsplit(call.path)
    asked = parse_qs(parts.query).get("q", [""])
    items = [{"request_id": "r-1", "reference": REFERENCE}] if asked == [REFERENCE] else []
    found = {
        "/v1/records": json.dumps({"items": items, "next_cursor": None}).encode(),
        "/v1/records/r-1/bundle": b"bundle",
    }.get(parts.path)
    return 404 if found is None else 200, {}, found or b"{}"


@pytest.fixture
def records() -> Iterator[str]:
    with answering(records_answer) as url:
        yield url


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("r-1", 0),
        (REFERENCE, 0),
        ("No. rujukan: bmt mampu 2026 7koqf1zt", 0),
        ("BMT-MAMPU-2026-00000000", 1),
        ("r-2", 1),
    ],
)
def test_a_file_is_exported_by_id_or_reference(records, tmp_path, typed, code):
    environment = {"BMT_RECORDS_URL": records, "BMT_TOKEN": "the-token"}
    target = tmp_path / "file.zip"
    shown = CliRunner(env=environment).invoke(
        app, ["records", "export", typed, "--out", str(target)]
    )
    assert shown.exit_code == code, shown.output
    assert target.exists() is (code == 0)
