"""The file on paper: its facts, its events, and where it can be verified."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import segno
import structlog

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.events import not_read_back
from bmt.contracts.http.records import RecordState
from bmt.press.typesetter import Typesetter
from bmt.wording.names import KIND, STATUS
from services.records.bundle.contents import File
from services.records.ledger.leaf import OpenLeaf
from services.records.time_machine import facts_of, state_of
from services.records.tree.notes import Signer

log = structlog.get_logger(__name__)

TEMPLATES: Final = Path(__file__).parent / "templates"


class RecordPaper:
    """Sets files as PDF/A-2b, in Malay and English."""

    def __init__(self, web_url: str, signer: Signer) -> None:
        """`web_url` is where the pages are. If empty, there is no QR code."""
        self._web_url = web_url
        self._signer = signer
        self._typesetter = Typesetter(TEMPLATES)

    def pdf(self, file: File) -> bytes:
        """The paper. The same file always gives the same bytes."""
        return self._typesetter.pdf(
            "record",
            self._told(file),
            lambda: log.warning("paper_lacks_font", request_id=file.request_id),
        )

    def _told(self, file: File) -> dict[str, Any]:
        checkpoint = file.checkpoint.checkpoint
        address = self._verification(file.request_id) if self._web_url else None
        exported = datetime.fromisoformat(file.exported_at).astimezone(MALAYSIA)
        events = [leaf.event for leaf in file.leaves]
        facts = facts_of(events)
        state = state_of(facts, events, file.filed_at) if facts else None
        return {
            "agency": state.agency if state else "",
            "reference": state.reference if state else file.request_id,
            "file_number": file.file_number,
            "exported_at": _moment(file.exported_at),
            "day": {"year": exported.year, "month": exported.month, "day": exported.day},
            "qr": segno.make(address, error="m").svg_inline(scale=4) if address else None,
            "address": address,
            "facts": list(_facts(state)) if state else [],
            "events": [_event(leaf) for leaf in file.leaves],
            "folios": [
                {
                    "number": folio.number,
                    "volume": folio.volume,
                    "name": folio.filename,
                    "sha256": folio.document_id.removeprefix("sha256:"),
                }
                for folio in file.folios
            ],
            "missing": [one.reason for one in file.missing],
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "signed_at": _moment(checkpoint.at),
            "root": checkpoint.root.hex(),
            "keys": ["+".join(str(key).split("+")[:2]) for key in self._signer.verifiers],
        }

    def _verification(self, request_id: str) -> str:
        return f"{self._web_url.rstrip('/')}/audit/records/{request_id}/verification"


def _facts(state: RecordState) -> Iterator[tuple[str, str, str]]:
    """What was requested and what became of it: label in Malay, label in English, value."""
    yield "Rujukan", "reference", state.reference
    yield "Jenis", "kind", f"{KIND[state.kind]} ({state.kind})"
    yield "Pemohon", "applicant", f"{state.applicant.name} ({state.applicant.account})"
    yield "Diterima", "received", _moment(state.received_at.isoformat())
    yield "Status", "status", f"{STATUS[state.status]} ({state.status})"
    yield "Dasar", "rules in force", state.policy_version
    if state.quota_bytes:
        yield "Kuota", "quota, bytes", f"{state.quota_bytes:,}"
    if state.justification:
        yield "Justifikasi", "justification", state.justification


def _event(leaf: OpenLeaf) -> dict[str, Any]:
    event, data = leaf.event, leaf.data
    corrected_by = data.get("corrected_by")
    by = (
        data.get("decided_by")
        or data.get("configured_by")
        or corrected_by
        or data.get("submitted_by")
    )
    name = str(event.get("type", "")).removesuffix(".v1").rpartition(".")[2]
    reason = data.get("reason") or data.get("correction_reason")
    return {
        "index": leaf.leaf.index,
        "at": _moment(str(event.get("time"))),
        "name": "RequestCorrected" if corrected_by else name,
        "by": by.get("name", by.get("subject")) if isinstance(by, Mapping) else None,
        "reason": reason if isinstance(reason, str) else None,
        "not_read_back": list(not_read_back(data)),
        "retry": _retry(data.get("retry")),
        "hash": leaf.leaf.hash,
    }


def _retry(retry: object) -> str | None:
    """Who requested a retry, and why."""
    by = retry.get("by") if isinstance(retry, Mapping) else None
    if not isinstance(by, Mapping) or not isinstance(retry, Mapping):
        return None
    reason = retry.get("reason")
    return f"{by.get('name', by.get('subject'))}{f': {reason}' if reason else ''}"


def _moment(at: str) -> str:
    try:
        return datetime.fromisoformat(at).astimezone(MALAYSIA).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return at
