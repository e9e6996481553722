"""Files of a form: uploaded one by one, named when they are refused, and never cut short; and originals beside a form."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from console_pages import PAPER
from fixtures.samples import MONDAY
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.contracts.http.intake import DOCUMENT_BYTES, DocumentLimits, DocumentStored
from bmt.contracts.problems import Refused
from web import pictures, uploads
from web.clients import Received
from web.forms import SubmittedForm
from web.pictures import Pictures

PDF = "application/pdf"


class Intake:
    """Takes files in, or is away when the one of this name comes; says what it takes in once for each of `limits`."""

    def __init__(self, *limits, away_at=None):
        self.keys, self.limits, self.away_at = [], list(limits), away_at

    async def send(self, where, path, file, model, key):
        assert (where, path, model) == ("intake", "/v1/documents", DocumentStored)
        content = b"".join([piece async for piece in file.content])
        assert len(content) == file.size_bytes
        if file.name == self.away_at:
            raise Unavailable(where)
        self.keys.append(key)
        return DocumentStored(
            document_id=f"sha256:{len(self.keys):064x}",
            size_bytes=file.size_bytes,
            media_type=file.media_type,
            filename=file.name,
        )

    async def get(self, where, path, model):
        assert (where, path, model) == ("intake", "/v1/document-limits", DocumentLimits)
        if not self.limits:
            raise Unavailable(where)
        return self.limits.pop(0)


async def attached(intake, *files, documents=(), most_file_bytes=None):
    kind = Headers({"content-type": PDF})
    fields = [("documents", one) for one in documents]
    for name, content in files:
        upload = UploadFile(BytesIO(content), size=len(content), filename=name, headers=kind)
        fields.append(("attached", upload))
    form = SubmittedForm(FormData(fields), "form-1", most_file_bytes)
    return await uploads.attached(intake, form, "attached", pointer="/documents")


def told(came):
    return [(fault.code, fault.values.get("name")) for fault in came.faults]


async def test_a_file_has_the_same_key_whenever_it_is_sent():
    intake = Intake()
    for _ in range(2):
        await attached(intake, ("a.pdf", b"1"))
    assert len(set(intake.keys)) == 1


async def test_what_is_no_document_of_a_form_is_lost():
    came = await attached(Intake(), documents=["sha256:x", PAPER.model_dump_json()])
    assert came.documents == [PAPER]
    assert told(came) == [("attachment_lost", None)]


async def test_a_file_that_was_read_in_part_is_not_uploaded():
    intake = Intake()
    came = await attached(intake, ("a.pdf", b"1234"), most_file_bytes=3)
    assert told(came) == [("attachment_too_large", "a.pdf")]
    assert intake.keys == []


async def test_what_was_uploaded_before_a_service_went_down_stays():
    files = (("a.pdf", b"1"), ("b.pdf", b"2"), ("c.pdf", b"3"))
    came = await attached(Intake(away_at="b.pdf"), *files)
    assert [one.filename for one in came.documents] == ["a.pdf"]
    with pytest.raises(Unavailable):
        came.require_all()
    assert told(came) == [("attachment_lost", None)]


def posted(content):
    field = b'Content-Disposition: form-data; name="attached"; filename="a.pdf"'
    body = b"\r\n".join((b"--x", field, b"", content, b"--x--", b""))
    headers = [(b"content-type", b"multipart/form-data; boundary=x")]

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_a_form_is_read_within_what_intake_takes_in():
    forms = uploads.Uploads(lambda: MONDAY)
    intake = Intake(DocumentLimits(max_bytes=3, media_types=(PDF,)))
    read = await forms.read(posted(b"12345"), intake)
    assert read.most_file_bytes == 3
    assert read.files("attached")[0].size == 4  # one byte more shows that it is too large
    assert (await forms.limits(intake)).media_types == (PDF,)  # not asked again within a minute


async def test_the_last_limits_count_while_intake_is_away():
    times = [MONDAY, MONDAY, MONDAY + timedelta(minutes=2)]
    forms = uploads.Uploads(lambda: times.pop(0))
    assert (await forms.limits(Intake())).max_bytes == DOCUMENT_BYTES
    larger = DocumentLimits(max_bytes=2 * DOCUMENT_BYTES, media_types=(PDF,))
    assert await forms.limits(Intake(larger)) == larger
    assert await forms.limits(Intake()) == larger
    assert forms.most_bytes() > 10 * larger.max_bytes


LETTER = (Path(__file__).parents[3] / "examples" / "documents" / "surat-kamal.pdf").read_bytes()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """A machine that is busy with other tests may take longer than a page waits."""
    monkeypatch.setattr(pictures, "SHOWN_WITHIN_SECONDS", 60.0)


async def read(_):
    return Received(PDF, LETTER)


async def pages(shown, how=read):
    return [one.pages for one in await shown.shown([PAPER], how)]


@pytest.mark.parametrize("limit", ["SECONDS", "SHOWN_WITHIN_SECONDS"])
async def test_an_original_that_took_too_long_once_is_shown_another_time(monkeypatch, limit):
    shown = Pictures()
    with monkeypatch.context() as hurried:
        hurried.setattr(pictures, limit, 0.0)
        assert await pages(shown) == [0]
    assert await pages(shown) == [1]


@pytest.mark.parametrize("away", [Refused(problem="not_found"), Unavailable("approval")])
async def test_a_page_is_shown_without_the_pictures_that_cannot_be_had_now(away):
    async def cannot(_):
        raise away

    shown = Pictures()
    assert await pages(shown, cannot) == [0]
    assert await pages(shown) == [1]


async def test_what_is_no_paper_is_not_opened():
    async def text(_):
        return Received("text/html", LETTER)

    with pytest.raises(Refused):
        await Pictures().page(PAPER.document_id, 1, text)
