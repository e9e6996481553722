"""Documents of a form that was refused stay in it, and those that no service knows leave it."""

import html
import re

import httpx
from console_pages import browser, problem

from bmt.contracts.values import Document

FIRST, SECOND = (
    Document(
        document_id="sha256:" + digit * 64,
        filename=name,
        media_type="application/pdf",
        size_bytes=8,
    )
    for digit, name in (("1", 'surat "satu".pdf'), ("2", "<b>.pdf"))
)
TASK = {
    "task_id": "t",
    "request_id": "r",
    "reference": "JPA/2026/000001",
    "agency": "JPA",
    "kind": "application",
    "account": "lim.jpa@mygovuc.gov.my",
    "target": "ipms",
    "instructions": "Hidupkan.",
    "status": "open",
    "opened_at": "2026-11-28T01:00:00Z",
    "request_status": "awaiting_operator",
}


def provisioning(refusal):
    def answers(call):
        if call.method == "POST":
            answers.bodies.append(call.content)
            return refusal
        return httpx.Response(200, json=TASK)

    answers.bodies = []
    return answers


def kept(page):
    found = re.findall(r'name="documents" value="([^"]*)"', page)
    return [Document.model_validate_json(html.unescape(one)) for one in found]


def sent(*documents):
    return {"key": "bukti-1", "do": "complete", "documents": documents}


async def test_what_was_uploaded_before_stays_with_a_form_that_is_refused():
    answers = provisioning(problem("forbidden", 403))
    both = [one.model_dump_json() for one in (FIRST, SECOND)]
    answer = await browser(answers).post("/tasks/t", data=sent(*both))
    assert answer.status_code == 403
    assert kept(answer.text) == [FIRST, SECOND]
    assert FIRST.document_id.encode() in answers.bodies[0]
    assert b"surat" not in answers.bodies[0]


async def test_what_the_service_does_not_know_leaves_the_form_and_its_fault_is_shown():
    fault = {"pointer": "/evidence/1", "detail": "?", "code": "document_unknown"}
    answers = provisioning(problem("document_unknown", 422, errors=[fault]))
    both = [one.model_dump_json() for one in (FIRST, SECOND)]
    answer = await browser(answers).post("/tasks/t", data=sent(*both))
    assert answer.status_code == 422
    assert kept(answer.text) == [FIRST]
    assert "Tiada dokumen seperti ini yang anda serahkan" in answer.text


async def test_what_is_no_document_is_asked_for_again():
    answers = provisioning(problem("forbidden", 403))
    answer = await browser(answers).post("/tasks/t", data=sent("sha256:1"))
    assert answer.status_code == 422
    assert "tidak dapat dijumpai: lampirkan semula" in answer.text
    assert (kept(answer.text), answers.bodies) == ([], [])


async def test_a_portals_report_is_handed_in_and_each_line_that_stays_open_is_told():
    lines = [
        {"line": 2, "task_id": "t", "account": "lim.jpa@mygovuc.gov.my", "outcome": "completed"},
        {"line": 3, "task_id": "u", "account": "ali.jpa@mygovuc.gov.my", "outcome": "failed"}
        | {"message": "Akaun dikunci"},
        {"line": 4, "task_id": None, "account": None, "outcome": "unknown"},
    ]
    asked = []

    def answers(call):
        if call.url.path.endswith("/bulk-report"):
            asked.append(call.content)
            return httpx.Response(200, json={"results": lines})
        return httpx.Response(200, json={"items": [TASK], "next_cursor": None})

    handed_in = {"key": "laporan-1", "documents": FIRST.model_dump_json()}
    answer = await browser(answers).post("/tasks", data=handed_in)
    assert FIRST.document_id.encode() in asked[0]
    shown = re.sub(r"\s+", " ", answer.text)
    assert "Laporan portal: 1 tugasan dilengkapkan" in shown
    assert "Portal melaporkan kegagalan; tugasan kekal terbuka. “Akaun dikunci”" in shown
    assert "Baris 4: Tiada tugasan agensi ini yang bernama begitu." in shown
    assert "Baris 2" not in shown
    nothing = await browser(answers).post("/tasks", data={"key": "laporan-2"})
    assert (nothing.status_code, len(asked)) == (422, 1)
    assert "Pilih satu fail." in nothing.text
