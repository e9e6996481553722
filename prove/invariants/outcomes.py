"""I4: IPMS and the storage have the account's last approved settings, and never had more.

An account that an officer sets by hand is checked in the storage only: IPMS is then the officer's responsibility.
Every change in IPMS's journal must be allowed by an approval made by then, and there are no more changes than
approvals.

I5: every e-mail notice arrives at least once, always with the same Message-ID; there is one outcome.

The mailbox may hold a message twice (a crash between sending and noting it), but with the same bytes, and none
that no notice explains.

I7: requests take only the steps that the procedure allows, in every service and across them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from bmt.contracts.events import OUTCOMES
from prove.books import Books, Finding, Published, Tally, times_received
from prove.evidence import Change, Mail

Ipms = tuple[bool, int | None]
"""Enabled, and the largest file."""
Storage = tuple[bool, int | None]
"""Open, and the quota."""
NOTHING = (False, None)


@dataclass(frozen=True)
class Approval:
    """One approval of an account, and its effect."""

    event: Published
    configured: bool
    by_hand: bool

    @property
    def request_id(self) -> str:
        return self.event.request_id

    @cached_property
    def at(self) -> datetime:
        """When it was decided, else when it was published."""
        published_at = datetime.fromtimestamp(self.event.record.timestamp / 1000, UTC)
        decided = self.event.data.get("decided_at")
        return datetime.fromisoformat(str(decided)) if decided else published_at

    @property
    def ipms(self) -> Ipms:
        return NOTHING if self._ends else (True, self._granted("max_file_size_bytes"))

    @property
    def storage(self) -> Storage:
        return NOTHING if self._ends else (True, self._granted("quota_bytes"))

    @property
    def _ends(self) -> bool:
        return self.event.request.get("kind") == "termination"

    def _granted(self, size: str) -> int | None:
        granted = (self.event.data.get("approved") or {}).get(size)
        return granted if isinstance(granted, int) else None


def check_effects(books: Books) -> Finding:
    """The final state of every account, IPMS's history, and what each Configured claims."""
    tally = Tally()
    approvals = _approvals(books)
    for account in books.evidence.accounts:
        mine = approvals.get(account.account.casefold(), ())
        if not any(each.by_hand for each in mine):
            shown = (account.bmt_enabled, account.max_file_size_bytes)
            allowed = [each.ipms for each in _possible(mine)] or [NOTHING]
            _one_of("IPMS", account.account, shown, allowed, mine, tally)
    for volume in books.evidence.volumes:
        mine = approvals.get(volume.account.casefold(), ())
        shown = (volume.open, volume.quota_bytes if volume.open else None)
        allowed = [each.storage for each in _possible(mine)] or [NOTHING]
        _one_of("storage", volume.account, shown, allowed, mine, tally)
    _history(books, approvals, tally)
    _claims(books, tally)
    return tally.finding()


def _approvals(books: Books) -> Mapping[str, Sequence[Approval]]:
    """Of each account, in the order decided."""
    found: dict[str, list[Approval]] = defaultdict(list)
    for each in books.events.values():
        if each.name == "Approved":
            outcomes = books.events_named(each.request_id, "Configured", "AwaitingOperator")
            names = {event.name for event in outcomes}
            approval = Approval(each, "Configured" in names, "AwaitingOperator" in names)
            found[each.account].append(approval)
    return {account: sorted(each, key=_turn) for account, each in found.items()}


def _turn(approval: Approval) -> tuple[datetime, str]:
    """The ids order two approvals of the same moment."""
    return approval.at, approval.request_id


def _possible(approvals: Sequence[Approval]) -> Iterator[Approval]:
    """The last that was configured, and those still under way after it."""
    for approval in reversed(approvals):
        yield approval
        if approval.configured:
            return


def _one_of(
    target: str,
    account: str,
    shown: tuple[bool, int | None],
    allowed: Sequence[tuple[bool, int | None]],
    approvals: Sequence[Approval],
    tally: Tally,
) -> None:
    unfinished = not any(each.configured for each in approvals)
    so = shown in allowed or (unfinished and shown == NOTHING)
    request_id = approvals[-1].request_id if approvals else None
    tally.require(so, f"{target} shows {shown} for {account}, approved was {allowed}", request_id)


