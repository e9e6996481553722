"""Removes documents that no commit names: marked, checked once more, then removed.

A document is stored once for all commits that name it, so every remaining commit is searched. Between the
search and the removal a request could name it. So it is condemned first, which hides it from everybody: a
new upload stores it anew, and nobody can refer to it by its id. If it was named just before, the second
search finds that, and it is given back.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bmt.chassis.runtime import mongodb
from bmt.pruning.stores import COMMITS, STORES

DATABASE: Final = "documents"
BUCKET: Final = "documents"
SETTLED_AFTER_SECONDS: Final = 60.0
"""By then a call that found a document before it was condemned has written its commit, or never will."""

_NAME: Final = "metadata.document_id"
_CONDEMNED: Final = "metadata.condemned"
_DOCUMENT_ID: Final = re.compile(rb"sha256:[0-9a-f]{64}")


@dataclass(slots=True)
class PrunedDocuments:
    """What became of documents. `given_back`: condemned, but named by a commit after all."""

    removed: int = 0
    given_back: int = 0
    bytes: int = 0


async def prune_documents(
    client: mongodb.Client,
    prefix: str,
    before: datetime,
    settled_after_seconds: float = SETTLED_AFTER_SECONDS,
) -> PrunedDocuments:
    """Remove the documents stored before a moment (UTC) that no service's commit names.

    Args:
        client: its user may find in the services' databases, and find, update and remove documents.
        prefix: of every database, such as `bmt_`.
        before: younger ones stay in any case.
        settled_after_seconds: between the two searches.

    Raises:
        StoreUnavailable: the next run settles what is condemned.
    """
    database = client[f"{prefix}{DATABASE}"]
    files = database[f"{BUCKET}.files"]
    with mongodb.store_errors():
        await _condemn(files, await _named(client, prefix), before)
        if await files.find_one({_CONDEMNED: {"$exists": True}}) is None:
            return PrunedDocuments()
        await asyncio.sleep(settled_after_seconds)
        return await _settle(database, await _named(client, prefix))


async def _named(client: mongodb.Client, prefix: str) -> set[bytes]:
    """The ids in every commit, found in the raw bytes: nothing is decoded."""
    named: set[bytes] = set()
    for service in STORES:
        commits = client[f"{prefix}{service}"][COMMITS]
        async for batch in commits.find_raw_batches({}, {"_id": 0, "events": 1}):
            named.update(_DOCUMENT_ID.findall(batch))
    return named


async def _condemn(files: mongodb.Collection, named: set[bytes], before: datetime) -> None:
    old = files.find({"uploadDate": {"$lt": before}, _NAME: {"$exists": True}}, {_NAME: 1})
    async for file in old:
        if file["metadata"]["document_id"].encode() not in named:
            await files.update_one({"_id": file["_id"]}, {"$rename": {_NAME: _CONDEMNED}})


async def _settle(database: mongodb.Database, named: set[bytes]) -> PrunedDocuments:
    files, chunks = database[f"{BUCKET}.files"], database[f"{BUCKET}.chunks"]
    pruned = PrunedDocuments()
    async for file in files.find({_CONDEMNED: {"$exists": True}}):
        if file["metadata"]["condemned"].encode() in named and await _give_back(files, file):
            pruned.given_back += 1
            continue
        # The file last: without it the chunks could not be found again.
        await chunks.delete_many({"files_id": file["_id"]})
        await files.delete_one({"_id": file["_id"]})
        pruned.removed += 1
        pruned.bytes += file["length"]
    return pruned


async def _give_back(files: mongodb.Collection, file: Any) -> bool:
    """False: the same bytes were stored again meanwhile, so these can go."""
    try:
        await files.update_one({"_id": file["_id"]}, {"$rename": {_CONDEMNED: _NAME}})
    except mongodb.DuplicateKeyError:
        return False
    return True
