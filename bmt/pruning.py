"""Removes working copies once a request has been filed for long enough. Only the record stays for ever.

The streams, views and documents of the services hold personal data only as long as the work needs them.
An operator prunes, with a user of its own: no service can remove a commit. Pruning knows the services'
collections by name and imports nothing of them. An aborted run can be repeated.

Removed are documents that no commit names: marked, checked once more, then removed. A document is stored once for all
commits that name it, so every remaining commit is searched. Between the search and the removal a request could name it.
So it is condemned first, which hides it from everybody: a new upload stores it anew, and nobody can refer to it by its id. If
it was named just before, the second search finds that, and it is given back.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bmt.chassis.messaging import consumer
from bmt.chassis.runtime import mongodb

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
    condemned = files.find({_CONDEMNED: {"$exists": True}}, {"metadata": 1, "length": 1})
    async for file in condemned:
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


COMMITS: Final = "commits"
STREAM_OF: Final = "request-{request_id}"
RECORDS: Final = "records"
DOCUMENTS: Final = "documents"
UPLOADS: Final = "uploads"
HOLDERS: Final = "holders"
"""Intake's views in the documents' database: uploaders, and holders by the request's id."""
FILES: Final = "files"
"""Records' view of filed requests, with the time of filing."""


@dataclass(frozen=True, slots=True)
class WorkingStore:
    """What one service keeps of requests.

    Attributes:
        requests: the view that has every request. It is removed last, so that an aborted run is repeated.
        others: further views, by the field that names the request in them.
        listed_too: which of the others has one document a request as well, by its `_id`. It may hold requests
            that `requests` never has.
        named_by: the field that names the request in `requests`, which may have several documents of one.
        entitlements: the view of what is in force, whose latest request must stay.
        documents_held: whether `HOLDERS` is about its requests.
        passing: prefixes of streams that belong to no request's file, such as a bulk call's. Their age alone
            decides. Each has the view that shows them and the field of its time, if there is one.
    """

    requests: str
    others: Mapping[str, str]
    named_by: str = "_id"
    entitlements: str | None = None
    listed_too: str | None = None
    passing: Mapping[str, tuple[str, str] | None] | None = None
    documents_held: bool = False

    @property
    def lists(self) -> Mapping[str, str]:
        """The views that together have every request, with the field that names it."""
        also = {self.listed_too: "_id"} if self.listed_too else {}
        return {self.requests: self.named_by, **also}

    def collections(self) -> Iterator[str]:
        """Everything that pruning removes from, or reads for that."""
        yield from (COMMITS, self.requests, *self.others)
        if self.entitlements is not None:
            yield self.entitlements
        yield from (shown_in[0] for shown_in in (self.passing or {}).values() if shown_in)


_ASSIGNMENTS: Final = {"assignment-": ("assignments", "until")}

STORES: Final[Mapping[str, WorkingStore]] = {
    "notification": WorkingStore(
        "told",
        # Two views of an earlier version, which are still pruned.
        {"correspondences": "_id", "notices": "request_id"},
        named_by="request_id",
        listed_too="correspondences",
        passing=_ASSIGNMENTS,
    ),
    "provisioning": WorkingStore(
        "configurations",
        {"tasks": "request_id", "reviews": "_id", "drift": "_id", "confirmations": "_id"},
        entitlements="entitlements",
        listed_too="reviews",
    ),
    "approval": WorkingStore("reviews", {}, passing={"bulk-": None, **_ASSIGNMENTS}),
    "intake": WorkingStore(
        "requests",
        {"inbox": "_id", "submissions": "request_id"},
        passing={
            # An earlier version had the view of uploads in this database.
            "upload-": ("uploads", "uploaded_at"),
            "delivery-": None,
            "scan-": None,
            "refusal-": ("submissions", "refused_at"),
            **_ASSIGNMENTS,
        },
        documents_held=True,
    ),
}
"""By service. Intake is the last: until then a user can still query the request."""


AT_A_TIME: Final = 500


@dataclass(slots=True)
class Pruned:
    """What was removed of one service. `in_force` requests were kept: an account has its service by them."""

    requests: int = 0
    in_force: int = 0
    commits: int = 0


