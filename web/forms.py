"""Forms as browsers send them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, TypeVar

from fastapi import Depends
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import LimitedRequest
from bmt.chassis.runtime.clock import new_id
from bmt.contracts.problems import FieldError, Refused, faults_in_body
from bmt.contracts.values import size_in_bytes

FORM_BYTES: Final = 1024 * 1024
"""The largest form without files."""
PIECE_BYTES: Final = 64 * 1024
KEY: Final = "key"
"""The field with the form's permanent id: sent twice it is one command, as with an Idempotency-Key."""
KEEP: Final = "keep"
"""The button that only saves what was typed; its value is the language of the next page, or `reload`."""
_LONGEST_KEY: Final = 64
_FORM: Final = "bmt.form"


M = TypeVar("M", bound=BaseModel)


class FormWrong(Refused):
    """The form's input is invalid; each field's fault is named."""

    problem = "validation_failed"


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A form as a browser submitted it.

    Attributes:
        key: the form's id; a new one if it has none.
        most_file_bytes: a file that is longer was not read to its end.
    """

    fields: FormData
    key: str
    most_file_bytes: int | None = None

    def key_after(self, refused: Refused) -> str:
        """The key of the form when it is shown again: the same if the command may have succeeded.

        Else a new one, as changed input is another command.
        """
        return self.key if refused.problem == "unavailable" else new_key()

    def text(self, name: str) -> str:
        """The value of a field; empty if there is none, or a file."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """All values of a field, each once, in order."""
        values = (value for value in self.fields.getlist(name) if isinstance(value, str))
        return list(dict.fromkeys(values))

    def files(self, name: str) -> list[UploadFile]:
        """The files of a field, without empty ones."""
        values = self.fields.getlist(name)
        return [one for one in values if isinstance(one, UploadFile) and one.filename]


def new_key() -> str:
    """The id of a form that is about to be shown."""
    return new_id()


def validated(model: type[M], values: Mapping[str, Any], faults: Sequence[FieldError] = ()) -> M:
    """The form's input as the API would read it; `faults` are those found before.

    Raises:
        FormWrong: naming every field that is wrong.
    """
    try:
        valid = model.model_validate(values)
    except ValidationError as error:
        raise FormWrong(errors=(*faults, *faults_in_body(error, values))) from None
    if faults:
        raise FormWrong(errors=tuple(faults))
    return valid


def refusal(error: Refused | Unavailable) -> Refused:
    """The error as it is shown above a form."""
    return error if isinstance(error, Refused) else Refused(problem="unavailable")


def faults_of(refused: Refused | None) -> dict[str, FieldError]:
    """The fault of each field, by the first step of its pointer."""
    if refused is None:
        return {}
    return {fault.pointer.split("/")[1]: fault for fault in refused.errors if fault.pointer}


class FieldFault(NamedTuple):
    """A fault in the list above a form, which links to its field."""

    field: str
    fault: FieldError


def first_step(pointer: str) -> str:
    """The field that a pointer leads to: `/documents/1` to `documents`."""
    return pointer.split("/")[1] if pointer else ""


def field_faults(
    refused: Refused | None, field_of: Callable[[str], str] = first_step
) -> Sequence[FieldFault]:
    """All faults, in the order of the refusal; a field may have several."""
    errors = refused.errors if refused else ()
    found: list[FieldFault] = []
    for one in errors:
        if (each := FieldFault(field_of(one.pointer), one)) not in found:
            found.append(each)
    return found


async def read_form(request: Request) -> SubmittedForm:
    """A dependency: the form of a call, without files.

    Raises:
        Refused: `too_large`.
    """
    return await read(request, FORM_BYTES, most_files=0)


Form = Annotated[SubmittedForm, Depends(read_form)]


class _Capped(MultiPartParser):
    """Keeps at most one byte above the limit of a file, which shows that it is too large."""

    most_file_bytes: int
    _file_bytes = 0

    def on_part_begin(self) -> None:
        super().on_part_begin()
        self._file_bytes = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is not None:
            end = min(end, start + self.most_file_bytes + 1 - self._file_bytes)
            self._file_bytes += end - start
        super().on_part_data(data, start, end)


async def read(
    request: Request, most_bytes: int, most_files: int, most_file_bytes: int | None = None
) -> SubmittedForm:
    """The form of a call. Files above a megabyte are on disk and are removed after the call.

    Of a file longer than `most_file_bytes` (default: `most_bytes`) the rest is skipped, so the form is not lost.

    Raises:
        Refused: `too_large`; `validation_failed`, if it is no form or has too many files.
    """
    limited = LimitedRequest(request.scope, request.receive, most_bytes)
    try:
        if is_multipart(request):
            async with aclosing(limited.stream()) as stream:
                parser = _Capped(limited.headers, stream, max_files=most_files)
                parser.most_file_bytes = most_bytes if most_file_bytes is None else most_file_bytes
                fields = await parser.parse()
        else:
            fields = await limited.form(max_files=most_files)
    except (HTTPException, MultiPartException):
        wrong = FieldError.of(
            "", "too_many_files" if most_files else "not_a_form", maximum=most_files
        )
        raise Refused(wrong.detail, problem="validation_failed", errors=(wrong,)) from None
    request.scope[_FORM] = fields
    key = fields.get(KEY)
    key = key if isinstance(key, str) and _is_key(key) else new_key()
    return SubmittedForm(fields, key, most_file_bytes)


def is_multipart(request: Request) -> bool:
    """Whether the form may have files."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def form_read_before(request: Request) -> FormData | None:
    """The form of this call if it was read before; a body can be read only once."""
    fields: FormData | None = request.scope.get(_FORM)
    return fields


def _is_key(key: str) -> bool:
    return 0 < len(key) <= _LONGEST_KEY and all("!" <= character <= "~" for character in key)


def read_sizes(typed: Mapping[str, str], faults: list[FieldError]) -> dict[str, int]:
    """The sizes of a form's fields, typed in gigabytes (powers of ten). Empty fields are left out; wrong ones are added to `faults`."""
    sizes: dict[str, int] = {}
    for name, text in typed.items():
        size = size_in_bytes(text.strip(), unit="gb")
        if size is not None:
            sizes[name] = size
        elif text.strip():
            faults.append(FieldError.of(f"/{name}", "not_gigabytes"))
    return sizes
