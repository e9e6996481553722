"""Submissions that are right, with what is to be different changed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bmt.agencies import register
from bmt.contracts.events import RequestFacts, RequestReceived, SubmitRequest
from bmt.contracts.http.approval import Decision
from bmt.contracts.values import Document, Officer, Status, Submitter
from services.intake.domain.events import InboxItemReceived, Mail
from services.intake.domain.request import (
    CorrectRequest,
    DismissInboxItem,
    Known,
    ReceiveEmail,
    ReceiveRequest,
    RegisterInboxItem,
    WithdrawRequest,
)
from services.intake.domain.submission import AccountStatus, Caller, Submission
from services.intake.readers import codes_of

AGENCIES = register.read(Path(__file__).parents[3] / "deploy" / "embedded" / "agencies.yaml")
CODES = codes_of(AGENCIES)
NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
ID = "019349f0-1c2a-7b3c-8d4e-5f60718293a4"
SITI = "siti.mampu@mygovuc.gov.my"
SERVING = AccountStatus(registered=True, serving=True)
ENABLED = AccountStatus(registered=True, serving=True, enabled=True)

ADMINISTRATOR = Caller("aminah.mampu@mygovuc.gov.my", "administrator", frozenset({"MAMPU"}))
OTHER = Caller("hafiz.mampu@mygovuc.gov.my", "administrator", frozenset({"MAMPU"}))
OF_JPA = Caller("faridah.jpa@mygovuc.gov.my", "administrator", frozenset({"JPA"}))
OF_KPM = Caller("hassan.kpm@mygovuc.gov.my", "administrator", frozenset({"KPM"}))
APPLICANT = Caller("Siti.MAMPU@mygovuc.gov.my", "applicant", frozenset({"MAMPU"}))
HRMIS = Caller("hrmis", "integrator", frozenset({"MAMPU"}))

SCAN = Document(
    document_id="sha256:" + "a" * 64,
    filename="memo.pdf",
    media_type="application/pdf",
    size_bytes=1024,
)
MESSAGE = Document(
    document_id="sha256:" + "b" * 64,
    filename="message.eml",
    media_type="message/rfc822",
    size_bytes=4096,
)

APPROVED = Known(
    "approved",
    0,
    Decision(
        decision="approve",
        decided_by=Officer(subject="aminah", name="Aminah", role="administrator"),
        decided_at=NOON,
        reason=None,
        version=2,
    ),
)


def requested(**changes: Any) -> SubmitRequest:
    body = {
        "kind": "application",
        "agency": "MAMPU",
        "channel": "memo",
        "applicant": {"account": SITI, "name": "Siti binti Ahmad", "email": SITI},
        "justification": "Menghantar lukisan kejuruteraan.",
    }
    return SubmitRequest.model_validate(body | changes)


def submission(caller: Caller = ADMINISTRATOR, **changes: Any) -> Submission:
    """What is known is passed by its own name, what is asked for by the body's."""
    known = {
        "standing": SERVING,
        "open_elsewhere": False,
        "email_message_id": None,
        "source_reference": None,
        "belongs": "own",
    }
    known = {name: changes.pop(name, value) for name, value in known.items()}
    channel = changes.get("channel", "memo")
    if channel == "event":
        changes.pop("channel")
    asked = requested(**changes)
    return Submission(
        requested=asked,
        channel=channel,
        caller=caller,
        agency=AGENCIES.get(asked.agency) if asked.agency in AGENCIES else None,
        agencies=tuple(agency.code for agency in AGENCIES),
        documents={SCAN.document_id: SCAN},
        received_at=NOON,
        **known,
    )


def facts(**changes: Any) -> RequestFacts:
    values = {
        "request_id": ID,
        "reference": "BMT-MAMPU-2026-7K3QF9ZT",
        "kind": "application",
        "agency": "MAMPU",
        "applicant": requested().applicant,
        "channel": "memo",
        "reply_through": "memo",
        "quota_bytes": 10_000_000_000,
        "max_file_size_bytes": 2_000_000_000,
        "received_at": NOON,
        "policy_version": AGENCIES.get("MAMPU").policy_version,
    }
    return RequestFacts(**{**values, **changes})


def received(**changes: Any) -> RequestReceived:
    return RequestReceived(
        request=facts(**changes),
        submitted_by=Submitter(subject=ADMINISTRATOR.subject, role="administrator"),
        justification="Menghantar lukisan kejuruteraan.",
        warnings=(),
        documents=(),
    )


def mail(**changes: Any) -> Mail:
    values = {
        "message_id": "<1@mampu.gov.my>",
        "sender": "Siti <siti@mampu.gov.my>",
        "subject": "Permohonan BMT",
        "documents": (MESSAGE,),
        "understood": {},
        "missing": (),
    }
    return Mail(**{**values, **changes})


def waiting(**changes: Any) -> InboxItemReceived:
    values = {
        "agency": "MAMPU",
        "received_at": NOON,
        "submitted_by": ADMINISTRATOR.submitter,
        "mail": mail(),
    }
    return InboxItemReceived(**{**values, **changes})


def receive(**changes: Any) -> ReceiveRequest:
    return ReceiveRequest(ID, submission(**changes))


def receive_email(*, caller: Caller = ADMINISTRATOR, **changes: Any) -> ReceiveEmail:
    home = AGENCIES.get(next(iter(caller.agencies)))
    asked = submission(caller=caller, channel="email", email_message_id="<1@x.my>", **changes)
    return ReceiveEmail(ID, mail(), asked, home, caller, NOON)


def register(**changes: Any) -> RegisterInboxItem:
    return RegisterInboxItem(ID, submission(**changes))


def dismiss(caller: Caller = ADMINISTRATOR) -> DismissInboxItem:
    return DismissInboxItem("spam", caller, NOON)


def withdraw(
    caller: Caller = APPLICANT, status: Status = "received", known: Known | None = None
) -> WithdrawRequest:
    return WithdrawRequest("Tidak perlu lagi.", caller, known or Known(status))


def correct(
    known: Known | None = None, reason: str | None = None, *, held: bool = False, **changes: Any
) -> CorrectRequest:
    """A correction, by default of a request that was returned."""
    return CorrectRequest(ID, submission(**changes), known or Known("returned", 1), reason, held)


def amend(reason: str | None = "Salah taip.", **changes: Any) -> CorrectRequest:
    """A correction that nobody asked for, while decisions are on hold."""
    return correct(Known("received", 0), reason, held=True, **changes)