async def prune_streams(client: mongodb.Client, prefix: str, before: datetime) -> dict[str, Pruned]:
    """Remove what services keep of requests that were filed before a moment (UTC).

    Args:
        client: its user may find in records' files, and find and remove in the services' databases.
        prefix: of every database, such as `bmt_`.
        before: when they were filed; for what is never filed, when it was written.

    Raises:
        StoreUnavailable: some may be removed. Repeating it continues.
    """
    files = client[f"{prefix}{RECORDS}"][FILES]
    documents = client[f"{prefix}{DOCUMENTS}"]
    for service in (*STORES, RECORDS):
        await _announce(client[f"{prefix}{service}"], before)
    pruned = {
        service: await _of_service(client[f"{prefix}{service}"], documents, store, files, before)
        for service, store in STORES.items()
    }
    with mongodb.store_errors():
        await documents[UPLOADS].delete_many({"uploaded_at": {"$lt": before}})
    return pruned


async def _announce(database: mongodb.Database, before: datetime) -> None:
    """Before anything is removed: older events must not be republished, for nobody would recognise them."""
    with mongodb.store_errors():
        await database[consumer.POSITIONS].update_one(
            {"_id": consumer.PRUNED}, {"$max": {"before": before}}, upsert=True
        )


async def _of_service(
    database: mongodb.Database,
    documents: mongodb.Database,
    store: WorkingStore,
    files: mongodb.Collection,
    before: datetime,
) -> Pruned:
    pruned = Pruned()
    for view, field in store.lists.items():
        async for request_ids in _batches(database[view], field):
            filed = await _filed(files, request_ids, before)
            needed = await _in_force(database, store, filed)
            if view == store.requests:
                pruned.in_force += len(needed)
            gone = [request_id for request_id in filed if request_id not in needed]
            if gone:
                if store.documents_held:
                    await _remove_holders(documents, gone)
                pruned.commits += await _remove(database, store, gone)
                pruned.requests += len(gone)
    for beginning, shown_in in (store.passing or {}).items():
        pruned.commits += await _remove_passing(database, beginning, shown_in, before)
    return pruned


async def _batches(view: mongodb.Collection, field: str) -> AsyncIterator[list[str]]:
    last: Any = ""
    while True:
        with mongodb.store_errors():
            found = view.find({field: {"$gt": last}}, {field: 1}).sort(field, 1).limit(AT_A_TIME)
            batch = list(dict.fromkeys([one[field] for one in await found.to_list(None)]))
        if not batch:
            return
        yield batch
        last = batch[-1]


async def _filed(
    files: mongodb.Collection, request_ids: Collection[str], before: datetime
) -> list[str]:
    """Those whose file has been complete since before."""
    query = {"_id": {"$in": list(request_ids)}, "filed_at": {"$lt": before}}
    with mongodb.store_errors():
        return [file["_id"] for file in await files.find(query, {"_id": 1}).to_list(None)]


async def _in_force(
    database: mongodb.Database, store: WorkingStore, request_ids: Collection[str]
) -> set[str]:
    """The requests whose configuration is in force. A request whose service is off can go."""
    if store.entitlements is None or not request_ids:
        return set()
    on = {"$or": [{"effective.ipms.bmt_enabled": True}, {"effective.storage.enabled": True}]}
    query = {"request_id": {"$in": list(request_ids)}, **on}
    with mongodb.store_errors():
        found = database[store.entitlements].find(query, {"request_id": 1})
        return {document["request_id"] for document in await found.to_list(None)}


async def _remove(
    database: mongodb.Database, store: WorkingStore, request_ids: Sequence[str]
) -> int:
    """The commits first, the view that lists the requests last."""
    streams = [STREAM_OF.format(request_id=request_id) for request_id in request_ids]
    with mongodb.store_errors():
        removed = await database[COMMITS].delete_many({"stream": {"$in": streams}})
        for view, field in store.others.items():
            await database[view].delete_many({field: {"$in": list(request_ids)}})
        if store.entitlements:
            named = {"request_id": {"$in": list(request_ids)}}
            await database[store.entitlements].delete_many(named)
        await database[store.requests].delete_many({store.named_by: {"$in": list(request_ids)}})
    return int(removed.deleted_count)


async def _remove_holders(documents: mongodb.Database, request_ids: Sequence[str]) -> None:
    with mongodb.store_errors():
        await documents[HOLDERS].delete_many({"_id": {"$in": list(request_ids)}})


async def _remove_passing(
    database: mongodb.Database, beginning: str, shown_in: tuple[str, str] | None, before: datetime
) -> int:
    streams = {"stream": {"$gte": beginning, "$lt": beginning + "\uffff"}}
    with mongodb.store_errors():
        removed = await database[COMMITS].delete_many({**streams, "recorded_at": {"$lt": before}})
        if shown_in is not None:
            view, time = shown_in
            await database[view].delete_many({time: {"$lt": before}})
    return int(removed.deleted_count)
