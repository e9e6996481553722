"""The console's offices: papers, scans, tasks with their documents, and grants to be confirmed."""

import html
import json
import re
from io import BytesIO

import httpx
import pytest
from console_pages import ASSIGNED, AT, PAPER, TASK, Services, browser, problem, shown
from pypdf import PdfReader, PdfWriter

from bmt.contracts.events import Effective, EffectiveIpms, EffectiveStorage, Evidence
from bmt.contracts.http.provisioning import Confirmation, TaskInFull
from bmt.contracts.values import Officer

DOWN = httpx.Response(502)
KEY = "serah-1"


def notice(number, **changes):
    return {
        "notification_id": f"n{number}",
        "request_id": f"r{number}",
        "reference": f"BMT-MAMPU-2026-{number}",
        "about": "configured",
        "channel": "letter",
        "status": "prepared",
        "document_id": PAPER.document_id,
        "recipient": f"Ahmad {number}",
        "wanted_since": AT,
        **changes,
    }


def pdf(pages):
    writer, whole = PdfWriter(), BytesIO()
    for _ in range(pages):
        writer.add_blank_page(100, 100)
    writer.write(whole)
    return whole.getvalue()


def at_papers(*listed, second=None):
    """Two papers, of one page and of two; `second` is what a command about the second is answered."""
    answers = {"notifications": listed or (notice(1), notice(2))}
    for number in (1, 2):
        done = {**notice(number), "dispatched_by": "siti", "dispatched_at": AT}
        place, refused = f"notifications/n{number}", second if number == 2 else None
        answers |= {
            f"{place}/document": httpx.Response(200, content=pdf(number)),
            f"{place}/dispatch": refused or httpx.Response(201, json=done),
            f"{place}/assignment": refused or httpx.Response(201, json={"assignment": None}),
        }
    return Services(answers)


async def sent(services, **typed):
    return await browser(services).post("/papers", data={"key": KEY, **typed})


async def test_the_list_says_who_to_whom_and_which_and_boxes_are_for_papers_alone():
    mail = notice(2, channel="email", recipient="ahmad@mampu.gov.my")
    page = await shown(at_papers(notice(1), mail), "/papers", all=1)
    for text in ("BMT-MAMPU-2026-1", "Ahmad 1", "ahmad@mampu.gov.my", "Perkhidmatan diaktifkan"):
        assert text in page
    assert page.count('name="chosen"') == page.count(" checked ") == 1


async def test_what_is_chosen_is_one_pdf_in_the_lists_order():
    answer = await sent(at_papers(), do="print", chosen=["n2", "n1"])
    assert answer.headers["content-type"] == "application/pdf"
    assert len(PdfReader(BytesIO(answer.content)).pages) == 3


async def test_what_is_chosen_is_handed_over_each_by_itself_with_one_note():
    refused = problem("not_for_this_notice", 409, code="handed_over_before")
    services = at_papers(second=refused)
    page = await sent(services, do="hand-over", chosen=["n1", "n2"], note=" Di kaunter ")
    keys = {call.headers["idempotency-key"] for call in services.posted}
    assert keys == {f"{KEY}:n1", f"{KEY}:n2"}
    assert {call.content for call in services.posted} == {b'{"note":"Di kaunter"}'}
    assert "Telah diserahkan</span>" in page.text
    assert "Kertas ini telah diserahkan sebelum ini." in page.text
    assert re.findall(r'value="(n\d)" checked', page.text) == ["n2"]


async def test_who_was_first_is_told_to_whoever_takes_a_paper_second():
    refused = problem("already_assigned", 409, assignment=ASSIGNED)
    page = await sent(at_papers(second=refused), assign="take", chosen=["n1", "n2"])
    assert "terlebih dahulu. Hamid" in page.text
    assert re.findall(r'value="(n\d)" checked', page.text) == ["n2"]


async def test_nothing_that_is_chosen_is_lost_while_notification_is_down():
    typed = {"do": "hand-over", "chosen": ["n1", "n2"], "note": "Di kaunter"}
    page = await sent(Services(otherwise=DOWN), **typed)
    for one in ('name="chosen" value="n1"', 'name="chosen" value="n2"', 'value="Di kaunter"'):
        assert one in page.text


