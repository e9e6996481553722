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

from bmt.contracts.topics import FaultyField
from bmt.contracts.values import NotShown
from services.intake.domain import scan
from services.intake.domain.delivery import RecordDelivery
from services.intake.domain.events import Bounce, Missing, ScannedPaper, ScanOrigin
from services.intake.domain.refusal import RefuseSubmission
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
from services.intake.domain.scan import ReceiveScan
from services.intake.domain.submission import SubmittedEvent
from services.intake.domain.upload import RecordUpload

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
SCANNED = ReceiveScan(SCAN, 1, (PAPER,), AGENCIES.get("MAMPU"), ADMINISTRATOR, NOON)
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
    "refused-to-an-integrator": [
        RefuseSubmission(
            "hrmis",
            SubmittedEvent("/hrmis", "HR-1"),
            "HRMIS-1",
            "malformed",
            "kind: Input should be 'application' or 'termination'",
            (FaultyField(pointer="/kind", detail="One of these is needed."),),
            NOON,
        )
    ],
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
    "scan": [SCANNED],
    "paper-registered": [
        PutPaperInInbox(scan.DECIDER.decide(SCANNED, scan.DECIDER.initial)[0], PAPER),
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
    "email-delivered": [RecordDelivery("mail:0123456789abcdef", NOON)],
    "document": [RecordUpload(SCAN, SITI, NOON)],
}
