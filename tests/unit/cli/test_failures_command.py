"""`bmt failures`, over HTTP: what failed, and having it tried again."""

import json

import pytest
from fixtures.answering import Answer, Call, answering
from typer.testing import CliRunner

from bmt.cli.main import app

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
