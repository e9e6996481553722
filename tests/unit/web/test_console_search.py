"""The search in the header, what the visitor did, and failures: each of its own service, with the others' numbers."""

import json

import httpx
import pytest
from console_pages import (
    ABOUT,
    APPLICANT,
    COUNTS,
    FAILED,
    ID,
    SCAN,
    TASK,
    Services,
    browser,
    inbox_item,
    problem,
    shown,
)

REJECTED_AT = "2025-12-02T09:00:00Z"
FOUND = {
    **ABOUT,
    "applicant": APPLICANT,
    "status": "rejected",
    "changed_at": REJECTED_AT,
    "last_step": {"step": "rejected", "at": REJECTED_AT, "by": "aminah", "detail": None},
}
ITEM = inbox_item(sender="", handed_in_by="aminah@mampu.gov.my", subject="Surat", scan=SCAN)
REJECTED = "Ditolak,2025-12-02 17:00,Siti binti Ali,siti,"
UNTOLD = {
    **{name: ABOUT[name] for name in ("request_id", "reference")},
    "notification_id": "n1",
    "about": "rejected",
    "channel": "email",
    "status": "failed",
    "document_id": None,
    "recipient": "siti@mampu.gov.my",
    "wanted_since": FAILED["failed_at"],
    "code": "mail_box_closed",
    "last_problem": "552 5.2.2 full",
}
DRIFT = {
    **ABOUT,
    "agency": "MAMPU",
    "account": "siti.mampu@mygovuc.gov.my",
    "applicant_name": "Siti <b>Ali",
    "status": "open",
    "targets": ["ipms"],
    "differences": [
        {"target": "ipms", "setting": "max_file_size_bytes", "from": 5 * 10**9, "to": 2 * 10**9},
        {"target": "storage", "setting": "enabled", "from": False, "to": True},
    ],
    "detected_at": FAILED["failed_at"],
    "failure": FAILED["reason"],
    "code": "not_registered_there",
}
DOWN = httpx.Response(502)


def services(**answers):
    """All services; one request is found, one failed, and one notice did not arrive."""

    def notices(call):
        return [UNTOLD] if call.url.params["status"] == "failed" else []

    lists = {"requests": [FOUND], "failures": [FAILED], "tasks": [TASK], "notifications": notices}
    owner = {"account": "aminah@mampu.gov.my", "name": "Aminah binti Yusof", "serving": True}
    whole = {"worklist/counts": COUNTS, "accounts/aminah@mampu.gov.my": owner}
    return Services({**lists, **whole, "inbox": [ITEM.model_dump(mode="json")], **answers})


async def test_a_reference_leads_to_its_request():
    answer = await browser(services()).get("/search", params={"q": "bmt mampu 2026 7k3qf9zt"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/requests/{ID}")


async def test_nothing_is_asked_without_words_and_what_finds_nothing_says_so():
    nowhere = services(requests=[])
    await shown(nowhere, "/search?q=%20")
    assert nowhere.calls == []
    page = await shown(nowhere, "/search", q="<b>tiada")
    assert "Tiada permohonan agensi anda yang sepadan." in page
    assert "<b>" not in page


async def test_failures_have_names_and_those_of_every_kind_are_counted():
    page = await shown(services(drift=[DRIFT]), "/failures")
    for text in (
        *(">Siti binti Ali</a>", "Boleh dicuba semula", '<span class="count">5</span>'),
        'Kegagalan <span class="count">3</span>',
        *("Makluman yang tidak sampai</h2>", "siti@mampu.gov.my", "Peti mel penuh</span>"),
        'title="Peti mel penerima penuh atau ditutup. (552 5.2.2 full)"',
        "Siti &lt;b&gt;Ali</a>",
        "IPMS, Saiz fail terbesar: <strong>5 GB</strong>; dikonfigurasi: 2 GB",
        "Storan pemindahan, Storan pemindahan: <strong>tidak aktif</strong>",
    ):
        assert text in page
    assert DRIFT["failure"] not in page


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("requests", ""),
        ("worklist/counts", ""),
        ("inbox", ""),
        ("tasks", ""),
        ("notifications", "Makluman yang tidak sampai tidak dapat dibaca sekarang."),
        ("drift", "Perbezaan dengan sistem sasaran tidak dapat dibaca sekarang."),
    ],
)
async def test_failures_are_listed_whoever_else_is_down(part, told):
    page = await shown(services(**{part: DOWN}), "/failures")
    assert FAILED["reference"] in page
    assert told in page


def ruled(answer):
    return services(drift=[DRIFT], **{f"requests/{ID}/drift": answer})


async def test_an_administrator_decides_about_it_with_a_reason():
    told = ruled(httpx.Response(201, json={"request_id": ID, "decision": "correct"}))
    form = {"request_id": ID, "do": "correct", "key": "k1"}
    blank = await browser(told).post("/failures", data={**form, "reason": " "})
    assert 'role="alert"' in blank.text
    assert told.posted == []
    answer = await browser(told).post("/failures", data={**form, "reason": "Diubah orang lain."})
    assert (answer.status_code, answer.headers["location"]) == (303, "/failures#drift")
    (posted,) = told.posted
    assert json.loads(posted.content) == {"decision": "correct", "reason": "Diubah orang lain."}


@pytest.mark.parametrize(("name", "status"), [("request_closed", 409), ("unavailable", 503)])
async def test_what_was_typed_about_it_outlives_a_refusal(name, status):
    form = {"request_id": ID, "do": "accept", "key": "k1", "reason": "Sah. <i>"}
    page = await browser(ruled(problem(name, status))).post("/failures", data=form)
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
    told = services()
    text = (await browser(told).get(path)).text
    head, *rows = text.removeprefix("\ufeff").splitlines()
    assert len(head.split(",")) >= 6
    assert [row[: len(line)] for row, line in zip(rows, lines, strict=True)] == lines
    assert any(asked.items() <= dict(call.url.params).items() for call in told.calls)
    page = (await browser(services()).get(path.replace(".csv", ""))).text
    assert path.partition("?")[0] in page
    direction = "descending" if "descending=1" in path or path == "/done.csv?" else "ascending"
    assert (f'aria-sort="{direction}"' in page) == ("search" not in path)
