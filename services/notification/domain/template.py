"""An agency's words for one kind of notice. Each has its own stream, `template-<agency>-<about>`.

What a template's text may contain: words, and variables in braces. Nothing in it is executed.

`{nama}` is the variable `nama`; `{{` and `}}` are the braces themselves. There are no attributes,
indexes, formats or expressions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import About, Event
from bmt.contracts.http.notification import Wording, Words
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Submitter
from services.notification.domain.errors import SavedMeanwhile, TemplateWrong
from services.notification.domain.events import TemplateSaved


@dataclass(frozen=True, slots=True)
class SaveWords:
    """Use these words from now on.

    Attributes:
        words: None: the default words.
        seen: the version that the caller had read.
    """

    agency: str
    about: About
    words: Words | None
    why: str
    seen: int
    by: Submitter
    at: datetime


@dataclass(frozen=True, slots=True)
class Template:
    """The saved versions, in order. The last is in force."""

    saved: tuple[TemplateSaved, ...] = ()

    @property
    def version(self) -> int:
        return len(self.saved)


def decide(command: SaveWords, template: Template) -> Sequence[Event]:
    """Save the words.

    Raises:
        TemplateWrong: they cannot be used.
        SavedMeanwhile: another version was saved first.
    """
    if command.words is not None:
        require_sound(command.about, command.words)
    if command.seen != template.version:
        raise SavedMeanwhile(template.version)
    return [
        TemplateSaved(
            agency=command.agency,
            about=command.about,
            version=template.version + 1,
            words=command.words,
            why=command.why,
            saved_by=command.by,
            saved_at=command.at,
        )
    ]


def require_sound(about: About, words: Words) -> None:
    """Check that these words can be used.

    Raises:
        TemplateWrong: they cannot.
    """
    if wrong := faults(about, words):
        raise TemplateWrong(wrong)


def faults(about: About, words: Words) -> Sequence[FieldError]:
    """Every fault of these words, with its place. Empty if they can be used."""
    languages: Mapping[str, Wording] = {"malay": words.malay, "english": words.english}
    return [
        fault
        for language, wording in languages.items()
        for fault in _faults(about, f"/words/{language}", wording)
    ]


def _faults(about: About, pointer: str, wording: Wording) -> Iterator[FieldError]:
    held = set()
    for place, text in _texts(pointer, wording):
        for token in TOKEN.finditer(text):
            name, position = token["name"], token.start() + 1
            held.add(name)
            if token[0] in ("{", "}"):
                yield FieldError.of(place, "stray_brace", brace=token[0], position=position)
            elif name and name not in ALLOWED[about]:
                allowed = tuple(ALLOWED[about])
                yield FieldError.of(place, "unknown_variable", position=position, variables=allowed)
            elif name and MEANINGS[name].is_sentence and "/onward/" not in place:
                yield FieldError.of(place, "variable_not_here", variable=f"{{{name}}}")
    if missing := [name for name in REQUIRED[about] if name not in held]:
        names = tuple(f"{{{name}}}" for name in missing)
        yield FieldError.of(pointer, "variables_missing", variables=names)


def _texts(pointer: str, wording: Wording) -> Iterator[tuple[str, str]]:
    """Each text with its place. Variables that are whole sentences may appear in paragraphs (`onward`) only."""
    yield f"{pointer}/opening", wording.opening
    for part in ("onward", "closing"):
        for number, text in enumerate(getattr(wording, part)):
            yield f"{pointer}/{part}/{number}", text
    if wording.signatory is not None:
        yield f"{pointer}/signatory", wording.signatory


def evolve(template: Template, event: BaseModel) -> Template:
    """The template after `event`."""
    return Template((*template.saved, event)) if isinstance(event, TemplateSaved) else template


DECIDER: Final[Decider[SaveWords, Template]] = Decider(Template(), decide, evolve)


NO_VALUE: Final = "–"
"""Replaces a variable that has no value."""

TOKEN: Final = re.compile(r"\{\{|\}\}|\{(?P<name>[a-z][a-z_]*)\}(?P<space> ?)|[{}]")
"""What is no word: a brace written twice, a variable with the space after it, or a brace that belongs to none."""


def written(text: str, values: Mapping[str, str | None]) -> str:
    """`text` with its values filled in. Values are not searched for variables.

    An unknown variable, or one without a value, becomes a dash. An empty value (a sentence that is
    left out) also removes the space after it. This never fails, whatever was stored.
    """

    def filled(token: re.Match[str]) -> str:
        if token["name"] is None:
            return token[0][0]
        value = values.get(token["name"])
        if value == "":
            return ""
        return (NO_VALUE if value is None else value) + token["space"]

    return TOKEN.sub(filled, text).strip()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a variable stands for, in both languages.

    Attributes:
        is_sentence: the value is a whole sentence, or empty.
    """

    malay: str
    english: str
    is_sentence: bool = False