async def test_nothing_is_done_where_nothing_is_chosen():
    answer = await sent(at_papers(), do="print")
    assert answer.status_code == 422
    assert "Pilih sekurang-kurangnya satu kertas." in answer.text


@pytest.mark.parametrize(
    ("answered", "status", "is_kept"),
    [
        (DOWN, 503, True),
        (problem("unavailable", 503), 503, True),
        (problem("too_large", 413), 413, True),
        (httpx.Response(201, json={"inbox_items": ["a"], "pages": 1}), 200, False),
        (problem("idempotency_key_reused", 409), 409, False),
    ],
    ids=["no answer", "away", "refused", "taken in", "taken in before"],
)
async def test_a_batch_of_scans_keeps_its_key_until_it_is_taken_in(answered, status, is_kept):
    keys = []

    async def intake(call):
        keys.append(call.headers["idempotency-key"])
        await call.aread()
        return answered

    key = "imbasan-1"
    for _ in range(2):
        data = {"key": key, "channel": "memo"}
        scan = {"scan": ("imbasan.pdf", b"%PDF-1.4", "application/pdf")}
        answer = await browser(intake).post("/scans", data=data, files=scan)
        key = re.search(r'name="key" value="([^"]+)"', answer.text)[1]
    assert (answer.status_code, keys == ["imbasan-1"] * 2) == (status, is_kept)
    assert 'value="memo" selected' in answer.text or not is_kept


FIRST, SECOND = (
    PAPER.model_copy(update={"document_id": "sha256:" + digit * 64, "filename": name})
    for digit, name in (("1", 'surat "satu".pdf'), ("2", "<b>.pdf"))
)
UNKNOWN = {"pointer": "/evidence/1", "detail": "?", "code": "document_unknown"}


@pytest.mark.parametrize(
    ("documents", "refusal", "status", "kept", "told"),
    [
        ([FIRST, SECOND], problem("forbidden", 403), 403, [FIRST, SECOND], ""),
        (
            [FIRST, SECOND],
            problem("document_unknown", 422, errors=[UNKNOWN]),
            422,
            [FIRST],
            "Tiada dokumen seperti ini yang anda serahkan",
        ),
        (["sha256:1"], None, 422, [], "tidak dapat dijumpai: lampirkan semula"),
    ],
    ids=["refused", "one that the service does not know", "what is no document"],
)
async def test_documents_of_a_task_stay_in_its_form_where_they_are_known(
    documents, refusal, status, kept, told
):
    services = Services({"GET tasks/t": TASK}, otherwise=refusal)
    typed = [one if isinstance(one, str) else one.model_dump_json() for one in documents]
    data = {"key": "bukti-1", "do": "complete", "documents": typed}
    answer = await browser(services).post("/tasks/t", data=data)
    assert (answer.status_code, told in answer.text) == (status, True)
    found = re.findall(r'name="documents" value="([^"]*)"', answer.text)
    assert [type(PAPER).model_validate_json(html.unescape(one)) for one in found] == kept
    for call in services.posted:
        assert FIRST.document_id.encode() in call.content
        assert b"surat" not in call.content
    assert bool(services.posted) == bool(refusal)


async def test_a_portals_report_is_handed_in_and_each_line_that_stays_open_is_told():
    lines = [
        {"line": 2, "task_id": "t", "account": "lim.jpa@mygovuc.gov.my", "outcome": "completed"},
        {"line": 3, "task_id": "u", "account": "ali.jpa@mygovuc.gov.my", "outcome": "failed"}
        | {"message": "Akaun dikunci"},
        {"line": 4, "task_id": None, "account": None, "outcome": "unknown"},
    ]
    services = Services({"tasks/bulk-report": {"results": lines}, "tasks": [TASK]})
    handed_in = {"key": "laporan-1", "documents": FIRST.model_dump_json()}
    answer = await browser(services).post("/tasks", data=handed_in)
    assert FIRST.document_id.encode() in services.posted[0].content
    text = re.sub(r"\s+", " ", answer.text)
    assert "Laporan portal: 1 tugasan dilengkapkan" in text
    assert "Portal melaporkan kegagalan; tugasan kekal terbuka. “Akaun dikunci”" in text
    assert "Baris 4: Tiada tugasan agensi ini yang bernama begitu." in text
    assert "Baris 2" not in text
    nothing = await browser(services).post("/tasks", data={"key": "laporan-2"})
    assert (nothing.status_code, len(services.posted)) == (422, 1)
    assert "Pilih satu fail." in nothing.text


