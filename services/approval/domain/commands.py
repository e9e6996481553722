"""What approval can be asked to do."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from bmt.agencies.deciding import Change
from bmt.contracts.events import RequestReceived, WithdrawalRequested
from bmt.contracts.http.approval import Ruling, RulingResult
from bmt.contracts.immutable import immutable
from bmt.contracts.values import Document, Officer, Submitter
from services.approval.domain.policy import Policy


@immutable
class OpenReview:
    """A request was received, for the first time or corrected.

    Attributes:
        received: what intake said.
        said_at: when intake said so.
        policy: the rules of the request's agency.
    """

    received: RequestReceived
    said_at: datetime
    policy: Policy


@immutable
class Decide:
    """An administrator approves, rejects or returns a request.

    Attributes:
        ruling: what the administrator says.
        officer: who that is.
        agency: the administrator's agency, by the token.
        policy: that agency's rules.
        decided_at: now.
    """

    ruling: Ruling
    officer: Officer
    agency: str
    policy: Policy
    decided_at: datetime


@immutable
class HoldForCorrection:
    """Somebody is about to correct the request: until then nobody decides on it.

    Attributes:
        by: who corrects it.
        account: theirs, where they do so as its applicant; else None.
        agency: theirs, where they do so as an administrator; else None.
        until: when it may be decided again, though no correction was heard.
    """

    by: Submitter
    account: str | None
    agency: str | None
    until: datetime


@immutable
class Withdraw:
    """The applicant no longer wants it."""

    withdrawal: WithdrawalRequested


@immutable
class BeginBulk:
    """Take up a bulk call, before any of its items is decided."""

    officer: Officer
    request_ids: tuple[str, ...]


@immutable
class AnswerBulk:
    """Keep what a bulk call is answered with."""

    results: tuple[RulingResult, ...]


@immutable
class AddComment:
    """An administrator of `agency` (by the token) notes something; the documents exist."""

    text: str
    documents: tuple[Document, ...]
    officer: Officer
    agency: str
    added_at: datetime


@immutable
class RecordRules:
    """Approval starts, and these are an agency's rules.

    Attributes:
        agency: its code.
        policy_version: names them.
        rules: all of them, as JSON.
        change: who changed them last, where the file says so.
        recorded_at: now.
    """

    agency: str
    policy_version: str
    rules: Mapping[str, JsonValue]
    change: Change | None
    recorded_at: datetime


Command = (
    OpenReview
    | HoldForCorrection
    | Decide
    | Withdraw
    | AddComment
    | BeginBulk
    | AnswerBulk
    | RecordRules
)
