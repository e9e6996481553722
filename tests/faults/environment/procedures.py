"""Requests on their way through all steps, and whether each step of each was made once."""

import asyncio
import mailbox
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import structlog
from eventually import eventually
from fixtures.outside import Caller, Observer, application, headers_of
from site_under_faults import Site

from bmt.contracts import topics

TOPICS = (*topics.EVENTS, topics.DEAD_LETTERS)
APPROVED_AND_FILED = Counter(
    {
        "RequestReceived": 1,
        "ReviewOpened": 1,
        "Approved": 1,
        "ConfigurationStarted": 1,
        "Configured": 1,
        "NotificationPrepared": 2,
        "Notified": 2,
        "Filed": 1,
    }
)
AT_ONCE = 16

seen = structlog.get_logger("seen").info
"""Tells a figure of a run to who looks (`pytest -s`); none decides whether a test passes."""


async def submitted(by: Caller, accounts: Collection[str]) -> list[str]:
    """A request for each account, acknowledged; the answer is tried for once only."""
    answers = await each(
        [by.post("intake", "/v1/requests", application(account)) for account in accounts]
    )
    assert Counter(answer.status_code for answer in answers) == {201: len(accounts)}, answers
    return [answer.json()["request_id"] for answer in answers]


async def approved(by: Caller, ids: Collection[str]) -> None:
    """Each is approved, once approval knows of it; with a reason, should there be warnings."""
    for request_id in ids:
        await by.once_known("approval", f"/v1/requests/{request_id}")
    answers = await each(
        [by.decide(one, "approve", exception_reason="Disahkan secara manual.") for one in ids]
    )
    assert Counter(answer.status_code for answer in answers) == {201: len(ids)}, answers


async def each(calls: Collection[Any]) -> list[Any]:
    """What all of them answer, some at the same time."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(call: Any) -> Any:
        async with slots:
            return await call

    return list(await asyncio.gather(*(one(call) for call in calls)))


async def said(
    site: Site, ids: Collection[str], expected: Counter[str], seconds: float = 180
) -> dict[str, Counter[str]]:
    """What was said of each request, different events only, once all that is expected is."""

    def found(records: Sequence[Any]) -> dict[str, Counter[str]]:
        counts = by_request(records)
        missing = [(one, dict(counts[one])) for one in ids if not counts[one] >= expected]
        assert not missing, missing[:3]
        return {one: counts[one] for one in ids}

    async with Observer(site.ready, *TOPICS) as observer:
        return await observer.until(found, seconds)


def by_request(records: Sequence[Any]) -> dict[str, Counter[str]]:
    """The names of different events, by request; dead letters of whatever origin as such."""
    seen: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for record in records:
        headers = headers_of(record)
        if "ce_id" in headers:
            dead = record.topic == topics.DEAD_LETTERS
            name = "dead letter" if dead else headers["ce_type"].split(".")[3]
            seen[headers.get("ce_subject", "")][record.topic, headers["ce_id"]] = name
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for request_id, events in seen.items():
        counts[request_id] = Counter(events.values())
    return counts


async def filed_once(site: Site, by: Caller, ids: Collection[str], seconds: float = 180) -> None:
    """They came to their end, each step made once, nothing refused, each notice sent."""
    told = await said(site, ids, APPROVED_AND_FILED, seconds)
    wrong = {one: dict(names) for one, names in told.items() if names != APPROVED_AND_FILED}
    assert not wrong, wrong
    for request_id in ids:
        assert await by.until(request_id, "filed", seconds=seconds) == "filed"


def notices(site: Site, account: str) -> Counter[str]:
    """How often each message came for an account, by its Message-ID."""
    messages = mailbox.Maildir(site.system.mail.maildir, create=False)
    return Counter(
        message["Message-ID"] for message in messages if account in (message["To"] or "")
    )


async def caught_up(site: Site, service: str) -> None:
    """Until nothing waits to be said by a service."""

    async def nothing_waits() -> None:
        pending = await site.samples(service, "bmt_outbox_pending")
        assert pending
        assert not any(pending.values())

    await eventually(nothing_waits, 180)


def quota(text: str) -> int:
    """The sum of a PROPFIND's quota figures."""
    return sum(int(each) for each in re.findall(r"quota-(?:used|available)-bytes>(\d+)<", text))
