"""Removes the streams of filed requests, service by service. An aborted run can be repeated."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bmt.chassis.messaging import positions
from bmt.chassis.runtime import mongodb
from bmt.pruning.stores import (
    COMMITS,
    DOCUMENTS,
    FILES,
    HOLDERS,
    RECORDS,
    STORES,
    STREAM_OF,
    UPLOADS,
    WorkingStore,
)

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
        await database[positions.COLLECTION].update_one(
            {"_id": positions.PRUNED}, {"$max": {"before": before}}, upsert=True
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
    """Those that an account has its service by. A request whose service is off can go."""
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
