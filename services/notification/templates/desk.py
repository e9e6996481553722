"""Where an agency's words are kept: each administrator for the own agency."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.envelope import Envelope
from bmt.contracts.events import About, RequestEvent
from bmt.contracts.http.notification import InBothLanguages, Template, Variable, Words
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import Applicant, ReplyChannel, Submitter
from services.notification.domain.events import TemplateSaved
from services.notification.domain.state import OutgoingNotice
from services.notification.domain.templates import (
    NEVER_SAVED,
    SaveWords,
    UnknownTemplate,
    require_sound,
)
from services.notification.domain.templates import Template as SavedTemplate
from services.notification.domain.variables import ALLOWED, MEANINGS, REQUIRED
from services.notification.views.templates import Templates, key_of
from services.notification.wording import english, malay
from services.notification.wording.composer import DEFAULT, Composer, OwnWords

# A notice with sample values, written by the composer that writes real ones.

_RECEIVED: Final = datetime(2026, 1, 5, 1, 30, tzinfo=UTC)
_HAPPENED: Final = datetime(2026, 1, 7, 6, 15, tzinfo=UTC)
_GB: Final = 1_000_000_000
_REQUEST_ID: Final = "019b8c00-0000-7000-8000-000000000000"
_SIZES: Final = {"quota_bytes": 10 * _GB, "max_file_size_bytes": 2 * _GB}
_APPLICANT: Final = Applicant(
    account="nur.aisyah@contoh.gov.my",
    name="Nur Aisyah binti Contoh",
    email="nur.aisyah@contoh.gov.my",
)
_DETAILS: Final[Mapping[About, Mapping[str, Any]]] = {
    "acknowledgement": _SIZES,
    "configured": _SIZES,
    "rejected": {"reason": "Contoh sebab / sample reason."},
    "returned": {"reason": "Contoh pembetulan / sample correction."},
}


def sample_notice(
    composer: Composer, agency: str, about: About, words: Words, channel: ReplyChannel
) -> OutgoingNotice:
    """The notice of a request that never was, to be made into a message."""
    incoming = _incoming(agency, about, channel)
    own = OwnWords(words, version=0)
    notice = composer.notice(incoming, about, own, **_DETAILS.get(about, {}))
    return OutgoingNotice(
        incoming.data.request, notice, in_reply_to=None, wanted_since=incoming.time
    )


def variables(composer: Composer, agency: str, about: About) -> tuple[Variable, ...]:
    """All that a template of this notice may hold, as the preview fills it in."""
    case = composer.case(_incoming(agency, about, "email"), about, **_DETAILS.get(about, {}))
    in_malay, in_english = malay.values(case), english.values(case)
    return tuple(
        Variable(
            name=name,
            meaning=InBothLanguages(malay=MEANINGS[name].malay, english=MEANINGS[name].english),
            required=name in REQUIRED[about],
            sentence=MEANINGS[name].is_sentence,
            sample=InBothLanguages(malay=in_malay[name] or "", english=in_english[name] or ""),
        )
        for name in ALLOWED[about]
    )


def _incoming(agency: str, about: About, channel: ReplyChannel) -> IncomingEvent[RequestEvent]:
    is_termination = about == "terminated"
    request = RequestFacts(
        request_id=_REQUEST_ID,
        reference=f"{agency}/2026/000123",
        kind="termination" if is_termination else "application",
        agency=agency,
        applicant=_APPLICANT,
        channel="form",
        reply_through=channel,
        quota_bytes=None if is_termination else _SIZES["quota_bytes"],
        max_file_size_bytes=None if is_termination else _SIZES["max_file_size_bytes"],
        received_at=_RECEIVED,
        policy_version="",
    )
    envelope = Envelope(
        id=_REQUEST_ID,
        source="/bmt/notification",
        type="my.gov.bmt.notification.Preview.v1",
        subject=_REQUEST_ID,
        time=_RECEIVED if about == "acknowledgement" else _HAPPENED,
        data={},
    )
    return IncomingEvent(envelope, RequestEvent(request=request), 1, "preview")


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
    ) -> OutgoingNotice:
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
        return sample_notice(self._composer, agency, about, words, channel)

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
