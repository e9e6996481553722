"""RequestReceived as intake says it, and approval's commits, in any number."""

import uuid
from datetime import UTC, datetime
from typing import Any

from bench.directory import account
from bench.system import AGENCY
from bmt.contracts.envelope import Envelope
from bmt.contracts.events import RequestReceived, ReviewOpened
from services.approval.domain.events import PapersReceived

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def received(number: int) -> RequestReceived:
    """One application, of the size that people write."""
    return RequestReceived.model_validate(
        {
            "request": {
                "request_id": str(uuid.UUID(int=(7 << 76) | (2 << 62) | number)),
                "reference": f"BMT-MAMPU-2026-{number:08}",
                "kind": "application",
                "agency": AGENCY,
                "applicant": {
                    "account": account(number),
                    "name": f"Pegawai Bernombor {number}",
                    "email": account(number),
                },
                "channel": "email",
                "reply_through": "email",
                "quota_bytes": 10**10,
                "max_file_size_bytes": 2 * 10**9,
                "received_at": NOW,
                "policy_version": "sha256:0123456789abcdef",
            },
            "submitted_by": {"subject": "pentadbir1@mygovuc.gov.my", "role": "administrator"},
            "justification": "Menghantar lukisan projek yang melebihi had saiz lampiran biasa.",
            "warnings": [],
            "documents": [],
        }
    )


def enveloped(event: RequestReceived, number: int) -> Envelope:
    """It in its envelope."""
    request_id = event.request.request_id
    return Envelope(
        id=str(uuid.UUID(int=(7 << 76) | (2 << 62) | (1 << 48) | number)),
        source="/bmt/intake",
        type=event.TYPE,
        subject=request_id,
        time=NOW,
        dataschema=f"urn:schema:{event.TYPE}",
        sequence="1",
        correlationid=request_id,
        causationid=request_id,
        data=event.model_dump(mode="json"),
    )


def commit(number: int) -> dict[str, Any]:
    """A review opened, as approval stores it."""
    event = received(number)
    envelope = enveloped(event, number)
    opened = ReviewOpened(request=event.request, due_at=NOW, warnings=())
    papers = PapersReceived(
        request=event.request,
        submitted_by=event.submitted_by,
        justification=event.justification,
        documents=(),
    )
    return {
        "_id": envelope.id,
        "stream": f"request-{event.request.request_id}",
        "version": 1,
        "sequence": 1,
        "events": [
            _stored(opened, f"{envelope.id[:-1]}a", 1),
            _stored(papers, f"{envelope.id[:-1]}b", None),
        ],
        "fingerprint": envelope.id,
        "recorded_at": NOW,
    }


def _stored(event: ReviewOpened | PapersReceived, id_: str, sequence: int | None) -> dict[str, Any]:
    data = event.model_dump_json(by_alias=True)
    return {"id": id_, "type": event.TYPE, "time": NOW, "sequence": sequence, "data": data}
