"""Confirming grants: an agency is asked about a grant once in a campaign, and a person confirms it or requests its termination.

Nothing here takes a grant away. What is proposed is a request for termination, which the agency approves or rejects.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from bmt.agencies.charter import day_of
from bmt.contracts.events import (
    ConfirmationCause,
    ConfirmationDue,
    ConfirmationsAwaited,
    Event,
    GrantConfirmed,
    TerminationProposed,
)
from services.provisioning.domain.configuration import (
    AnswerGrant,
    AskConfirmation,
    Configured,
    Confirmation,
    NotRequested,
    RemindOffice,
    State,
    SupersedeConfirmation,
    in_force,
)
from services.provisioning.domain.errors import (
    Answered,
    NoConfirmation,
    OwnAccount,
    UnknownRequest,
)
from services.provisioning.domain.events import ConfirmationSuperseded

_EVIDENCE: Final[Mapping[ConfirmationCause, tuple[str, str]]] = MappingProxyType(
    {
        "rule": (
            "Peraturan agensi: pemberian yang berkuat kuasa sejak {since} perlu disahkan selewat-lewatnya pada {by}.",
            "The agency's rule: the grant in force since {since} was to be confirmed by {by}.",
        ),
        "not_serving": (
            "Direktori menunjukkan pada {read} bahawa akaun ini tidak aktif.",
            "The directory showed on {read} that this account is not active.",
        ),
        "not_registered": (
            "Direktori menunjukkan pada {read} bahawa tiada akaun sedemikian.",
            "The directory showed on {read} that there is no such account.",
        ),
    }
)
"""Why it was asked, in Malay and English."""


AGAIN_AFTER_MONTHS: Final = 12
"""When an agency without `every_months` is asked again about a leaver whose grant it confirmed."""


def is_due(since: datetime, every_months: int, now: datetime) -> bool:
    """By months of the calendar in Malaysia, so that all that is due in one is asked together; 0: never."""
    then, today = day_of(since), day_of(now)
    months = (today.year - then.year) * 12 + today.month - then.month
    return 0 < every_months <= months


def is_leaver_due(answered_at: datetime | None, every_months: int, now: datetime) -> bool:
    return answered_at is None or is_due(answered_at, every_months or AGAIN_AFTER_MONTHS, now)


def ask(command: AskConfirmation, state: State) -> Sequence[Event]:
    """Not while an answer is awaited, and not twice in one campaign."""
    grant = in_force(state)
    if grant is None or grant.order.kind != "application":
        return ()
    before = grant.confirmation
    if before and (before.answer is None or before.due.campaign == command.campaign):
        return ()
    return [
        ConfirmationDue(
            request=grant.order.request,
            campaign=command.campaign,
            cause=command.cause,
            in_force_since=command.in_force_since,
            answer_by=command.answer_by,
            directory_read_at=command.directory_read_at,
        )
    ]


def answer(command: AnswerGrant, state: State) -> Sequence[Event]:
    grant, confirmation = _open_confirmation(command, state)
    request, by, at, reason = grant.order.request, command.officer, command.at, command.reason
    if command.termination_id is None:
        return [GrantConfirmed(request=request, confirmed_by=by, confirmed_at=at, reason=reason)]
    return [
        TerminationProposed(
            request=request,
            proposed_by=by,
            proposed_at=at,
            reason=reason,
            termination_id=command.termination_id,
            justification=_justification(reason, confirmation.due, request.reference),
        )
    ]


def remind(command: RemindOffice, state: State) -> Sequence[Event]:
    """Whoever commands it names the campaign and the level as the cause, so that it happens once."""
    grant = in_force(state)
    if grant is None:
        return ()
    return [
        ConfirmationsAwaited(
            request=grant.order.request,
            campaign=command.campaign,
            level=command.level,
            answer_by=command.answer_by,
            grants=command.grants,
        )
    ]


def supersede(command: SupersedeConfirmation, state: State) -> Sequence[Event]:
    grant = in_force(state)
    if grant is None or grant.confirmation is None or grant.confirmation.answer is not None:
        return ()
    return [ConfirmationSuperseded(request=grant.order.request, superseded_at=command.at)]


def _open_confirmation(command: AnswerGrant, state: State) -> tuple[Configured, Confirmation]:
    """The grant, and what the agency is asked about it.

    Raises:
        Refused: nothing is asked, somebody answered, or this officer may not.
    """
    if isinstance(state, NotRequested) or state.order.request.agency != command.agency:
        raise UnknownRequest
    if command.officer.subject.casefold() == state.order.account.casefold():
        raise OwnAccount
    grant = in_force(state)
    match grant and grant.confirmation:
        case Confirmation(answer=GrantConfirmed() as one):
            raise Answered("confirm", one.confirmed_by, one.confirmed_at)
        case Confirmation(answer=TerminationProposed() as one):
            raise Answered("terminate", one.proposed_by, one.proposed_at)
        case Confirmation(answer=None) as confirmation if grant and not command.superseded:
            return grant, confirmation
    raise NoConfirmation


def _justification(reason: str, due: ConfirmationDue, reference: str) -> str:
    """The text of the request for termination: the reason, then the evidence."""
    moments = {"since": due.in_force_since, "by": due.answer_by, "read": due.directory_read_at}
    days = {name: _day(at) for name, at in moments.items()}
    malay, english = (line.format(**days) for line in _EVIDENCE[due.cause])
    return f"{reason}\n\n{malay} ({reference})\n{english}"


def _day(at: datetime | None) -> str:
    return day_of(at).isoformat() if at else "–"
