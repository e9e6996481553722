"""From an event heard to the notice of it: the same event always gives the same notice."""

import re
from dataclasses import dataclass
from typing import Any, Final

from bmt.agencies.register import Agencies
from bmt.chassis.decider import Heard
from bmt.contracts.events import About, RequestEvent
from bmt.contracts.progress import OUTCOMES
from services.notification.domain.notice import Content, Notice
from services.notification.domain.practice import practice_of
from services.notification.wording import english, malay
from services.notification.wording.case import Case

_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes notices.

    Attributes:
        agencies: whose rules say how users are told.
        mail_domain: of the sender's address; Message-IDs end in it.
        status_url: where users see their requests; empty: nowhere.
    """

    agencies: Agencies
    mail_domain: str
    status_url: str = ""

    def notice(self, heard: Heard[RequestEvent], about: About, **details: Any) -> Notice:
        """The notice of `heard`; `details` are further fields of its `Case`."""
        request = heard.data.request
        practice = practice_of(request.agency, self.agencies)
        case = Case(
            about=about,
            request=request,
            at=heard.time,
            agency_name=practice.name,
            decide_days=practice.decide_days,
            status_address=self._status_address(request.request_id),
            **details,
        )
        by_email = request.reply_through == "email"
        return Notice(
            notification_id=heard.id,
            about=about,
            channel=request.reply_through,
            recipient=request.applicant.email if by_email else request.applicant.name,
            at=heard.time,
            message_id=f"<{heard.id}@{self.mail_domain}>" if by_email else None,
            on_preparation=practice.on_preparation,
            due_at=practice.due_at(heard.time) if about in OUTCOMES else None,
            agency_name=practice.name,
            status_address=case.status_address,
            content=content(case),
        )

    def _status_address(self, request_id: str) -> str | None:
        if not self.status_url:
            return None
        return f"{self.status_url.rstrip('/')}/requests/{request_id}"


def content(case: Case) -> Content:
    """What the user reads of `case`, in both languages."""
    in_malay, in_english = malay.text(case), english.text(case)
    kind = "penamatan " if case.is_termination else ""
    subject = (
        f"[{case.request.reference}] Status permohonan {kind}BMT: "
        f"{in_malay.status} / {in_english.status}"
    )
    return Content(subject=" ".join(subject.split()), malay=in_malay, english=in_english)


def readable(words: str) -> str:
    """A person's own words with plain line breaks, and without what is not text."""
    lines = words.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").split("\n")
    return "\n".join(_NOT_TEXT.sub("", line).rstrip() for line in lines).strip("\n")
