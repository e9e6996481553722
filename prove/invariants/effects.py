"""I4: IPMS and the storage have the account's last approved settings, and never had more.

An account that an officer sets by hand is checked in the storage only: IPMS is then the officer's responsibility.
Every change in IPMS's journal must be allowed by an approval made by then, and there are no more changes than
approvals.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise

from prove.books import Books
from prove.evidence import Change
from prove.finding import Finding, Tally
from prove.published import Said

Ipms = tuple[bool, int | None]
"""Enabled, and the largest file."""
Storage = tuple[bool, int | None]
"""Open, and the quota."""
NOTHING = (False, None)


@dataclass(frozen=True)
class Approval:
    """One approval of an account, and its effect."""

    event: Said
    configured: bool
    by_hand: bool

    @property
    def request_id(self) -> str:
        return self.event.request_id

    @cached_property
    def at(self) -> datetime:
        """When it was decided, else when it was published."""
        said = datetime.fromtimestamp(self.event.record.timestamp / 1000, UTC)
        decided = self.event.data.get("decided_at")
        return datetime.fromisoformat(str(decided)) if decided else said

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


def check(books: Books) -> Finding:
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
            told = books.told(each.request_id, "Configured", "AwaitingOperator")
            names = {event.name for event in told}
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
    where: str,
    account: str,
    shown: tuple[bool, int | None],
    allowed: Sequence[tuple[bool, int | None]],
    approvals: Sequence[Approval],
    tally: Tally,
) -> None:
    unfinished = not any(each.configured for each in approvals)
    so = shown in allowed or (unfinished and shown == NOTHING)
    request_id = approvals[-1].request_id if approvals else None
    tally.require(so, f"{where} shows {shown} for {account}, approved was {allowed}", request_id)


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
        approved = books.told(each.request_id, "Approved")
        tally.require(bool(approved), f"{each.name} without an approval", each.request_id)
        if each.name == "Configured" and approved:
            wanted = Approval(approved[0], configured=True, by_hand=False)
            effective = each.data.get("effective") or {}
            ipms, storage = effective.get("ipms") or {}, effective.get("storage") or {}
            said = (
                (ipms.get("bmt_enabled"), ipms.get("max_file_size_bytes")),
                (storage.get("enabled"), storage.get("quota_bytes")),
            )
            tally.require(
                said == (wanted.ipms, wanted.storage),
                f"configured as {said}, approved was {(wanted.ipms, wanted.storage)}",
                each.request_id,
            )
