"""Papers: printed as one, handed over each by itself, and taken."""

from io import BytesIO

import httpx
from console_pages import browser, problem
from pypdf import PdfReader, PdfWriter

NOTHING = {"items": [], "next_cursor": None}
KEY = "serah-1"


def paper(number, **changes):
    return {
        "notification_id": f"n{number}",
        "request_id": f"r{number}",
        "reference": f"BMT-MAMPU-2026-{number}",
        "about": "configured",
        "channel": "letter",
        "status": "prepared",
        "document_id": "sha256:" + "0" * 64,
        "recipient": f"Ahmad {number}",
        "wanted_since": "2026-11-28T01:00:00Z",
        **changes,
    }


def pdf(pages):
    writer, whole = PdfWriter(), BytesIO()
    for _ in range(pages):
        writer.add_blank_page(100, 100)
    writer.write(whole)
    return whole.getvalue()


def services(calls, listed, refused=None):
    """All services; `refused` is what a hand-over or a taking of the second paper is answered."""

    def answers(call):
        path = call.url.path
        calls.append(call)
        if path.endswith("/document"):
            return httpx.Response(200, content=pdf(int(path[-10])))
        if call.method == "POST" and refused and "/n2/" in path:
            return refused
        if path.endswith("/dispatch"):
            told = {**listed[0], "dispatched_by": "siti", "dispatched_at": "2026-11-28T01:00:00Z"}
            return httpx.Response(201, json=told)
        if path.endswith("/assignment"):
            return httpx.Response(201, json={"assignment": None})
        found = {"items": listed, "next_cursor": None}
        return httpx.Response(200, json=found if path == "/v1/notifications" else NOTHING)

    return answers


async def test_the_list_says_who_to_whom_and_which_and_boxes_are_for_papers_alone():
    mail = paper(2, channel="email", recipient="ahmad@mampu.gov.my")
    page = (await browser(services([], [paper(1), mail])).get("/papers?all=1")).text
    for text in ("BMT-MAMPU-2026-1", "Ahmad 1", "ahmad@mampu.gov.my", "Perkhidmatan diaktifkan"):
        assert text in page
    assert page.count('name="chosen"') == page.count(" checked ") == 1


async def test_what_is_chosen_is_one_pdf_in_the_lists_order():
    data = {"key": KEY, "do": "print", "chosen": ["n2", "n1"]}
    answer = await browser(services([], [paper(1), paper(2)])).post("/papers", data=data)
    assert answer.headers["content-type"] == "application/pdf"
    assert len(PdfReader(BytesIO(answer.content)).pages) == 3


async def test_what_is_chosen_is_handed_over_each_by_itself_with_one_note():
    calls = []
    refused = problem("not_for_this_notice", 409, code="handed_over_before")
    data = {"key": KEY, "do": "hand-over", "chosen": ["n1", "n2"], "note": " Di kaunter "}
    page = await browser(services(calls, [paper(1), paper(2)], refused)).post("/papers", data=data)
    posts = [call for call in calls if call.method == "POST"]
    keys = {call.headers["idempotency-key"] for call in posts}
    assert keys == {f"{KEY}:n1", f"{KEY}:n2"}
    assert {call.content for call in posts} == {b'{"note":"Di kaunter"}'}
    assert "Telah diserahkan</span>" in page.text
    assert "Kertas ini telah diserahkan sebelum ini." in page.text
    assert 'value="n2" checked' in page.text
    assert 'value="n1" checked' not in page.text


async def test_who_was_first_is_told_to_whoever_takes_a_paper_second():
    hamid = {"subject": "hamid", "name": "Hamid", "role": "administrator"}
    first = {"by": hamid, "at": "2026-11-28T01:00:00Z", "until": "2026-11-29T01:00:00Z"}
    refused = problem("already_assigned", 409, assignment=first)
    data = {"key": KEY, "assign": "take", "chosen": ["n1", "n2"]}
    page = await browser(services([], [paper(1), paper(2)], refused)).post("/papers", data=data)
    assert "terlebih dahulu. Hamid" in page.text
    assert 'value="n2" checked' in page.text
    assert 'value="n1" checked' not in page.text


async def test_nothing_that_is_chosen_is_lost_while_notification_is_down():
    down = {"key": KEY, "do": "hand-over", "chosen": ["n1", "n2"], "note": "Di kaunter"}
    page = await browser(lambda _: httpx.Response(502)).post("/papers", data=down)
    for one in ("n1", "n2"):
        assert f'name="chosen" value="{one}"' in page.text
    assert 'value="Di kaunter"' in page.text


async def test_nothing_is_done_where_nothing_is_chosen():
    answer = await browser(services([], [paper(1)])).post(
        "/papers", data={"key": KEY, "do": "print"}
    )
    assert answer.status_code == 422
    assert "Pilih sekurang-kurangnya satu kertas." in answer.text
