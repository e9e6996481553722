"""Reviews in their statuses, and the commands on them, for the specifications of approval."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fixtures import procedure
from fixtures.samples import GB, facts, withdrawal

from bmt.agencies.agency import Appointment
from bmt.agencies.charter import MALAYSIA
from bmt.contracts.events import (
    Approved,
    Endorsement,
    Granted,
    Rejected,
    RequestFacts,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.http.approval import Ruling
from bmt.contracts.values import Officer
from services.approval.domain.agency_rules import RecordRules
from services.approval.domain.events import CommentAdded, Endorsed, PapersReceived
from services.approval.domain.policy import Policy
from services.approval.domain.review import AddComment, Decide, OpenReview, Withdraw

REQUEST = facts()
TERMINATION = facts(kind="termination")
MAMPU = Policy(largest_quota_bytes=100 * GB, largest_file_bytes=2 * GB)
SITI = Officer(subject="siti@mampu.gov.my", name="Siti binti Ali", role="administrator")
FAIZ = Officer(subject="faiz@mampu.gov.my", name="Faiz bin Omar", role="administrator")
DUE = datetime(2025, 11, 27, 9, tzinfo=UTC)
"""Thursday 17:00 in Malaysia: three working days after MONDAY."""
NOW = datetime(2025, 11, 25, 2, tzinfo=UTC)
DAY = NOW.astimezone(MALAYSIA).date()


def appointment(begins=DAY, ends=DAY, officer=SITI.subject, behind="Pengarah ICT"):
    return Appointment.model_validate(
        {"officer": officer, "on_behalf_of": behind, "from": begins, "until": ends}
    )


NAMED = replace(
    MAMPU, acting=(appointment(), appointment(officer=FAIZ.subject, behind="Ketua Setiausaha"))
)
"""Today Siti acts for Pengarah ICT, Faiz for Ketua Setiausaha, and nobody else for anybody."""


def open_review(incoming: RequestReceived, said_at: datetime = NOW, policy=MAMPU) -> OpenReview:
    return OpenReview(incoming, said_at, policy)


def decide(decision: str, by: Officer = SITI, agency="MAMPU", policy=MAMPU, **fields) -> Decide:
    return Decide(Ruling(decision=decision, **fields), by, agency, policy, NOW)


def withdraw(request: RequestFacts = REQUEST) -> Withdraw:
    return Withdraw(withdrawal(request))


def opened(request: RequestFacts = REQUEST, warnings=(), due_at: datetime = DUE) -> ReviewOpened:
    return ReviewOpened(request=request, due_at=due_at, warnings=warnings)


def papers(incoming: RequestReceived, levels: int = 1) -> PapersReceived:
    return PapersReceived(
        request=incoming.request,
        submitted_by=incoming.submitted_by,
        justification=incoming.justification,
        documents=incoming.documents,
        approval_levels=levels,
        not_shown=incoming.not_shown,
    )


def endorsement(level: int = 1, by: Officer = SITI, **changes: Any) -> Endorsement:
    granted = Granted(quota_bytes=10 * GB, max_file_size_bytes=GB)
    values = {"level": level, "endorsed_by": by, "endorsed_at": NOW, "approved": granted}
    return Endorsement(**{**values, **changes})


def endorsed(
    given: Endorsement | None = None, levels: int = 2, request: RequestFacts = REQUEST
) -> Endorsed:
    return Endorsed(request=request, endorsement=given or endorsement(), levels=levels)


def comment(text: str = "Disemak.", by: Officer = SITI, agency: str = "MAMPU") -> AddComment:
    return AddComment(text, (), by, agency, NOW)


def commented(text: str = "Disemak.", by: Officer = SITI) -> CommentAdded:
    return CommentAdded(request=REQUEST, by=by, at=NOW, text=text, documents=())


def record_rules(rules: dict[str, Any] | None = None, change: Any = None) -> RecordRules:
    told = rules or {"approval_levels": 1}
    version = f"MAMPU-{len(str(told))}"
    return RecordRules("MAMPU", version, told, change, NOW)


def approved(request: RequestFacts = REQUEST, **changes: Any) -> Approved:
    return procedure.approved(request, **{"decided_by": SITI, "decided_at": NOW, **changes})


def rejected(request: RequestFacts = REQUEST, **changes: Any) -> Rejected:
    return Rejected(**_refusal(request, changes))


def returned(request: RequestFacts = REQUEST, **changes: Any) -> ReturnedForCorrection:
    return ReturnedForCorrection(**_refusal(request, changes))


def withdrawn(request: RequestFacts = REQUEST) -> Withdrawn:
    return procedure.withdrawn(request)


def _refusal(request: RequestFacts, changes: dict[str, Any]) -> dict[str, Any]:
    values = {"request": request, "decided_by": SITI, "decided_at": NOW, "reason": "Tidak lengkap"}
    return {**values, **changes}
