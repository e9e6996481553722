"""What an administrator should know before deciding: what is unusual, what comes next, and people's names."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from bmt.chassis.http.auth import Principal
from bmt.contracts.events import Granted
from bmt.contracts.http import approval, intake
from bmt.contracts.http.approval import OwnAgency, RequestUnderReview, Ruling
from bmt.contracts.http.intake import AccountOwner
from bmt.contracts.problems import Refused
from web.clients import VisitorClient, address, part
from web.steps import SERVICES, person

_OF_APPROVAL: Final = frozenset(
    {"received", "corrected", "review_opened", "returned", "approved", "rejected", "withdrawn"}
)
"""Intake's steps that approval's history has in more detail."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """An approval of more than was requested, or than this agency usually grants.

    Attributes:
        usual_bytes: None: the agency has no usual size.
        sure: the value by which the form confirms these very sizes.
    """

    quota_bytes: int | None
    max_file_size_bytes: int | None
    requested: Granted
    usual_bytes: int | None
    sure: str


def unusual(ruling: Ruling, review: RequestUnderReview, rules: OwnAgency | None) -> Unusual | None:
    """None: nothing to confirm. Earlier approvers have confirmed what they granted."""
    if ruling.decision != "approve" or review.kind != "application":
        return None
    sizes = Granted(quota_bytes=review.quota_bytes, max_file_size_bytes=review.max_file_size_bytes)
    before = review.endorsements[-1].approved if review.endorsements else sizes
    quota = ruling.quota_bytes or before.quota_bytes
    largest = ruling.max_file_size_bytes or before.max_file_size_bytes
    usual = rules.usual_quota_bytes if rules else None
    most = min((one for one in (sizes.quota_bytes, usual) if one), default=0)
    if review.endorsements:
        most = max(most, before.quota_bytes or 0)
    above = (quota or 0) > most or (largest or 0) > (before.max_file_size_bytes or 0)
    if not above:
        return None
    return Unusual(quota, largest, sizes, usual, f"{quota}/{largest}")


async def own_rules(client: VisitorClient) -> OwnAgency | None:
    """The rules that the visitor decides by; None: their agency has none any more."""
    try:
        return await client.get("approval", address("agencies", "own"), OwnAgency)
    except Refused as refused:
        if refused.problem != "not_found":
            raise
        return None


def names_of(review: RequestUnderReview, visitor: Principal) -> Mapping[str, str]:
    """The names that the page knows, by account in lower case."""
    officers = [one.endorsed_by for one in review.endorsements]
    officers += [one.by for one in review.comments]
    if review.decision:
        officers.append(review.decision.decided_by)
    names = {one.subject: one.name for one in officers}
    names |= {one.by: one.by_name for one in review.history if one.by and one.by_name}
    names |= {visitor.subject: visitor.name, review.applicant.account: review.applicant.name}
    return {account.casefold(): name for account, name in names.items() if name}


async def directory_names(
    client: VisitorClient, accounts: Iterable[str | None], known: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """Adds to `known` the directory's names of the agency's other accounts, by account in lower case.

    Accounts without a name are left out; so are all of them while the directory is down.
    """
    names = dict(known or {})
    others = {one.casefold() for one in accounts if one} - names.keys() - SERVICES

    async def owner(account: str) -> AccountOwner | None:
        with suppress(Refused):  # a name, and no account
            return await part(client.get("intake", address("accounts", account), AccountOwner))
        return None

    found = await asyncio.gather(*map(owner, others))
    return names | {one.account: one.name for one in found if one is not None and one.name}


async def people(
    client: VisitorClient, accounts: Iterable[str | None]
) -> Callable[[str | None], str | None]:
    """Returns the name of an account; the account itself if the directory has no name."""
    return partial(person, names=await directory_names(client, accounts))


@dataclass(frozen=True, slots=True)
class Later:
    """A step after approval's part."""

    step: str
    at: datetime
    by: str
    detail: str


def later(status: intake.RequestStatus | None, opened_at: datetime) -> tuple[Later, ...]:
    """The steps that approval's history does not have. None is dated before the review was opened.

    That an acknowledgement was prepared is left out: the step that follows says whether it was sent.
    """
    steps = status.steps if status else ()
    return tuple(
        Later(one.step, max(one.at, opened_at), one.by, one.detail)
        for one in steps
        if one.step not in _OF_APPROVAL
        and not (one.step == "notification_prepared" and one.detail.startswith("acknowledgement"))
    )


def next_of(
    items: Sequence[approval.WorklistItem], request_id: str
) -> approval.WorklistItem | None:
    """The first of the worklist, besides this one, that waits for its reader."""
    waiting = (one for one in items if one.request_id != request_id and one.withheld is None)
    return next(waiting, None)
