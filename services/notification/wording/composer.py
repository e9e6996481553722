"""Composes the notice of an event. The same event always gives the same notice."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.contracts.events import OUTCOMES, About, RequestEvent, RequestFacts
from bmt.contracts.http.notification import Words
from services.notification.domain.correspondence import Command
from services.notification.domain.notice import Content, Notice
from services.notification.domain.notification_policy import notification_policy_of
from services.notification.wording import english, malay
from services.notification.wording.phrases import Case

_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


DEFAULT: Final[Mapping[About, Words]] = {
    about: Words(malay=wording, english=english.DEFAULT[about])
    for about, wording in malay.DEFAULT.items()
}
"""The default words, for each notice that has a template."""


@dataclass(frozen=True, slots=True)
class OwnWords:
    """An agency's own words and their version."""

    words: Words
    version: int


Kind = tuple[str, About]
"""An agency, and what its notice is about."""


FindOwnWords = Callable[[Collection[Kind]], Awaitable[Mapping[Kind, OwnWords]]]
"""Finds the own words that agencies saved. A kind without any uses the default words.

Raises `StoreUnavailable` if they cannot be read. No notice may be composed in other words
meanwhile.
"""


@dataclass(frozen=True, slots=True)
class Compose:
    """A notice to be composed.

    Attributes:
        command: makes the command that carries the notice.
        details: further fields of its `Case`.
    """

    incoming: IncomingEvent[RequestEvent]
    about: About
    command: Callable[[Notice], Command]
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        return self.incoming.data.request.agency, self.about


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes notices.

    Attributes:
        mail_domain: the domain of the sender's address. Message-IDs end in it.
        status_url: where users see their requests; may be empty.
    """

    agencies: Agencies
    mail_domain: str
    status_url: str

    def notice(
        self,
        notification_id: str,
        at: datetime,
        request: RequestFacts,
        about: About,
        own: OwnWords | None = None,
        **details: Any,
    ) -> Notice:
        """The notice of what happened `at`, in the agency's `own` words or the default words.

        `details` are further fields of its `Case`.
        """
        notification_policy = notification_policy_of(request.agency, self.agencies)
        case = self.case(at, request, about, **details)
        by_email = request.reply_through == "email"
        return Notice(
            notification_id=notification_id,
            about=about,
            channel=request.reply_through,
            recipient=request.applicant.email if by_email else request.applicant.name,
            at=at,
            message_id=f"<{notification_id}@{self.mail_domain}>" if by_email else None,
            on_preparation=notification_policy.on_preparation,
            due_at=notification_policy.due_at(at) if about in OUTCOMES else None,
            agency_name=notification_policy.name,
            status_address=case.status_address,
            content=content(case, own.words if own else DEFAULT[about]),
            template_version=own.version if own else None,
            copy_to=request.directory_email if by_email else None,
        )

    def case(self, at: datetime, request: RequestFacts, about: About, **details: Any) -> Case:
        """The facts of a notice of what happened `at`."""
        notification_policy = notification_policy_of(request.agency, self.agencies)
        return Case(
            about=about,
            request=request,
            at=at,
            agency_name=notification_policy.name,
            decide_days=notification_policy.decide_days,
            status_address=self._status_address(request.request_id),
            **details,
        )

    def _status_address(self, request_id: str) -> str | None:
        if not self.status_url:
            return None
        return f"{self.status_url.rstrip('/')}/requests/{request_id}"


def content(case: Case, words: Words) -> Content:
    """The notice's text in both languages."""
    in_malay = malay.MALAY.text(case, words.malay)
    in_english = english.ENGLISH.text(case, words.english)
    kind = "penamatan " if case.is_termination else ""
    subject = (
        f"[{case.request.reference}] Status permohonan {kind}BMT: "
        f"{in_malay.status} / {in_english.status}"
    )
    return Content(subject=" ".join(subject.split()), malay=in_malay, english=in_english)


def readable(words: str) -> str:
    """A person's own words with plain line breaks and without control characters."""
    lines = words.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").split("\n")
    return "\n".join(_NOT_TEXT.sub("", line).rstrip() for line in lines).strip("\n")