MEANINGS: Final[Mapping[str, Meaning]] = {
    "rujukan": Meaning("Nombor rujukan permohonan", "The request's reference"),
    "keputusan": Meaning(
        "Apa yang berlaku: diterima, ditolak, diluluskan …",
        "What happened: received, rejected, approved …",
    ),
    "permohonan": Meaning(
        "Permohonan seperti yang disebut kepada pemohon: permohonan tuan/puan bagi perkhidmatan …",
        "The request as it is spoken of to the applicant: your application for the …",
    ),
    "nama": Meaning("Nama pemohon", "The applicant's name"),
    "akaun": Meaning("Akaun pemohon", "The applicant's account"),
    "agensi": Meaning("Nama penuh agensi", "The agency's full name"),
    "tarikh_terima": Meaning("Tarikh permohonan diterima", "The day the request was received"),
    "tarikh": Meaning("Tarikh keputusan atau tindakan", "The day of the decision or action"),
    "kuota": Meaning("Kuota storan", "The storage quota"),
    "saiz_fail": Meaning("Saiz fail terbesar", "The largest file"),
    "saluran": Meaning(
        "Cara keputusan akan dimaklumkan: e-mel, surat …",
        "How the outcome will be told: e-mail, letter …",
    ),
    "piagam": Meaning(
        "Ayat janji Piagam Pelanggan, jika ada",
        "The client charter's promise as a sentence, if there is one",
        is_sentence=True,
    ),
    "selanjutnya": Meaning(
        "Ayat tentang apa yang boleh dibuat selepas ini",
        "A sentence on what can be done from here on",
        is_sentence=True,
    ),
    "semakan": Meaning(
        "Ayat dengan alamat semakan status, jika ada",
        "A sentence with the address where the status is seen, if there is one",
        is_sentence=True,
    ),
}

_OF_ALL: Final = ("rujukan", "keputusan", "permohonan", "nama", "akaun", "agensi", "tarikh_terima")
_SIZES: Final = ("kuota", "saiz_fail")

ALLOWED: Final[Mapping[About, tuple[str, ...]]] = {
    "acknowledgement": (*_OF_ALL, *_SIZES, "saluran", "piagam", "semakan"),
    "approved": (*_OF_ALL, "tarikh", "semakan"),
    "rejected": (*_OF_ALL, "tarikh", "selanjutnya", "semakan"),
    "returned": (*_OF_ALL, "tarikh", "semakan"),
    "withdrawn": (*_OF_ALL, "tarikh", "selanjutnya", "semakan"),
    "configured": (*_OF_ALL, "tarikh", *_SIZES, "semakan"),
    "terminated": (*_OF_ALL, "tarikh", "semakan"),
}
"""The notices that have a template, with the variables that each may contain."""

REQUIRED: Final[Mapping[About, tuple[str, ...]]] = {
    about: ("rujukan", "keputusan", "tarikh_terima" if about == "acknowledgement" else "tarikh")
    for about in ALLOWED
}
"""The variables that each must contain: which request, what happened to it, and when."""
