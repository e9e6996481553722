"""An agency's words for one kind of notice: saved version by version, or back to the default.

A stream of its own (`template-<agency>-<about>`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bmt.contracts.events import About, Event
from bmt.contracts.http.notification import Wording, Words
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Submitter
from services.notification.domain.events import TemplateSaved
from services.notification.domain.grammar import (
    ALLOWED,
    MEANINGS,
    REQUIRED,
    StrayBrace,
    Variable,
    parts,
)

# What is wrong with an agency's words, all at once, each fault with its place.


@dataclass(frozen=True, slots=True)
class _Place:
    """A text of the template; sentences, which may be left out, stand where a paragraph may be too."""

    pointer: str
    text: str
    takes_sentences: bool = False


def faults(about: About, words: Words) -> Sequence[FieldError]:
    """Nothing where `words` can be used for every notice of this kind."""
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


@dataclass(frozen=True, slots=True)
class SaveWords:
    """Use these words from now on.

    Attributes:
        words: None: those that bmt brings.
        seen: the version that whoever saves has read before.
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
    """What was saved so far, in order; the last is in force."""

    saved: tuple[TemplateSaved, ...] = ()

    @property
    def version(self) -> int:
        """How often it was saved."""
        return len(self.saved)


NEVER_SAVED: Final = Template()


class UnknownTemplate(Refused):
    """There is no such notice, no such version of its words, or the caller's agency is none."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("Your agency has no such template.")


class TemplateWrong(Refused):
    """These words cannot be used."""

    problem = "validation_failed"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Names all that is wrong at once."""
        super().__init__("; ".join(fault.detail for fault in errors), errors=tuple(errors))


class SavedMeanwhile(Refused):
    """What is in force is not what whoever saves has read."""

    problem = "template_changed"

    def __init__(self, version: int) -> None:
        """Names the version that is in force."""
        super().__init__(
            f"Version {version} is in force now: read it, and save again.",
            extra={"version": version},
        )


def decide(command: SaveWords, template: Template) -> Sequence[Event]:
    """The words that are in force from now on.

    Raises:
        TemplateWrong, SavedMeanwhile: as they say.
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
    """Return where these words can be used.

    Raises:
        TemplateWrong: they cannot.
    """
    if wrong := faults(about, words):
        raise TemplateWrong(wrong)


def evolve(template: Template, event: TemplateSaved) -> Template:
    """The template after `event`."""
    return Template((*template.saved, event))
