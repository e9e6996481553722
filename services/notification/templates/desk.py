"""Where an agency's words are kept: each administrator for the own agency."""

from typing import Any

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import About
from bmt.contracts.http.notification import Template, Words
from bmt.contracts.values import ReplyChannel, Submitter
from services.notification.domain.state import Slip
from services.notification.domain.template_events import TemplateSaved
from services.notification.domain.templates import (
    NEVER_SAVED,
    SaveWords,
    UnknownTemplate,
    require_sound,
)
from services.notification.domain.templates import Template as SavedTemplate
from services.notification.domain.variables import ALLOWED
from services.notification.templates.preview import sample_slip, variables
from services.notification.views.templates import Templates, key_of
from services.notification.wording.composer import DEFAULT, Composer


class TemplateDesk:
    """Reads, tries out and saves templates."""

    def __init__(
        self,
        execution: Execution[Any, Any],
        templates: Templates,
        composer: Composer,
        agencies: Agencies,
        clock: Clock,
    ) -> None:
        """`composer` is the one that writes the notices themselves."""
        self._execution = execution
        self._templates = templates
        self._composer = composer
        self._agencies = agencies
        self._clock = clock

    async def all_of(self, agency: str) -> list[Template]:
        """The words in force of every notice that has a template.

        Raises:
            UnknownTemplate: there is no such agency.
        """
        self._require_known(agency)
        found = await self._templates.get_many([key_of(agency, about) for about in ALLOWED])
        return [self._told(agency, about, found.get(key_of(agency, about))) for about in ALLOWED]

    async def one_of(self, agency: str, name: str, version: int | None) -> Template:
        """The words of one notice: those in force, or an earlier version; 0 is the default.

        Raises:
            UnknownTemplate: there is no such agency, notice or version.
        """
        self._require_known(agency)
        about = _about(name)
        if version is None:
            return self._told(agency, about, await self._templates.get(key_of(agency, about)))
        state = await self._execution.state(_stream(agency, about))
        template = state if isinstance(state, SavedTemplate) else NEVER_SAVED
        if version > template.version:
            raise UnknownTemplate
        return self._told(agency, about, template.saved[version - 1] if version else None)

    async def save(
        self, name: str, words: Words | None, why: str, seen: int, context: CommandContext
    ) -> Executed:
        """Use these words from now on; None: those that bmt brings.

        Raises:
            Refused: as the decider says.
        """
        agency, about = context.principal.agency, _about(name)
        self._require_known(agency)
        by = Submitter(subject=context.principal.subject, role="administrator")
        command = SaveWords(agency, about, words, why, seen, by, self._clock())
        return await self._execution.execute(
            Message(
                stream=_stream(agency, about),
                causation=context.causation,
                fingerprint=context.fingerprint,
                command=command,
                traceparent=context.traceparent,
            )
        )

    def saved(self, executed: Executed) -> Template:
        """What a save is answered with."""
        (event,) = executed.commit.events
        saved = TemplateSaved.model_validate(event.data)
        return self._told(saved.agency, saved.about, saved)

    async def tried(
        self, agency: str, name: str, words: Words | None, channel: ReplyChannel
    ) -> Slip:
        """The notice with sample values, in `words` (None: those in force).

        Raises:
            UnknownTemplate: there is no such agency or notice.
            TemplateWrong: the words could not be saved either.
        """
        self._require_known(agency)
        about = _about(name)
        if words is not None:
            require_sound(about, words)
        else:
            saved = await self._templates.get(key_of(agency, about))
            words = (saved.words if saved else None) or DEFAULT[about]
        return sample_slip(self._composer, agency, about, words, channel)

    def _told(self, agency: str, about: About, saved: TemplateSaved | None) -> Template:
        own = saved.words if saved else None
        return Template(
            agency=agency,
            about=about,
            version=saved.version if saved else 0,
            is_default=own is None,
            words=own or DEFAULT[about],
            why=saved.why if saved else None,
            saved_by=saved.saved_by.subject if saved else None,
            saved_at=saved.saved_at if saved else None,
            variables=variables(self._composer, agency, about),
        )

    def _require_known(self, agency: str) -> None:
        if agency not in self._agencies:
            raise UnknownTemplate


def _about(name: str) -> About:
    for about in ALLOWED:
        if about == name:
            return about
    raise UnknownTemplate


def _stream(agency: str, about: About) -> str:
    return f"template-{key_of(agency, about)}"
