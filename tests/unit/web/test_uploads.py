"""Files of a form: uploaded one by one, named when they are refused, and never cut short."""

from datetime import timedelta
from io import BytesIO

import pytest
from fixtures.samples import MONDAY
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.contracts.http.intake import DOCUMENT_BYTES, DocumentLimits, DocumentStored
from bmt.contracts.values import Document
from web import uploads
from web.forms import SubmittedForm

PDF = "application/pdf"
LETTER = Document(
    document_id="sha256:" + "a" * 64, filename="surat.pdf", media_type=PDF, size_bytes=9
)


class Intake:
    """Takes files in, unless `refuses` has their names."""

    def __init__(self, refuses=()):
        self.keys = []
        self._refuses = dict(refuses)

    async def send(self, where, path, file, model, key):
        assert (where, path, model) == ("intake", "/v1/documents", DocumentStored)
        content = b"".join([piece async for piece in file.content])
        assert len(content) == file.size_bytes
        if file.name in self._refuses:
            raise self._refuses[file.name]
        self.keys.append(key)
        number = f"{len(self.keys):x}".rjust(64, "0")
        return DocumentStored(
            document_id=f"sha256:{number}",
            size_bytes=file.size_bytes,
            media_type=file.media_type,
            filename=file.name,
        )


def sent(*files, documents=(), most_file_bytes=None):
    fields = [("documents", one) for one in documents]
    for name, content in files:
        upload = UploadFile(
            BytesIO(content),
            size=len(content),
            filename=name,
            headers=Headers({"content-type": PDF}),
        )
        fields.append(("attached", upload))
    return SubmittedForm(FormData(fields), "form-1", most_file_bytes)


async def attached(intake, form):
    return await uploads.attached(intake, form, "attached", pointer="/documents")


def told(came):
    return [(fault.code, fault.values.get("name")) for fault in came.faults]


async def test_a_file_has_the_same_key_whenever_it_is_sent():
    intake = Intake()
    for _ in range(2):
        await attached(intake, sent(("a.pdf", b"1")))
    assert len(set(intake.keys)) == 1


async def test_what_is_no_document_of_a_form_is_lost():
    came = await attached(Intake(), sent(documents=["sha256:x", LETTER.model_dump_json()]))
    assert came.documents == [LETTER]
    assert told(came) == [("attachment_lost", None)]


async def test_a_file_that_was_read_in_part_is_not_uploaded():
    intake = Intake()
    came = await attached(intake, sent(("a.pdf", b"1234"), most_file_bytes=3))
    assert told(came) == [("attachment_too_large", "a.pdf")]
    assert intake.keys == []


async def test_what_was_uploaded_before_a_service_went_down_stays():
    intake = Intake({"b.pdf": Unavailable("intake")})
    came = await attached(intake, sent(("a.pdf", b"1"), ("b.pdf", b"2"), ("c.pdf", b"3")))
    assert [one.filename for one in came.documents] == ["a.pdf"]
    with pytest.raises(Unavailable):
        came.require_all()
    assert told(came) == [("attachment_lost", None)]


class Limits:
    """An intake that says what it takes in, once."""

    def __init__(self, *answers):
        self._answers = list(answers)

    async def get(self, where, path, model):
        assert (where, path) == ("intake", "/v1/document-limits")
        return self._answers.pop(0)


def posted(content):
    body = b"\r\n".join(
        (
            b"--x",
            b'Content-Disposition: form-data; name="attached"; filename="a.pdf"',
            b"",
            content,
            b"--x--",
            b"",
        )
    )
    headers = [(b"content-type", b"multipart/form-data; boundary=x")]

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_a_form_is_read_within_what_intake_takes_in():
    forms = uploads.Uploads(lambda: MONDAY)
    client = Limits(DocumentLimits(max_bytes=3, media_types=(PDF,)))
    read = await forms.read(posted(b"12345"), client)
    assert read.most_file_bytes == 3
    assert read.files("attached")[0].size == 4  # one byte more shows that it is too large
    assert (await forms.limits(client)).media_types == (PDF,)  # not asked again within a minute


async def test_the_last_limits_count_while_intake_is_away():
    times = [MONDAY, MONDAY, MONDAY + timedelta(minutes=2)]
    forms = uploads.Uploads(lambda: times.pop(0))

    class Away(Limits):
        async def get(self, *_):
            raise Unavailable("intake")

    assert (await forms.limits(Away())).max_bytes == DOCUMENT_BYTES
    larger = DocumentLimits(max_bytes=2 * DOCUMENT_BYTES, media_types=(PDF,))
    assert await forms.limits(Limits(larger)) == larger
    assert await forms.limits(Away()) == larger
    assert forms.most_bytes() > 10 * larger.max_bytes