HASSAN = Officer(subject="hassan.jpa@mygovuc.gov.my", name="Hassan", role="administrator")
DONE = TaskInFull(
    **{**TASK, "status": "completed", "request_status": "configured"},
    completed_by=HASSAN,
    completed_at=AT,
    effective=Effective(
        ipms=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=1),
        storage=EffectiveStorage(enabled=True, quota_bytes=1, max_file_size_bytes=1),
    ),
)


@pytest.mark.parametrize(
    "how", [{"confirmed_by": HASSAN, "confirmed_at": AT}, {"read_back_at": AT}]
)
async def test_what_an_officer_confirmed_is_not_called_read_back(how):
    ipms = Evidence(target="ipms", connector="worklist", **how)
    storage = Evidence(target="storage", connector="copyparty", read_back_at=AT)
    task = DONE.model_copy(update={"proof": (storage, ipms)})
    page = await shown(Services({"tasks/t": task}), "/tasks/t")
    assert page.count("Dibaca semula") == 1
    assert "<dt>IPMS</dt> <dd>Disahkan oleh pegawai, tidak dibaca semula oleh sistem" in page


GRANT = Confirmation(
    request_id="r1",
    reference="BMT-MAMPU-2026-1",
    agency="MAMPU",
    account="lim.mampu@mygovuc.gov.my",
    applicant_name="Lim Mei Ling",
    status="open",
    campaign="2026-12",
    cause="not_serving",
    directory_read_at=AT,
    in_force_since=AT,
    asked_at=AT,
    answer_by=AT,
)
TYPED = {"key": "k1", "chosen": ["r1", "r2"], "reason": " Bersara. ", "do": "terminate"}


def at_grants(*found, answered=None):
    """`answered`: what provisioning says to a command."""
    items = [one.model_dump(mode="json") for one in found]
    answers = {"GET confirmations": items, "POST confirmations": answered}
    return Services(answers, otherwise=problem("unavailable", 503))


async def test_grants_to_be_confirmed_say_why_it_is_asked_and_have_a_form_where_one_is_open():
    page = await shown(at_grants(GRANT), "/confirmations", all=1)
    for part in ("Lim Mei Ling", "Akaun tidak aktif dalam direktori", "Sahkan masih diperlukan"):
        assert part in page
    assert 'name="chosen" value="r1" checked' in page
    assert "Tiada pemberian" in await shown(at_grants(), "/confirmations")
    done = GRANT.model_copy(update={"status": "confirmed", "reason": "Masih perlu."})
    page = await shown(at_grants(done), "/confirmations", status="confirmed")
    assert "Sahkan masih diperlukan" not in page


async def test_all_that_are_chosen_are_answered_at_once_and_the_page_says_what_became_of_each():
    answered = {"type": "urn:bmt:problem:already_decided", "code": "confirmation_answered"}
    results = [
        {"request_id": "r1", "status": 201, "termination_id": "t1"},
        {"request_id": "r2", "status": 409, "problem": answered},
    ]
    services = at_grants(GRANT, answered={"results": results})
    page = (await browser(services).post("/confirmations", data=TYPED)).text
    (posted,) = services.posted
    wanted = {"request_ids": ["r1", "r2"], "decision": "terminate", "reason": "Bersara."}
    assert json.loads(posted.content) == wanted
    assert posted.headers["Idempotency-Key"] == "k1"
    assert "/requests/t1" in page
    assert "r2: Seseorang telah menjawabnya." in page


@pytest.mark.parametrize("missing", ["chosen", "reason", "do"])
async def test_an_answer_that_lacks_something_is_not_sent_and_nothing_typed_is_lost(missing):
    services = at_grants(GRANT)
    page = (await browser(services).post("/confirmations", data={**TYPED, missing: ""})).text
    assert services.posted == []
    assert 'role="alert"' in page
    assert ("Bersara." in page) is (missing != "reason")


async def test_where_provisioning_is_away_the_answer_keeps_its_key():
    services = at_grants(GRANT, answered=problem("unavailable", 503))
    page = (await browser(services).post("/confirmations", data=TYPED)).text
    assert 'name="key" value="k1"' in page
    assert 'value="r1" checked' in page
