"""The search in the header, what the visitor did, and failures: each of its own service, with the others' numbers."""

import json
import re

import httpx
import pytest
from console_pages import browser

COUNTS = {"open": 3, "overdue": 0, "for_caller": 3, "done_by_caller": 5}
FOUND = {
    "request_id": "019349f0-1c2a-7b3c-8d4e-5f60718293a4",
    "reference": "BMT-MAMPU-2026-7K3QF9ZT",
    "kind": "application",
    "applicant": {"account": "siti", "name": "Siti binti Ali", "email": "siti@mampu.gov.my"},
    "status": "rejected",
    "changed_at": "2025-12-02T09:00:00Z",
    "last_step": {"step": "rejected", "at": "2025-12-02T09:00:00Z", "by": "aminah", "detail": None},
}
FAILED = {
    "request_id": FOUND["request_id"],
    "reference": FOUND["reference"],
    "agency": "MAMPU",
    "kind": "application",
    "target": "ipms",
    "reason": "not registered",
    "retryable": True,
    "failed_at": "2026-11-28T01:00:00Z",
    "failures": 2,
    "last_retry": None,
    "approved_at": "2026-11-27T01:00:00Z",
    "due_at": "2026-11-28T09:00:00Z",
}

ITEM = {
    "inbox_item_id": "i1",
    "agency": "MAMPU",
    "status": "waiting",
    "received_at": "2026-11-28T01:00:00Z",
    "sender": "",
    "handed_in_by": "aminah@mampu.gov.my",
    "subject": "Surat",
    "document_id": "sha256:" + "0" * 64,
    "scan": {
        "batch": {
            "document_id": "sha256:" + "0" * 64,
            "filename": "x.pdf",
            "media_type": "application/pdf",
            "size_bytes": 1,
        },
        "pages": [1],
    },
}
TASK = {
    **{name: FOUND[name] for name in ("request_id", "reference", "kind")},
    "task_id": "t1",
    "agency": "MAMPU",
    "account": "siti",
    "applicant_name": "Siti binti Ali",
    "target": "ipms",
    "instructions": "Hidupkan.",
    "status": "open",
    "opened_at": "2026-11-28T01:00:00Z",
    "due_at": "2026-11-30T09:00:00Z",
}
REJECTED = "Ditolak,2025-12-02 17:00,Siti binti Ali,siti,"
UNTOLD = {
    "notification_id": "n1",
    "request_id": FOUND["request_id"],
    "reference": FOUND["reference"],
    "about": "rejected",
    "channel": "email",
    "status": "failed",
    "document_id": None,
    "recipient": "siti@mampu.gov.my",
    "wanted_since": "2026-11-28T01:00:00Z",
    "code": "mail_box_closed",
    "last_problem": "552 5.2.2 full",
}
DRIFT = {
    "request_id": FOUND["request_id"],
    "reference": FOUND["reference"],
    "agency": "MAMPU",
    "kind": "application",
    "account": "siti.mampu@mygovuc.gov.my",
    "applicant_name": "Siti <b>Ali",
    "status": "open",
    "targets": ["ipms"],
    "differences": [
        {"target": "ipms", "setting": "max_file_size_bytes", "from": 5 * 10**9, "to": 2 * 10**9},
        {"target": "storage", "setting": "enabled", "from": False, "to": True},
    ],
    "detected_at": "2026-11-28T01:00:00Z",
    "failure": "IPMS has no such account",
    "code": "not_registered_there",
}
OWNER = {"account": "aminah@mampu.gov.my", "name": "Aminah binti Yusof", "serving": True}


def services(calls, found=(), **answered):
    def answers(call):
        calls.append(call)
        path = call.url.path.removeprefix("/v1/").replace("/", "_")
        if path in answered:
            return answered[path]
        if path == "worklist_counts":
            return httpx.Response(200, json=COUNTS)
        if path.startswith("accounts_"):
            return httpx.Response(200, json=OWNER)
        items = {
            "requests": list(found),
            "failures": [FAILED],
            "inbox": [ITEM],
            "tasks": [TASK],
        }.get(path, [])
        if path == "notifications" and call.url.params["status"] == "failed":
            items = [UNTOLD]
        return httpx.Response(200, json={"items": items, "next_cursor": None})

    return answers


async def test_a_reference_leads_to_its_request():
    answer = await browser(services([], [FOUND])).get(
        "/search", params={"q": "bmt mampu 2026 7k3qf9zt"}
    )
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/console/requests/{FOUND['request_id']}",
    )


async def test_nothing_is_asked_without_words_and_what_finds_nothing_says_so():
    calls = []
    assert (await browser(services(calls)).get("/search?q=%20")).status_code == 200
    assert calls == []
    page = await browser(services(calls)).get("/search", params={"q": "<b>tiada"})
    assert "Tiada permohonan agensi anda yang sepadan." in page.text
    assert "<b>" not in page.text


async def test_failures_have_names_and_the_other_numbers():
    page = await browser(services([], [FOUND])).get("/failures")
    assert page.status_code == 200
    assert ">Siti binti Ali</a>" in page.text
    assert "Boleh dicuba semula" in page.text
    assert '<span class="count">5</span>' in page.text


@pytest.mark.parametrize("part", ["requests", "worklist_counts", "inbox", "tasks", "notifications"])
async def test_failures_are_listed_whoever_else_is_down(part):
    page = await browser(services([], [FOUND], **{part: httpx.Response(502)})).get("/failures")
    assert page.status_code == 200
    assert FAILED["reference"] in page.text


