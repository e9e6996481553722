"""What stands in a form that cannot be taken now: its text, without the files."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from bmt.chassis.http.body_limit import LimitedRequest
from bmt.contracts.problems import FieldError, Refused
from bmt.pages.forms import FORM_BYTES, is_multipart, taken


@dataclass(frozen=True, slots=True)
class KeptText:
    """A form's text.

    Attributes:
        texts: name and value of each field, as they were sent.
        files: field and name of each file, which is not kept.
    """

    texts: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, str]]


class _TextAlone(MultiPartParser):
    """Reads past the bytes of files: nothing of somebody unknown is put on the disk."""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            super().on_part_data(data, start, end)


async def kept_text(request: Request, most_bytes: int) -> KeptText:
    """The text of a form, whether it was read before or not; it may have `FORM_BYTES` of it.

    Args:
        request: the call.
        most_bytes: of the whole form where files are in it.

    Raises:
        Refused: `too_large`; `validation_failed`, where it is no form.
    """
    form = taken(request) or await _read(request, most_bytes)
    texts, files = [], []
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            texts.append((name, value))
        elif value.filename:
            files.append((name, value.filename))
    await form.close()
    if sum(len(name) + len(text) for name, text in texts) > FORM_BYTES:
        raise Refused(f"A form may have at most {FORM_BYTES} bytes.", problem="too_large")
    return KeptText(texts, files)


async def _read(request: Request, most_bytes: int) -> FormData:
    has_files = is_multipart(request)
    limited = LimitedRequest(
        request.scope, request.receive, most_bytes if has_files else FORM_BYTES
    )
    try:
        if not has_files:
            return await limited.form()
        async with aclosing(limited.stream()) as stream:
            return await _TextAlone(limited.headers, stream).parse()
    except (MultiPartException, HTTPException):
        wrong = FieldError.of("", "not_a_form")
        raise Refused(wrong.detail, problem="validation_failed", errors=(wrong,)) from None
