"""The form of a decision: what was typed, and what it says as a ruling."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

from pydantic import ValidationError

from bmt.chassis.field_errors import field_errors
from bmt.contracts.http.approval import Choice, Ruling
from bmt.contracts.problems import FieldError, Refused
from bmt.pages.forms import Sent, new_key

BYTES_A_GIGABYTE: Final = 10**9
_DECIMALS: Final = 9
_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
_TEXTS: Final = ("reason", "exception_reason", "on_behalf_of")
_CHOICES: Final = get_args(Choice)


class FormWrong(Refused):
    """What was typed is no ruling; each field's fault is told."""

    problem = "validation_failed"


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """What stands in the form: nothing that was typed is lost when a decision is refused.

    Attributes:
        key: names this one form for ever.
        typed: by field; sizes in gigabytes, as people write them.
    """

    key: str = field(default_factory=new_key)
    typed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, sent: Sent) -> "DecisionForm":
        """As it was sent; what is decided differently next time is another form."""
        return cls(new_key(), {name: sent.text(name) for name in ("decision", *_SIZES, *_TEXTS)})

    def value(self, name: str, otherwise: str = "") -> str:
        """What stands in a field."""
        return self.typed.get(name, otherwise)

    def ruling(self) -> Ruling:
        """What it says; what belongs to another decision than the one chosen is left out.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        choice = self.value("decision")
        if choice not in _CHOICES:
            raise FormWrong(errors=(FieldError(pointer="/decision", detail="Choose one."),))
        told: dict[str, object] = {"decision": choice}
        told |= {name: text for name in _TEXTS if (text := self.value(name).strip())}
        faults: list[FieldError] = []
        if choice == "approve":
            told |= self._sizes(faults)
        else:
            told.pop("exception_reason", None)
        try:
            ruling = Ruling.model_validate(told)
        except ValidationError as error:
            found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
            raise FormWrong(errors=(*faults, *field_errors(found, told))) from None
        if faults:
            raise FormWrong(errors=tuple(faults))
        return ruling

    def _sizes(self, faults: list[FieldError]) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for name in _SIZES:
            typed = self.value(name).strip()
            size = in_bytes(typed)
            if size is not None:
                sizes[name] = size
            elif typed:
                faults.append(FieldError(pointer=f"/{name}", detail="A number of GB is needed."))
        return sizes


def in_bytes(gigabytes: str) -> int | None:
    """A size as people write it, with a point or a comma, in whole bytes; None: it is none."""
    whole, _, part = gigabytes.replace(",", ".").partition(".")
    digits = whole + part
    if not (whole and digits.isascii() and digits.isdigit()):
        return None
    if len(whole) > _DECIMALS or len(part) > _DECIMALS:
        return None
    return int(whole) * BYTES_A_GIGABYTE + int(part.ljust(_DECIMALS, "0"))


def in_gigabytes(size_bytes: int | None) -> str:
    """A size as people write it."""
    if size_bytes is None:
        return ""
    whole, part = divmod(size_bytes, BYTES_A_GIGABYTE)
    return f"{whole}.{part:09}".rstrip("0").rstrip(".")