def _history(books: Books, approvals: Mapping[str, Sequence[Approval]], tally: Tally) -> None:
    of_account: dict[str, list[Change]] = defaultdict(list)
    for change in books.evidence.changes:
        of_account[change.account.casefold()].append(change)
    for account, changes in of_account.items():
        mine = approvals.get(account, ())
        if any(each.by_hand for each in mine):
            continue
        made = 0
        for before, after in pairwise(changes):
            state = (after.bmt_enabled, after.max_file_size_bytes)
            if state == (before.bmt_enabled, before.max_file_size_bytes):
                continue
            made += 1
            reasons = [each for each in mine if each.ipms == state and _by_then(each, after)]
            request_id = mine[-1].request_id if mine else None
            tally.require(
                bool(reasons), f"IPMS was set to {state} without an approval by then", request_id
            )
        last = mine[-1].request_id if mine else None
        tally.require(made <= len(mine), f"{made} changes in IPMS for {len(mine)} approvals", last)


def _by_then(approval: Approval, change: Change) -> bool:
    """Whether it was decided before; the journal may have whole seconds only."""
    at = datetime.fromisoformat(change.at)
    decided = approval.at if at.microsecond else approval.at.replace(microsecond=0)
    return decided <= at


def _claims(books: Books, tally: Tally) -> None:
    """Configured has what the request's approval granted, and nothing starts before that."""
    for each in books.events.values():
        if each.name not in ("ConfigurationStarted", "Configured"):
            continue
        approved = books.events_named(each.request_id, "Approved")
        tally.require(bool(approved), f"{each.name} without an approval", each.request_id)
        if each.name == "Configured" and approved:
            wanted = Approval(approved[0], configured=True, by_hand=False)
            effective = each.data.get("effective") or {}
            ipms, storage = effective.get("ipms") or {}, effective.get("storage") or {}
            reported = (
                (ipms.get("bmt_enabled"), ipms.get("max_file_size_bytes")),
                (storage.get("enabled"), storage.get("quota_bytes")),
            )
            tally.require(
                reported == (wanted.ipms, wanted.storage),
                f"configured as {reported}, approved was {(wanted.ipms, wanted.storage)}",
                each.request_id,
            )


_NOTICES = ("NotificationPrepared", "Notified", "NotificationFailed")


def check_notified(books: Books) -> Finding:
    """Every notice, every message, every request."""
    tally = Tally()
    mails: dict[str, list[Mail]] = defaultdict(list)
    for mail in books.evidence.mails:
        mails[mail.message_id or ""].append(mail)
    notices = _notices_by_id(books)
    explained = set()
    for (request_id, notice), events in notices.items():
        ids = {each.data.get("message_id") for each in events}
        explained |= ids
        label = f"notice {notice} ({events[0].data.get('about')})"
        tally.require(len(ids) == 1, f"{label} has {len(ids)} Message-IDs", request_id)
        notified = [each for each in events if each.name == "Notified"]
        tally.require(len(notified) <= 1, f"{label}: Notified {len(notified)} times", request_id)
        for each in notified:
            if each.data.get("channel") == "email":
                _arrived(each, mails, tally)
    for message_id, copies in mails.items():
        tally.require(message_id in explained, f"no notice explains the mail {message_id}")
        digests = {mail.digest for mail in copies}
        tally.require(len(digests) == 1, f"two mails differ under {message_id}")
    _acknowledgement_and_outcome(books, tally)
    return tally.finding()


def _notices_by_id(books: Books) -> dict[tuple[str, str], list[Published]]:
    found: dict[tuple[str, str], list[Published]] = defaultdict(list)
    for each in books.events.values():
        if each.name in _NOTICES:
            found[each.request_id, str(each.data.get("notification_id"))].append(each)
    return found


def _arrived(notified: Published, mails: dict[str, list[Mail]], tally: Tally) -> None:
    message_id = str(notified.data.get("message_id"))
    copies = mails.get(message_id, [])
    tally.require(bool(copies), f"Notified, and no mail {message_id}", notified.request_id)
    recipient = notified.data.get("recipient")
    tally.require(
        all(recipient in mail.recipients for mail in copies),
        f"the mail {message_id} went to somebody else",
        notified.request_id,
    )


def _acknowledgement_and_outcome(books: Books, tally: Tally) -> None:
    for request_id, events in books.by_request.items():
        sent = Counter(str(each.data.get("about")) for each in events if each.name == "Notified")
        ended = any(each.name == "Filed" for each in events)
        prepared = {
            (each.data.get("about"), each.data.get("notification_id"))
            for each in events
            if each.name == "NotificationPrepared"
        }
        on_paper = any(
            each.name == "NotificationPrepared"
            and each.data.get("about") in OUTCOMES
            and each.data.get("channel") != "email"
            for each in events
        )
        abouts = Counter(str(about) for about, _ in prepared)
        for kind, among in (
            ("acknowledgements", {"acknowledgement"}),
            ("outcomes", OUTCOMES | {"approved"}),
        ):
            notified = sum(sent[about] for about in among)
            composed = sum(abouts[about] for about in among)
            tally.require(
                notified <= 1 and composed <= 1,
                f"{composed} {kind} composed, {notified} told",
                request_id,
            )
            # The paper of the outcome supersedes an acknowledgement that is still to be handed over.
            superseded = kind == "acknowledgements" and not notified and composed and on_paper
            if ended and not superseded:
                tally.require(notified == 1, f"filed after {notified} {kind}", request_id)


