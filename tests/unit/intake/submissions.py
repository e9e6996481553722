"""Submissions that are right, with what is to be different changed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bmt.agencies import register
from bmt.contracts.events import RequestReceived
from bmt.contracts.requests import RequestFacts, SubmitRequest
from bmt.contracts.values import Document, Submitter
from services.intake.channels.email_form import codes_of
from services.intake.domain.events import InboxItemReceived, Mail
from services.intake.domain.submission import AccountStatus, Caller, Submission

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
