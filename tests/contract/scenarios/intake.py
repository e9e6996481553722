"""What comes in: requests by each way, what waits in the inbox, and documents."""

from dataclasses import replace

from unit.intake.submissions import (
    ADMINISTRATOR,
    AGENCIES,
    APPLICANT,
    HRMIS,
    ID,
    NOON,
    SCAN,
    SITI,
    mail,
    submission,
)

from services.intake.domain.commands import (
    CorrectRequest,
    DismissInboxItem,
    Known,
    ReceiveEmail,
    ReceiveRequest,
    RecordUpload,
    RegisterInboxItem,
    WithdrawRequest,
)
from services.intake.domain.events import Bounce, Missing

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
MEMO = ReceiveRequest(ID, submission(documents=(SCAN.document_id,)))
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
    "withdrawn": [MEMO, WithdrawRequest("Tidak diperlukan.", ADMINISTRATOR, Known("received"))],
    "mailbox-bounce": [replace(UNCLEAR, bounce=Bounce(message_id="<1@bmt.my>", request_id=ID))],
    "mailbox-set-aside-registered": [
        replace(UNCLEAR, set_aside="A machine sent it (Auto-Submitted)."),
        RegisterInboxItem(ID, submission(channel="email")),
    ],
    "inbox-registered": [UNCLEAR, RegisterInboxItem(ID, submission(channel="email"))],
    "inbox-dismissed": [UNCLEAR, DismissInboxItem("Iklan.", ADMINISTRATOR, NOON)],
    "document": [RecordUpload(SCAN, SITI, NOON)],
}