async def test_a_notice_that_did_not_arrive_is_a_failure_and_is_counted():
    text = (await browser(services([], [FOUND])).get("/failures")).text
    assert re.search(r'Kegagalan <span class="count">2</span>', text)
    assert "Makluman yang tidak sampai</h2>" in text
    assert "siti@mampu.gov.my" in text
    assert "Peti mel penuh</span>" in text
    assert 'title="Peti mel penerima penuh atau ditutup. (552 5.2.2 full)"' in text
    away = services([], [FOUND], notifications=httpx.Response(502))
    text = (await browser(away).get("/failures")).text
    assert "Makluman yang tidak sampai tidak dapat dibaca sekarang." in text


def drifted(calls, ruled=None):
    """Provisioning has a difference; `ruled` is its answer to a ruling."""
    listed = httpx.Response(200, json={"items": [DRIFT], "next_cursor": None})
    ruling = f"requests_{DRIFT['request_id']}_drift"
    return services(calls, [FOUND], **{"drift": listed, ruling: ruled})


async def test_what_a_target_shows_otherwise_is_among_the_failures_and_is_counted():
    text = (await browser(drifted([])).get("/failures")).text
    assert re.search(r'Kegagalan <span class="count">3</span>', text)
    assert "Siti &lt;b&gt;Ali</a>" in text
    assert "IPMS, Saiz fail terbesar: <strong>5 GB</strong>; dikonfigurasi: 2 GB" in text
    assert "Storan pemindahan, Storan pemindahan: <strong>tidak aktif</strong>" in text
    assert "IPMS has no such account" not in text
    away = services([], [FOUND], drift=httpx.Response(502))
    text = (await browser(away).get("/failures")).text
    assert "Perbezaan dengan sistem sasaran tidak dapat dibaca sekarang." in text


async def test_an_administrator_decides_about_it_with_a_reason():
    calls = []
    ruled = {"request_id": DRIFT["request_id"], "decision": "correct"}
    form = {"request_id": DRIFT["request_id"], "do": "correct", "key": "k1"}
    visitor = browser(drifted(calls, httpx.Response(201, json=ruled)))

    blank = await visitor.post("/failures", data={**form, "reason": " "})
    assert 'role="alert"' in blank.text
    assert not [call for call in calls if call.method == "POST"]
    answer = await visitor.post("/failures", data={**form, "reason": "Diubah orang lain."})

    assert (answer.status_code, answer.headers["location"]) == (303, "/failures#drift")
    (posted,) = [call for call in calls if call.method == "POST"]
    assert json.loads(posted.content) == {"decision": "correct", "reason": "Diubah orang lain."}


@pytest.mark.parametrize("status", [409, 503])
async def test_what_was_typed_about_it_outlives_a_refusal(status):
    problem = "request_closed" if status == 409 else "unavailable"
    refused = httpx.Response(
        status,
        json={"type": f"urn:bmt:problem:{problem}", "title": "x", "status": status, "detail": "x"},
        headers={"content-type": "application/problem+json"},
    )
    form = {"request_id": DRIFT["request_id"], "do": "accept", "key": "k1", "reason": "Sah. <i>"}
    page = await browser(drifted([], refused)).post("/failures", data=form)
    assert "Sah. &lt;i&gt;</textarea>" in page.text
    assert 'role="alert"' in page.text
    assert ('value="k1"' in page.text) == (status == 503)


@pytest.mark.parametrize(
    ("path", "asked", "lines"),
    [
        ("/search.csv?q=siti%20%20ali", {"q": "siti ali"}, [REJECTED]),
        ("/done.csv?", {"by_me": "true", "order": "changed_at", "descending": "true"}, [REJECTED]),
        ("/done.csv?order=name", {"order": "name", "descending": "false"}, [REJECTED]),
        (
            "/inbox.csv?status=dismissed&order=sender",
            {"status": "dismissed", "order": "sender", "descending": "false"},
            ["2026-11-28 09:00,Surat,Imbasan,,Aminah binti Yusof,"],
        ),
        (
            "/tasks.csv?order=name&descending=1",
            {"status": "open", "order": "name", "descending": "true"},
            ["2026-11-30 17:00,Siti binti Ali,siti,Permohonan,"],
        ),
        (
            "/papers.csv?status=failed&order=recipient",
            {"status": "failed", "order": "recipient"},
            ["Siti binti Ali,siti@mampu.gov.my,Ditolak,E-mel,2026-11-28 09:00,,Peti mel penerima"],
        ),
        (
            "/failures.csv?order=name",
            {"order": "recipient", "status": "failed"},
            [
                "Konfigurasi gagal,Siti binti Ali,2026-11-28 17:00,IPMS,",
                "Makluman tidak sampai,Siti binti Ali,,E-mel,Peti mel penerima penuh",
            ],
        ),
    ],
)
async def test_what_is_listed_is_a_file_too_in_the_same_order(path, asked, lines):
    calls = []
    text = (await browser(services(calls, [FOUND])).get(path)).text
    head, *rows = text.removeprefix("\ufeff").splitlines()
    assert len(head.split(",")) >= 6
    assert [row[: len(line)] for row, line in zip(rows, lines, strict=True)] == lines
    assert any(asked.items() <= dict(call.url.params).items() for call in calls)
    page = (await browser(services([], [FOUND])).get(path.replace(".csv", ""))).text
    assert path.partition("?")[0] in page
    direction = "descending" if "descending=1" in path or path == "/done.csv?" else "ascending"
    assert (f'aria-sort="{direction}"' in page) == ("search" not in path)
