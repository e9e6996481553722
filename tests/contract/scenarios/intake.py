"""What comes in: requests by each way, what waits in the inbox, and documents."""

from dataclasses import replace

from fixtures import procedure
from unit.intake.submissions import (
    ADMINISTRATOR,
    AGENCIES,
    APPLICANT,
    HRMIS,
    ID,
    NOON,
    SCAN,
    SITI,
    facts,
    mail,
    submission,
)

from bmt.contracts.topics import FaultyField, SubmissionRefused
from bmt.contracts.values import NotShown
from services.intake.domain.events import (
    Bounce,
    DocumentUploaded,
    EmailDelivered,
    Missing,
    ScannedPaper,
    ScanOrigin,
    ScanReceived,
    SubmissionAnswered,
)
from services.intake.domain.one_event import (
    ReceiveScan,
    RecordDelivery,
    RecordUpload,
    RefuseSubmission,
)
from services.intake.domain.request import (
    CorrectRequest,
    DismissInboxItem,
    FollowRequest,
    Known,
    PutPaperInInbox,
    ReceiveEmail,
    ReceiveRequest,
    RegisterInboxItem,
    WithdrawRequest,
)
from services.intake.domain.submission import SubmittedEvent

UNCLEAR = ReceiveEmail(
    ID,
    mail(
        understood={"agency": "MAMPU"},
        missing=(Missing(field="kind", detail="Say Permohonan or Penamatan."),),
    ),
    None,
    AGENCIES.get("MAMPU"),
    ADMINISTRATOR,
    NOON,
)
SUBMITTED = replace(
    submission(HRMIS, channel="event", source_reference="HRMIS-1"),
    submitted_event=SubmittedEvent("/hrmis", "HR-1"),
)
MEMO = ReceiveRequest(ID, submission(documents=(SCAN.document_id,)))
PAPER = ScannedPaper(
    inbox_item_id=ID,
    document=SCAN,
    origin=ScanOrigin(batch=SCAN, pages=(1,)),
    understood={"channel": "form", "kind": "application", "agency": "MAMPU"},
    missing=(),
)
SCANNED = ScanReceived(
    agency="MAMPU",
    received_at=NOON,
    submitted_by=ADMINISTRATOR.submitter,
    batch=SCAN,
    page_count=1,
    papers=(PAPER,),
)
REFUSED = SubmissionRefused(
    submission_id="HR-1",
    source_reference="HRMIS-1",
    reason="malformed",
    detail="kind: Input should be 'application' or 'termination'",
    errors=(FaultyField(pointer="/kind", detail="One of these is needed."),),
)
REFUSAL = SubmissionAnswered(
    integrator="hrmis", source="/hrmis", answered_at=NOON, number=1, **vars(REFUSED)
)
DELIVERED = EmailDelivered(cause="mail:0123456789abcdef", delivered_at=NOON)
UPLOADED = DocumentUploaded(document=SCAN, uploaded_by=SITI, uploaded_at=NOON)
SCENARIOS = {
    "memo": [MEMO],
    "form-with-warnings": [
        ReceiveRequest(
            ID, submission(APPLICANT, channel="form", standing=None, open_elsewhere=True)
        )
    ],
    "by-an-integrator": [
        ReceiveRequest(ID, submission(HRMIS, channel="event", source_reference="HRMIS-1"))
    ],
    "answered-to-an-integrator": [
        ReceiveRequest(ID, SUBMITTED),
        FollowRequest(procedure.returned(facts()), 1, NOON),
        CorrectRequest(ID, submission(), Known("returned", returns=1)),
        FollowRequest(procedure.approved(facts()), 2, NOON),
        FollowRequest(procedure.configured(facts()), 1, NOON),
        FollowRequest(procedure.withdrawn(facts()), 3, NOON),
    ],
    "refused-to-an-integrator": [RefuseSubmission([REFUSAL, REFUSED])],
    "termination": [ReceiveRequest(ID, submission(kind="termination"))],
    "email": [
        ReceiveEmail(
            ID,
            mail(),
            submission(channel="email", email_message_id="<1@mampu.gov.my>"),
            AGENCIES.get("MAMPU"),
            ADMINISTRATOR,
            NOON,
        )
    ],
    "returned-and-corrected": [
        MEMO,
        CorrectRequest(ID, submission(quota_bytes=5_000_000_000), Known("returned", returns=1)),
    ],
    "corrected-while-open": [
        MEMO,
        CorrectRequest(
            ID,
            submission(quota_bytes=5_000_000_000),
            Known("received"),
            "Kuota tersalah taip.",
            held=True,
        ),
    ],
    "withdrawn": [MEMO, WithdrawRequest("Tidak diperlukan.", ADMINISTRATOR, Known("received"))],
    "mailbox-bounce": [replace(UNCLEAR, bounce=Bounce(message_id="<1@bmt.my>", request_id=ID))],
    "mailbox-set-aside-registered": [
        replace(UNCLEAR, set_aside="machine_sent"),
        RegisterInboxItem(ID, submission(channel="email")),
    ],
    "inbox-registered": [UNCLEAR, RegisterInboxItem(ID, submission(channel="email"))],
    "inbox-dismissed": [UNCLEAR, DismissInboxItem("Iklan.", ADMINISTRATOR, NOON)],
    "scan": [ReceiveScan([SCANNED])],
    "paper-registered": [
        PutPaperInInbox(SCANNED, PAPER),
        RegisterInboxItem(ID, submission(channel="form")),
    ],
    "email-with-attachments-that-are-not-shown": [
        ReceiveEmail(
            ID,
            mail(not_shown=(NotShown(filename="memo.heic", reason="cannot_be_shown"),)),
            submission(channel="email", email_message_id="<1@mampu.gov.my>"),
            AGENCIES.get("MAMPU"),
            ADMINISTRATOR,
            NOON,
        )
    ],
    "email-delivered": [RecordDelivery([DELIVERED])],
    "document": [RecordUpload([UPLOADED])],
}
