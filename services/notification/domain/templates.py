"""An agency's words for one kind of notice: saved version by version, or back to the default.

A stream of its own (`template-<agency>-<about>`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bmt.contracts.events import About, Event
from bmt.contracts.http.notification import Words
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Submitter
from services.notification.domain.template_events import TemplateSaved
from services.notification.domain.template_rules import faults


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
