"""What follows from a scan: one fact that names all its papers, then one inbox item for each."""

from collections.abc import Collection, Mapping, Sequence

from bmt.agencies.agency import Agency
from bmt.contracts.problems import FieldError
from bmt.contracts.values import PaperChannel
from services.intake.domain.commands import PutPaperInInbox, ReceiveScan
from services.intake.domain.errors import Fault, SubmissionWrong
from services.intake.domain.events import (
    InboxItemReceived,
    Mail,
    Missing,
    ScanReceived,
)
from services.intake.domain.rules import require_channel
from services.intake.domain.state import Nothing, State
from services.intake.paper_codes import CoverCode, FormCode, PaperCode

PAPER: Collection[PaperChannel] = ("memo", "letter", "form")


def require_paper(agency: Agency, channel: PaperChannel | None) -> None:
    """Raises `SubmissionWrong` where the agency receives no paper, or none that way."""
    allowed = agency.rules.channels.in_
    if channel is not None:
        require_channel(agency, channel)
    elif not set(allowed) & set(PAPER):
        wrong = FieldError.of("/query/channel", "no_paper", channels=allowed)
        fault = Fault(wrong, "channel_not_allowed", {"allowed": list(allowed)})
        raise SubmissionWrong([fault])


def receive_scan(command: ReceiveScan) -> ScanReceived:
    """The scan, whole, with all its papers."""
    return ScanReceived(
        agency=command.home.code,
        received_at=command.received_at,
        submitted_by=command.caller.submitter,
        batch=command.batch,
        page_count=command.page_count,
        papers=command.papers,
    )


def put_in_inbox(command: PutPaperInInbox, state: State) -> Sequence[InboxItemReceived]:
    """The item of one paper, once. Who scanned it is not who it is from: that the paper alone says."""
    if not isinstance(state, Nothing):
        return []
    scan, paper = command.scan, command.paper
    return [
        InboxItemReceived(
            agency=scan.agency,
            received_at=scan.received_at,
            submitted_by=scan.submitted_by,
            mail=Mail(
                message_id=None,
                sender="",
                subject=paper.document.filename,
                documents=(paper.document,),
                understood=paper.understood,
                missing=paper.missing,
            ),
            scan=paper.origin,
        )
    ]


def proposal(
    codes: Sequence[PaperCode], agency: str, channel: PaperChannel | None
) -> Mapping[str, str]:
    """What a paper is taken for until a person has read it, by the fields of a request.

    Codes of another agency are not believed; what the caller says holds where no code does.
    """
    told: dict[str, str] = {} if channel is None else {"channel": channel}
    for code in codes:
        match code:
            case CoverCode(through, owner) if owner == agency:
                told |= {"channel": through, "agency": agency}
            case FormCode(kind, owner) if owner == agency:
                told |= {"channel": "form", "kind": kind, "agency": agency}
    return told


def doubts(codes: Sequence[PaperCode], agency: str) -> tuple[Missing, ...]:
    """That a code names another agency than the caller's, whose inbox the paper is in."""
    others = sorted({c.agency for c in codes if isinstance(c, FormCode | CoverCode)} - {agency})
    return tuple(
        Missing.of("agency", "code_of_other_agency", other=other, agency=agency) for other in others
    )