Steps = Mapping[str, frozenset[str]]

_FIRST: Final = ""
REVIEW: Final[Steps] = MappingProxyType(
    {
        _FIRST: frozenset({"ReviewOpened"}),
        "ReviewOpened": frozenset(
            {"ReviewOpened", "Approved", "Rejected", "ReturnedForCorrection", "Withdrawn"}
        ),
        "ReturnedForCorrection": frozenset({"ReviewOpened", "Withdrawn"}),
    }
)
CONFIGURATION: Final[Steps] = MappingProxyType(
    {
        _FIRST: frozenset({"ConfigurationStarted", "ConfigurationFailed"}),
        "ConfigurationStarted": frozenset(
            {"AwaitingOperator", "Configured", "ConfigurationFailed"}
        ),
        "AwaitingOperator": frozenset({"Configured", "ConfigurationFailed"}),
        "ConfigurationFailed": frozenset({"ConfigurationStarted", "ConfigurationFailed"}),
    }
)
NOTICE: Final[Steps] = MappingProxyType(
    {
        _FIRST: frozenset({"NotificationPrepared"}),
        "NotificationPrepared": frozenset({"Notified", "NotificationFailed"}),
        "NotificationFailed": frozenset({"Notified", "NotificationFailed"}),
    }
)
REQUEST: Final[Steps] = MappingProxyType(
    {
        _FIRST: frozenset({"RequestReceived"}),
        "RequestReceived": frozenset({"RequestReceived", "WithdrawalRequested"}),
    }
)
FILE: Final[Steps] = MappingProxyType({_FIRST: frozenset({"Filed"})})
"""The allowed next steps, by service; a name without any ends it."""

_OF_SERVICE: Final = MappingProxyType(
    {"intake": REQUEST, "approval": REVIEW, "provisioning": CONFIGURATION, "records": FILE}
)

_OUTCOME_OF: Final = MappingProxyType(
    {
        "rejected": "Rejected",
        "withdrawn": "Withdrawn",
        "configured": "Configured",
        "terminated": "Configured",
        "returned": "ReturnedForCorrection",
        "acknowledgement": "RequestReceived",
    }
)
"""What must have happened before a notice about it."""


def check_transitions(books: Books) -> Finding:
    """Each service's own steps, then those that another service's events allow."""
    tally = Tally()
    for request_id, events in books.by_request.items():
        for service, steps in _OF_SERVICE.items():
            _walk([each for each in events if each.service == service], steps, tally)
        _notices([each for each in events if each.service == "notification"], tally)
        _across(request_id, events, tally)
    return tally.finding()


def _walk(events: Sequence[Published], steps: Steps, tally: Tally) -> None:
    before = _FIRST
    for each in events:
        allowed = steps.get(before, frozenset())
        label = f"{each.service}: {each.name} after {before or 'nothing'}"
        tally.require(each.name in allowed, label, each.request_id)
        before = each.name


def _notices(events: Sequence[Published], tally: Tally) -> None:
    of_notice: dict[str, list[Published]] = {}
    for each in events:
        of_notice.setdefault(str(each.data.get("notification_id")), []).append(each)
    for each_notice in of_notice.values():
        _walk(each_notice, NOTICE, tally)


def _across(request_id: str, events: Sequence[Published], tally: Tally) -> None:
    names = [each.name for each in events]
    kinds = {each.request.get("kind") for each in events}
    tally.require(len(kinds) == 1, f"is of two kinds: {kinds}", request_id)
    for needed, of in (
        ("Approved", ("ConfigurationStarted", "Configured")),
        ("WithdrawalRequested", ("Withdrawn",)),
        ("RequestReceived", ("ReviewOpened", "NotificationPrepared", "Filed")),
    ):
        begun = any(name in names for name in of)
        tally.require(needed in names or not begun, f"{of} without {needed}", request_id)
    returned = names.count("ReturnedForCorrection")
    received = times_received(events)
    tally.require(
        received <= returned + 1, f"received {received} times, returned {returned}", request_id
    )
    for each in events:
        if each.service == "notification":
            about = str(each.data.get("about"))
            wanted = _OUTCOME_OF.get(about)
            tally.require(wanted in names, f"{each.name} about {about} without it", request_id)
        by = (each.data.get("decided_by") or {}).get("subject")
        if by is not None:
            tally.require(by.casefold() != each.account, "was decided by its applicant", request_id)
