"""Reviews, from their opening to their decision, and a bulk call."""

from dataclasses import replace
from datetime import date, timedelta

from fixtures.samples import received
from unit.approval.reviews import (
    FAIZ,
    MAMPU,
    NOW,
    REQUEST,
    SITI,
    TERMINATION,
    comment,
    decide,
    open_review,
    withdraw,
)

from bmt.agencies.agency import Change
from bmt.contracts.http.approval import DecisionMade, RulingResult
from bmt.contracts.values import Submitter
from services.approval.domain.agency_rules import RecordRules
from services.approval.domain.bulk import AnswerBulk, BeginBulk
from services.approval.domain.review import HoldForCorrection

OPENED = open_review(received(REQUEST))
TWO_LEVELS = open_review(received(REQUEST), policy=replace(MAMPU, approval_levels=2))

CORRECTION = received(REQUEST).model_copy(
    update={
        "corrected_by": Submitter(subject=FAIZ.subject, role="administrator"),
        "correction_reason": "Kuota tersalah taip.",
        "while_open": True,
    }
)


def rules(version: str, levels: int, change: Change | None = None) -> RecordRules:
    return RecordRules("MAMPU", version, {"approval_levels": levels}, change, NOW)


SCENARIOS = {
    "approved": [OPENED, decide("approve"), decide("reject", by=FAIZ, reason="Tidak layak.")],
    "approved-as-an-exception": [
        open_review(received(REQUEST, warnings=("not_serving", "open_request_exists"))),
        decide(
            "approve",
            exception_reason="Bertugas semula esok.",
            on_behalf_of="ketua.mampu@mygovuc.gov.my",
            quota_bytes=5_000_000_000,
        ),
    ],
    "rejected": [OPENED, decide("reject", reason="Tidak lengkap."), withdraw()],
    "returned-and-corrected": [
        OPENED,
        decide("return", reason="Sila lampirkan memo."),
        open_review(received(REQUEST)),
        decide("approve", by=FAIZ),
    ],
    "held-and-corrected": [
        OPENED,
        HoldForCorrection(
            Submitter(subject=FAIZ.subject, role="administrator"),
            FAIZ.subject,
            "MAMPU",
            NOW + timedelta(seconds=30),
        ),
        decide("approve"),
        open_review(CORRECTION),
        decide("approve"),
    ],
    "withdrawn": [OPENED, withdraw(), decide("approve")],
    "termination": [open_review(received(TERMINATION)), decide("approve", reason="Bersara.")],
    "approved-by-two": [
        TWO_LEVELS,
        comment("Sila semak kuota."),
        decide("approve", quota_bytes=5_000_000_000, reason="Projek khas."),
        decide("approve"),
        decide("approve", by=FAIZ),
        comment("Selesai.", by=FAIZ),
    ],
    "endorsed-and-corrected": [
        TWO_LEVELS,
        decide("approve"),
        decide("return", by=FAIZ, reason="Sila lampirkan memo."),
        TWO_LEVELS,
        decide("approve", on_behalf_of="Pengarah ICT"),
    ],
    "rules": [
        rules("MAMPU-000000000001", 1, Change(by="Siti", on=date(2025, 11, 24), why="Arahan.")),
        rules("MAMPU-000000000002", 2),
        rules("MAMPU-000000000001", 1),
    ],
    "bulk": [
        BeginBulk(SITI, ("019349f0-0001-7b3c-8d4e-5f60718293a4", "not-known")),
        AnswerBulk(
            (
                RulingResult(
                    request_id="019349f0-0001-7b3c-8d4e-5f60718293a4",
                    status=201,
                    decision=DecisionMade(
                        request_id="019349f0-0001-7b3c-8d4e-5f60718293a4",
                        decision="approve",
                        decided_by=SITI,
                        decided_at=OPENED.at,
                        version=2,
                    ),
                ),
                RulingResult(
                    request_id="not-known",
                    status=404,
                    problem={"type": "urn:bmt:problem:not_found", "status": 404},
                ),
            )
        ),
    ],
}
