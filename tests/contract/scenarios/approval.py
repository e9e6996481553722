"""Reviews, from their opening to their decision, and a bulk call."""

from fixtures.samples import received
from unit.approval.reviews import (
    FAIZ,
    REQUEST,
    SITI,
    TERMINATION,
    decide,
    open_review,
    withdraw,
)

from bmt.contracts.http.approval import DecisionMade, RulingResult
from services.approval.domain.commands import AnswerBulk, BeginBulk

OPENED = open_review(received(REQUEST))
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
    "withdrawn": [OPENED, withdraw(), decide("approve")],
    "termination": [open_review(received(TERMINATION)), decide("approve", reason="Bersara.")],
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
                        decided_at=OPENED.said_at,
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
