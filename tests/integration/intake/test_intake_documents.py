"""Documents: streamed in, told by their content, named by their uploader, stored once."""

import hashlib

import httpx
import pytest
from fixtures.problems import assert_problem, pointers
from intake_callers import ADMINISTRATOR, APPLICANT, PDF

pytestmark = pytest.mark.integration

PDF_ID = f"sha256:{hashlib.sha256(PDF).hexdigest()}"


async def test_a_document_is_stored_under_its_hash(upload):
    answer = await upload()
    assert answer.status_code == 201, answer.text
    assert answer.json() == {
        "document_id": PDF_ID,
        "size_bytes": len(PDF),
        "media_type": "application/pdf",
        "filename": "memo.pdf",
    }


async def test_each_uploader_keeps_the_name_that_they_gave(upload):
    await upload(filename="pertama.pdf")
    other = await upload(who=APPLICANT, filename="kedua.pdf")
    assert other.json()["filename"] == "kedua.pdf"
    assert other.json()["document_id"] == PDF_ID


async def test_the_same_key_gives_the_same_answer_and_other_bytes_none(upload):
    first = await upload(key="document", filename="a.pdf")
    again = await upload(key="document", filename="b.pdf")
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(await upload(PDF + b"!", key="document"), "idempotency_key_reused")


async def test_a_key_is_needed(intake, as_):
    headers = as_(*ADMINISTRATOR) | {"Content-Type": "application/pdf"}
    del headers["Idempotency-Key"]
    answer = await intake.post("/v1/documents", content=PDF, headers=headers)
    assert_problem(answer, "idempotency_key_missing")


async def test_a_name_may_be_missing_or_in_any_script(intake, as_):
    headers = as_(*ADMINISTRATOR) | {"Content-Type": "text/plain; charset=utf-8"}
    answer = await intake.post("/v1/documents", content=b"salam", headers=headers)
    assert (answer.json()["filename"], answer.json()["media_type"]) == (
        "document.txt",
        "text/plain",
    )
    headers = as_(*ADMINISTRATOR) | {
        "Content-Type": "text/plain",
        "Content-Disposition": "attachment; filename*=UTF-8''%E4%BF%A1%20rasmi.txt",
    }
    answer = await intake.post("/v1/documents", content=b"salam", headers=headers)
    assert answer.json()["filename"] == "信 rasmi.txt"


async def test_a_document_above_the_limit_is_too_large_however_it_comes(upload, intake, as_):
    assert_problem(await upload(PDF + b" " * 100_000), "too_large")

    async def pieces():
        for _ in range(200):
            yield b"%PDF-" + b" " * 1000

    headers = as_(*ADMINISTRATOR) | {"Content-Type": "application/pdf"}
    answer = await intake.post("/v1/documents", content=pieces(), headers=headers)
    assert_problem(answer, "too_large")
    assert (await upload(PDF.ljust(100_000))).status_code == 201


@pytest.mark.parametrize(
    ("content", "kind", "problem", "pointer"),
    [
        (b"", "application/pdf", "validation_failed", ""),
        (b"MZ\x90\x00", "application/pdf", "validation_failed", "/header/content-type"),
        (PDF, "image/png", "validation_failed", "/header/content-type"),
        (b"<html></html>", "text/plain", "validation_failed", "/header/content-type"),
        (b"\xff\xfe", "text/plain", "validation_failed", "/header/content-type"),
        (b"<html></html>", "text/html", "unsupported_media_type", None),
        (b"MZ\x90\x00", "application/x-msdownload", "unsupported_media_type", None),
        (PDF, "application/octet-stream", "unsupported_media_type", None),
        (PDF, "", "unsupported_media_type", None),
    ],
)
async def test_what_is_not_what_it_says_is_refused(upload, content, kind, problem, pointer):
    body = assert_problem(await upload(content, kind), problem)
    if pointer is None:
        assert "application/pdf" in body["allowed"]
    else:
        assert pointers(body) == {pointer}


async def test_a_name_that_is_none_is_refused(upload):
    body = assert_problem(await upload(filename=".."), "validation_failed")
    assert pointers(body) == {"/header/content-disposition"}


async def test_who_only_reads_uploads_nothing(upload):
    assert_problem(await upload(who=("auditor",)), "forbidden")
    for who in (("integrator", "", "hrmis"), ("operator", "JPA", "rahim")):
        assert (await upload(who=who)).status_code == 201


async def test_the_documentation_says_what_is_taken(intake: httpx.AsyncClient):
    document = (await intake.get("/openapi.json")).json()
    kinds = document["paths"]["/v1/documents"]["post"]["requestBody"]["content"]
    assert "application/pdf" in kinds
    assert "text/html" not in kinds
