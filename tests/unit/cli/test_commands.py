"""Commands of operators: failures and records over HTTP, and pruning again each time."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from fixtures.answering import Answer, Call, answering
from typer.testing import CliRunner

from bmt.chassis.errors import StoreUnavailable
from bmt.cli import jobs
from bmt.cli.main import app
from bmt.pruning import PrunedDocuments

FAILED = {
    "reference": "MAMPU/2026/000001",
    "agency": "MAMPU",
    "kind": "application",
    "target": "ipms",
    "reason": "IPMS answers with another account\nthan the one asked for",
    "retryable": True,
    "failed_at": "2026-11-24T08:00:00Z",
    "failures": 2,
    "last_retry": None,
    "approved_at": "2026-11-24T04:00:00Z",
    "due_at": "2026-11-25T09:00:00Z",
}
ITEMS = [
    {**FAILED, "request_id": "r-1"},
    {**FAILED, "request_id": "r-2", "agency": "JPA", "target": None, "failed_at": None},
    {**FAILED, "request_id": "r-3", "reference": "BMT-MAMPU-2026-7K0QF1ZT", "retryable": False},
]


class Provisioning:
    """Lists one failure a page; refuses to retry what no retry mends."""

    def __init__(self) -> None:
        self.retried: list = []

    def answer(self, call: Call) -> Answer:
        if call.headers["Authorization"] != "Bearer the-token":
            status, body = 401, {}
        elif call.method == "GET":
            place = int(call.path.partition("cursor=")[2].partition("&")[0] or 0)
            following = str(place + 1) if place + 1 < len(ITEMS) else None
            status, body = 200, {"items": ITEMS[place : place + 1], "next_cursor": following}
        else:
            asked = json.loads(call.body), bool(call.headers["Idempotency-Key"])
            self.retried.append((call.path, *asked))
            status, body = 202, {"request_id": "r-1"}
            if "r-3" in call.path:
                detail = "A new one is needed."
                status, body = 409, {"type": "urn:bmt:problem:request_closed", "detail": detail}
        return status, {}, json.dumps(body).encode()


@pytest.fixture
def provisioning() -> Provisioning:
    return Provisioning()


@pytest.fixture
def bmt(provisioning):
    with answering(provisioning.answer) as url:

        def run(*arguments: str, **changes: str | None):
            environment = {"BMT_PROVISIONING_URL": f"{url}/", "BMT_TOKEN": "the-token", **changes}
            return CliRunner(env=environment).invoke(app, ["failures", *arguments])

        yield run


def test_every_page_is_listed_for_people_and_for_machines(bmt):
    shown = bmt("list")
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[:3] == [
        "r-1  MAMPU/2026/000001  MAMPU",
        "    ipms: IPMS answers with another account than the one asked for",
        "    2 failures, the last at 2026-11-24T08:00:00Z; a retry may help",
    ]
    assert shown.stdout.splitlines()[-1] == "3 configurations failed"
    listed = json.loads(bmt("list", "--json", "--agency", "MAMPU").stdout)["items"]
    assert [one["request_id"] for one in listed] == ["r-1", "r-3"]
    assert len(json.loads(bmt("list", "--json", "--limit", "1").stdout)["items"]) == 1


def test_a_retry_has_a_reason_and_one_that_is_refused_says_why(bmt, provisioning):
    shown = bmt("retry", "r-1", "r-3", "--reason", "IPMS is mended.", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["results"] == [
        {"request_id": "r-1", "refused": None},
        {"request_id": "r-3", "refused": "request_closed: A new one is needed."},
    ]
    assert provisioning.retried == [
        (f"/v1/requests/{one}/retry", {"reason": "IPMS is mended."}, True) for one in ("r-1", "r-3")
    ]
    assert bmt("retry", "r-1", "--reason", "IPMS is mended.").exit_code == 0
    assert bmt("retry", "r-1").exit_code == 2
    assert bmt("retry", "r-1", "--reason", " ").exit_code == 2


def test_a_request_may_be_named_by_its_reference_as_it_is_typed(bmt):
    shown = bmt("retry", "bmt mampu 2026 7koqflzt", "r-1", "--reason", "IPMS is mended.", "--json")
    assert [one["request_id"] for one in json.loads(shown.stdout)["results"]] == ["r-3", "r-1"]


def test_what_is_wrong_or_away_has_its_code(bmt):
    assert bmt("list", BMT_TOKEN="another").exit_code == 1
    assert bmt("list", BMT_TOKEN=None).exit_code == 2
    assert bmt("list", BMT_PROVISIONING_URL="http://127.0.0.1:9").exit_code == 3


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


A_DAY = 24 * 3600.0


class Stopped(BaseException):
    """Somebody ended the process."""


@pytest.fixture
def pauses(monkeypatch):
    """MongoDB is away the second time; somebody ends the process after the third."""
    pauses = []

    async def pruned(*_):
        if len(pauses) == 1:
            raise StoreUnavailable
        return {}, PrunedDocuments(removed=2, bytes=10)

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            raise Stopped

    monkeypatch.setattr(jobs, "_pruned", pruned)
    monkeypatch.setattr(jobs.time, "sleep", sleep)
    return pauses


def test_it_is_done_again_each_time_and_soon_where_mongodb_was_away(pauses, tmp_path, capsys):
    touched = tmp_path / "pruned"
    with pytest.raises(Stopped):
        jobs.prune(older_than_days=90, every_hours=24, touch=touched)
    assert pauses == [A_DAY, jobs.AGAIN_AFTER_SECONDS, A_DAY]
    assert touched.exists()
    said = capsys.readouterr()
    assert said.out.count("documents: 2 removed, 10 bytes") == 2
    assert "cannot be reached: again in 300 s" in said.err


def test_once_is_once_and_an_error_is_its_exit_code(pauses, tmp_path):
    touched = tmp_path / "pruned"
    runner = CliRunner()
    assert runner.invoke(app, ["prune", "--touch", str(touched)]).exit_code == 0
    assert touched.exists()
    assert pauses == []
    pauses.append(0.0)
    assert runner.invoke(app, ["prune"]).exit_code == 3
