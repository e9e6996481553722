"""A scan: recorded whole, with all its papers; and what the codes on its papers say."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from bmt.agencies.agency import Agency
from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Document, PaperChannel, immutable
from services.intake.domain.errors import Fault, SubmissionWrong
from services.intake.domain.events import Missing, ScannedPaper, ScanReceived
from services.intake.domain.submission import Caller, require_channel
from services.intake.papers import CoverCode, FormCode, PaperCode


@immutable
class ReceiveScan:
    """Receive a scan, whole as `batch`, with all its papers; `home` is the agency of their inbox."""

    batch: Document
    page_count: int
    papers: tuple[ScannedPaper, ...]
    home: Agency
    caller: Caller
    received_at: datetime


@immutable
class NotReceived:
    """The scan was not received yet."""


@immutable
class Scanned:
    """The scan was received."""

    scan: ScanReceived


State = NotReceived | Scanned


def decide(command: ReceiveScan, _: State) -> Sequence[Event]:
    """Received, with the papers that were found in it."""
    return [
        ScanReceived(
            agency=command.home.code,
            received_at=command.received_at,
            submitted_by=command.caller.submitter,
            batch=command.batch,
            page_count=command.page_count,
            papers=command.papers,
        )
    ]


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    return Scanned(event) if isinstance(event, ScanReceived) else state


DECIDER: Final[Decider[ReceiveScan, State]] = Decider(NotReceived(), decide, evolve)


_PAPER: Final[Collection[PaperChannel]] = ("memo", "letter", "form")


def require_paper(agency: Agency, channel: PaperChannel | None) -> None:
    """Raises `SubmissionWrong` if the agency receives no paper, or not through this channel."""
    allowed = agency.rules.channels.in_
    if channel is not None:
        require_channel(agency, channel)
    elif not set(allowed) & set(_PAPER):
        wrong = FieldError.of("/query/channel", "no_paper", channels=allowed)
        raise SubmissionWrong([Fault(wrong, "channel_not_allowed", {"allowed": list(allowed)})])


def proposal(
    codes: Sequence[PaperCode], agency: str, channel: PaperChannel | None
) -> Mapping[str, str]:
    """The fields of a request as the paper's codes give them, until a person has read it.

    Codes of another agency are not trusted. The caller's channel counts if no code names one.
    """
    fields: dict[str, str] = {} if channel is None else {"channel": channel}
    for code in codes:
        match code:
            case CoverCode(through, owner) if owner == agency:
                fields |= {"channel": through, "agency": agency}
            case FormCode(kind, owner) if owner == agency:
                fields |= {"channel": "form", "kind": kind, "agency": agency}
    return fields


def doubts(codes: Sequence[PaperCode], agency: str) -> tuple[Missing, ...]:
    """The codes that name another agency than the one whose inbox the paper is in."""
    others = sorted({c.agency for c in codes if isinstance(c, FormCode | CoverCode)} - {agency})
    return tuple(
        Missing.of("agency", "code_of_other_agency", other=other, agency=agency) for other in others
    )
