"""Collects what is left of a run, from outside.

The order hardly matters: a system at rest changes only by being asked (reading a record is an event of records).
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from prove import client_log
from prove.books import Books
from prove.collectors import databases, http, ipms, mailbox, storage, topics
from prove.evidence import Endpoints, Evidence, StoredCommit


async def gather(where: Endpoints) -> Evidence:
    """All evidence.

    Raises:
        Unreachable: a part does not answer.
    """
    calls = tuple(client_log.read(where.client_log))
    records = await topics.gather(where)
    stored = await databases.gather(where)
    accounts = await ipms.accounts(where)
    names = {each.account for each in accounts} | set(_applicants(stored.commits))
    changes, mails = await asyncio.gather(
        asyncio.to_thread(ipms.changes, where), asyncio.to_thread(mailbox.gather, where)
    )
    asked = await http.gather(
        where, _agencies(Evidence(calls=calls, commits=stored.commits, records=records))
    )
    return Evidence(
        calls=calls,
        records=records,
        commits=stored.commits,
        parked=stored.parked,
        work=stored.work,
        accounts=accounts,
        changes=changes,
        volumes=await storage.gather(where, names),
        mails=mails,
        answers=asked.answers,
        samples=asked.samples,
        documents=stored.documents,
        unfinished=asked.unfinished,
        tasks=asked.tasks,
        gathered_at=datetime.now(UTC),
    )


def _applicants(commits: Iterable[StoredCommit]) -> Iterable[str]:
    for commit in commits:
        for event in commit.events:
            applicant = (event.data.get("request") or {}).get("applicant") or {}
            if account := applicant.get("account"):
                yield str(account)


def _agencies(evidence: Evidence) -> Mapping[str, str]:
    """Every request that is named anywhere, with its agency (empty if unknown)."""
    books = Books(evidence)
    agencies = {
        commit.stream.partition("-")[2]: str(event.data["request"].get("agency", ""))
        for commit, event in books.stored()
        if isinstance(event.data.get("request"), dict)
    }
    return {name: agencies.get(name, "") for name in books.request_ids}
