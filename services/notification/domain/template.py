"""An agency's words for one kind of notice. Each has its own stream, `template-<agency>-<about>`."""

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
from services.notification.domain.grammar import (
    ALLOWED,
    MEANINGS,
    REQUIRED,
    StrayBrace,
    Variable,
    parts,
)


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


@dataclass(frozen=True, slots=True)
class _Place:
    """A text of the template. Variables that are whole sentences may appear in paragraphs only."""

    pointer: str
    text: str
    takes_sentences: bool = False


def faults(about: About, words: Words) -> Sequence[FieldError]:
    """Every fault of these words, with its place. Empty if they can be used."""
    languages: Mapping[str, Wording] = {"malay": words.malay, "english": words.english}
    return [
        fault
        for language, wording in languages.items()
        for fault in _faults(about, f"/words/{language}", wording)
    ]


def _faults(about: About, pointer: str, wording: Wording) -> Iterator[FieldError]:
    places = list(_places(pointer, wording))
    for place in places:
        for part in parts(place.text):
            match part:
                case StrayBrace(brace=brace, position=position):
                    yield FieldError.of(
                        place.pointer, "stray_brace", brace=brace, position=position
                    )
                case Variable(name=name, position=position) if name not in ALLOWED[about]:
                    yield FieldError.of(
                        place.pointer,
                        "unknown_variable",
                        position=position,
                        variables=tuple(ALLOWED[about]),
                    )
                case Variable(name=name) if MEANINGS[name].is_sentence:
                    if not place.takes_sentences:
                        yield FieldError.of(
                            place.pointer, "variable_not_here", variable=f"{{{name}}}"
                        )
    held = {
        part.name for place in places for part in parts(place.text) if isinstance(part, Variable)
    }
    missing = [name for name in REQUIRED[about] if name not in held]
    if missing:
        names = tuple(f"{{{name}}}" for name in missing)
        yield FieldError.of(pointer, "variables_missing", variables=names)


def _places(pointer: str, wording: Wording) -> Iterator[_Place]:
    yield _Place(f"{pointer}/opening", wording.opening)
    for number, paragraph in enumerate(wording.onward):
        yield _Place(f"{pointer}/onward/{number}", paragraph, takes_sentences=True)
    for number, line in enumerate(wording.closing):
        yield _Place(f"{pointer}/closing/{number}", line)
    if wording.signatory is not None:
        yield _Place(f"{pointer}/signatory", wording.signatory)


def evolve(template: Template, event: BaseModel) -> Template:
    """The template after `event`."""
    return Template((*template.saved, event)) if isinstance(event, TemplateSaved) else template


DECIDER: Final[Decider[SaveWords, Template]] = Decider(Template(), decide, evolve)
