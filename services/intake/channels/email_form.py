"""Telling whether a message holds a filled request, and what it asks for."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from bmt.agencies.register import Agencies
from bmt.contracts.field_errors import faults_in_body
from bmt.contracts.requests import SubmitRequest
from bmt.contracts.sizes import size_in_bytes
from services.intake.channels.labels import LABELS, Labelled, labelled
from services.intake.channels.message import ReadMessage
from services.intake.channels.plain_html import text_of
from services.intake.domain.events import Missing

KINDS: Final = {
    "permohonan": "application",
    "application": "application",
    "penamatan": "termination",
    "termination": "termination",
}
NEEDED: Final = ("kind", "agency", "name", "account", "email", "justification")
SIZES: Final = ("quota_bytes", "max_file_size_bytes")

_LONGEST_SHOWN: Final = 20_000
"""Characters of a field that people are shown; the whole stands in the message."""
_LONGEST_READ: Final = 2000
"""Characters of a field that has one line: an address of 254 may stand there three times, linked."""
_LINKED: Final = re.compile(r"[<\[]mailto:[^<>\[\]]*+[>\]]", re.IGNORECASE)
_IN_BRACKETS: Final = re.compile(r"[^<>]*+<([^<>\s]++)>")


Meant = dict[str, set[str | int | None]]


@dataclass(frozen=True, slots=True)
class Form:
    """What a message was understood to say.

    Attributes:
        understood: by field, as written (the first of several).
        missing: why it is no filled request; empty when it is one.
        request: what it asks for, when it is one.
        filled: everything that a request needs stands there, whoever sent it.
    """

    understood: dict[str, str]
    missing: tuple[Missing, ...]
    request: SubmitRequest | None
    filled: bool = False


def form_of(message: ReadMessage, forms: Iterable[str], agencies: Mapping[str, str]) -> Form:
    """The form that a message holds: in its text, or in a form that is attached.

    Args:
        message: as it was read.
        forms: the texts of the forms attached.
        agencies: codes by name, as of `codes_of`.
    """
    found = labelled((*message.plain, *forms))
    if not found:
        found = labelled(text_of(html) for html in message.html)
    understood = {field: min(values)[:_LONGEST_SHOWN] for field, values in found.items()}
    meant = _meant(found, agencies)
    by_machine = [Missing.of("message", message.automatic)] if message.automatic else []
    missing = (
        *(Missing.of("message", code) for code in message.unreadable),
        *by_machine,
        *_incomplete(meant),
    )
    if len(missing) > len(by_machine):
        return Form(understood, missing, None)
    form = _checked(understood, {field: values.pop() for field, values in meant.items()})
    if by_machine:
        return Form(understood, (*by_machine, *form.missing), None, filled=form.filled)
    return form


def _meant(found: Labelled, agencies: Mapping[str, str]) -> Meant:
    """What each field can mean: one value for each way it was written, None for what is unclear."""
    readers = _readers(agencies)
    return {
        field: {_read(readers[field], text) if field in readers else text for text in texts}
        for field, texts in found.items()
    }


def _read(reader: Callable[[str], str | int | None], text: str) -> str | int | None:
    """What was meant; nothing that people fill in is so long that it is not even looked at."""
    return reader(text) if len(text) <= _LONGEST_READ else None


def codes_of(agencies: Agencies) -> dict[str, str]:
    """The agencies' codes, by code and by name, both in lower case."""
    codes = {agency.rules.name.casefold(): agency.code for agency in agencies}
    return codes | {agency.code.casefold(): agency.code for agency in agencies}


def _readers(agencies: Mapping[str, str]) -> dict[str, Callable[[str], str | int | None]]:
    return {
        "kind": _kind,
        "agency": lambda text: agencies.get(text.casefold()),
        "account": _address,
        "email": _address,
        "quota_bytes": size_in_bytes,
        "max_file_size_bytes": size_in_bytes,
    }


def _kind(text: str) -> str | None:
    """`permohonan`, `application`, or both in one line."""
    kinds = {KINDS.get(word.strip()) for word in text.casefold().split("/")}
    return kinds.pop() if len(kinds) == 1 else None


def _address(text: str) -> str:
    """The bare address, of which mail programs make links."""
    bare = _LINKED.sub("", text).strip()
    return match[1] if (match := _IN_BRACKETS.fullmatch(bare)) else bare


def _incomplete(meant: Meant) -> Iterable[Missing]:
    asks_sizes = meant.get("kind") != {"termination"}
    for field in (*NEEDED, *(SIZES if asks_sizes else ())):
        label = " / ".join(LABELS[field][:2]).capitalize()
        values = meant.get(field, set())
        if not values and field in NEEDED:
            yield Missing.of(field, "line_missing", label=label)
        elif len(values) > 1:
            yield Missing.of(field, "line_twice", label=label)
        elif None in values:
            yield Missing.of(field, "line_not_understood", label=label)


def _checked(understood: dict[str, str], values: dict[str, str | int | None]) -> Form:
    """The request, held to the same rules as the body of `POST /v1/requests`."""
    sizes = SIZES if values["kind"] == "application" else ()
    body = {name: values.get(name) for name in ("kind", "agency", "justification", *sizes)}
    applicant = {name: values[name] for name in ("account", "name", "email")}
    asked = {**body, "applicant": applicant, "channel": "email"}
    try:
        request = SubmitRequest.model_validate(asked)
    except ValidationError as error:
        return Form(understood, tuple(map(Missing.wrong, faults_in_body(error, asked))), None)
    return Form(understood, (), request, filled=True)
