"""A notice with sample values, written by the composer that writes real ones."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bmt.chassis.eventsourcing.decider import Heard
from bmt.contracts.envelope import Envelope
from bmt.contracts.events import About, RequestEvent
from bmt.contracts.http.notification import InBothLanguages, Variable, Words
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import Applicant, ReplyChannel
from services.notification.domain.state import Slip
from services.notification.domain.variables import ALLOWED, MEANINGS, REQUIRED
from services.notification.wording import english, malay
from services.notification.wording.composer import Composer, OwnWords

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


def sample_slip(
    composer: Composer, agency: str, about: About, words: Words, channel: ReplyChannel
) -> Slip:
    """The notice of a request that never was, to be made into a message."""
    heard = _heard(agency, about, channel)
    own = OwnWords(words, version=0)
    notice = composer.notice(heard, about, own, **_DETAILS.get(about, {}))
    return Slip(heard.data.request, notice, in_reply_to=None, wanted_since=heard.time)


def variables(composer: Composer, agency: str, about: About) -> tuple[Variable, ...]:
    """All that a template of this notice may hold, as the preview fills it in."""
    case = composer.case(_heard(agency, about, "email"), about, **_DETAILS.get(about, {}))
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


def _heard(agency: str, about: About, channel: ReplyChannel) -> Heard[RequestEvent]:
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
    return Heard(envelope, RequestEvent(request=request), 1, "preview")
