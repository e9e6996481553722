"""`bmt records export` takes a request's reference as people type it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from bmt.cli.main import app

REFERENCE = "BMT-MAMPU-2026-7K0QF1ZT"


class Records(BaseHTTPRequestHandler):
    """Finds one file by its reference, and gives its bundle by its id."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = parse_qs(parts.query).get("q", [""])
        items = [{"request_id": "r-1", "reference": REFERENCE}] if asked == [REFERENCE] else []
        found = {
            "/v1/records": json.dumps({"items": items, "next_cursor": None}).encode(),
            "/v1/records/r-1/bundle": b"bundle",
        }.get(parts.path)
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Length", str(len(found or b"{}")))
        self.end_headers()
        self.wfile.write(found or b"{}")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def records() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Records)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


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
