"""What is wrong with an agency's words, all at once, each fault with its place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bmt.contracts.events import About
from bmt.contracts.http.notification import Wording, Words
from bmt.contracts.problems import FieldError
from services.notification.domain.grammar import StrayBrace, Variable, parts
from services.notification.domain.variables import ALLOWED, MEANINGS, REQUIRED


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
