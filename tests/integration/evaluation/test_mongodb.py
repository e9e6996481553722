"""Every user of MongoDB, every collection, everything that can be done: expected, and seen."""

import api_documents as documents
import pytest
from fixtures.mongodb import embedded_mongodb

from bmt.chassis.messaging.parking import DISCARDED, PARKED
from bmt.chassis.runtime.mongodb import NOT_ALLOWED, OperationFailure, connect
from bmt.chassis.runtime.service import COMMITS, WORK, ServiceBuilder
from bmt.rights.mongodb_rights import (
    DOCUMENTS,
    POSITIONS,
    PRUNER,
    RECONCILER,
    REPUBLISHING,
    SERVICES,
    SHARED_VIEWS,
    USERS,
    WEB,
    WORKING_COLLECTIONS,
)
from evaluation.ports import any_free_port
from evaluation.supervisor import running

VIEWS = {
    "intake": {"requests", "inbox", "submissions"},
    "approval": {"reviews"},
    "provisioning": {"configurations", "entitlements", "tasks", "reviews", "drift"},
    "notification": {"told", "templates"},
    "records": {"files", "disposals"},
}
PAGES = {"sessions", "drafts"}
KEPT = {"templates"}
"""Views of what belongs to no request: nothing of them is ever pruned."""
QUEUES = {
    "intake": {"mailbox_readings"},
    "provisioning": {"drift_planned"},
    "records": {"unsequenced", "sequencer"},
}
"""What a service may change beside its views and its work."""
SHARED = {"uploads", "holders"}
"""Views of intake that stand beside the documents, where all services read them."""
BEFORE = {"intake": {"uploads"}, "notification": {"correspondences", "notices"}}
"""Where views stood once, in the service's own database. The old ones are pruned still."""
KEYS = {"records": {"people"}}
"""What a service may change and remove one by one, and not drop."""
FOR_EVER = {
    service: {DISCARDED, "a_collection_that_nobody_foresaw", *BEFORE.get(service, ())}
    for service in SERVICES
} | {
    "records": {
        *(DISCARDED, "a_collection_that_nobody_foresaw"),
        *("leaves", "file_numbers", "folios.files", "folios.chunks"),
        *("sequence", "tiles", "checkpoints"),
    }
}  # fmt: skip
EVERYTHING = {
    f"bmt_{service}": {
        *(COMMITS, PARKED, WORK, POSITIONS, REPUBLISHING),
        *(VIEWS[service] | QUEUES.get(service, set())),
        *(KEYS.get(service, set()) | FOR_EVER[service]),
    }
    for service in SERVICES
} | {
    f"bmt_{WEB}": PAGES,
    DOCUMENTS: {"documents.files", "documents.chunks", *SHARED},
    "bmt_operations": {"dead_letters"},
    "admin": {"system.users"},
    "somebody_elses": {"files"},
}

PRUNED = {
    **{f"bmt_{service}.{POSITIONS}": {"find", "insert", "update"} for service in SERVICES},
    **{
        f"bmt_{service}.{collection}": {"find", "remove"}
        for service in SERVICES
        if service != "records"
        for collection in (COMMITS, *VIEWS[service] - KEPT)
    },
    "bmt_records.files": {"find"},
    f"{DOCUMENTS}.documents.files": {"find", "update", "remove"},
    **{
        place: {"find", "remove"}
        for place in (
            *(f"{DOCUMENTS}.{name}" for name in ("documents.chunks", *SHARED)),
            *(f"bmt_{service}.{name}" for service, names in BEFORE.items() for name in names),
        )
    },
}


RECONCILED = {
    **{
        f"bmt_{service}.{collection}": {"find"}
        for service in SERVICES
        for collection in (COMMITS, PARKED, DISCARDED, WORK, POSITIONS)
    },
    **{f"bmt_{service}.{REPUBLISHING}": {"find", "insert", "update"} for service in SERVICES},
    "bmt_intake.requests": {"find"},
    "bmt_notification.told": {"find"},
}
OF_PAGES = {f"bmt_{WEB}.{name}": {"find", "insert", "update", "remove", "drop"} for name in PAGES}
OTHERS = {PRUNER: PRUNED, RECONCILER: RECONCILED, WEB: OF_PAGES}


def allowed(user: str, database: str, collection: str) -> set[str]:
    """What the contract of the house lets this user do there."""
    if database == DOCUMENTS:
        return {"find"} | allowed_of_documents(user, shared=collection in SHARED)
    if database != f"bmt_{user}":  # what operators did about dead letters is added by every service
        return {"find", "insert"} if database == "bmt_operations" else set()
    if collection in FOR_EVER[user]:
        return {"find", "insert"}
    if collection == COMMITS:
        return {"find", "insert", "update"}
    if collection in KEYS.get(user, ()):
        return {"find", "insert", "update", "remove"}
    return {"find", "insert", "update", "remove", "drop"}


def allowed_of_documents(user: str, *, shared: bool) -> set[str]:
    """Beside reading."""
    if shared:
        return {"insert", "update", "remove", "drop"} if user == "intake" else set()
    return {"insert"} if user in ("intake", "provisioning", "notification") else set()


@pytest.fixture(scope="module")
async def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    part = embedded_mongodb(folder)
    async with running(part.program(), folder / "logs"):
        yield part


async def may(action) -> bool:
    try:
        await action
    except OperationFailure as error:
        if error.code not in NOT_ALLOWED:
            raise
        return False
    return True


async def done(collection) -> set[str]:
    """What is not refused; each would change nothing, or only what the test itself put there."""
    attempts = {
        "find": lambda: collection.find_one({"_id": "nothing"}),
        "insert": lambda: collection.insert_one({}),
        "update": lambda: collection.update_one({"_id": "nothing"}, {"$set": {"forged": True}}),
        "remove": lambda: collection.delete_one({"_id": "nothing"}),
        "drop": collection.drop,
    }
    return {name for name, attempt in attempts.items() if await may(attempt())}


@pytest.mark.integration
@pytest.mark.parametrize("user", USERS)
async def test_what_each_user_may_do_where(server, user):
    client = connect(server.uri(user))
    expected, seen = {}, {}
    for database, collections in EVERYTHING.items():
        for collection in collections:
            place = f"{database}.{collection}"
            other = OTHERS.get(user)
            expected[place] = (
                allowed(user, database, collection) if other is None else other.get(place, set())
            )
            seen[place] = await done(client[database][collection])
    client.close()
    assert seen == expected


@pytest.mark.integration
@pytest.mark.parametrize("user", SERVICES)
async def test_no_service_reaches_what_is_above_its_database(server, user):
    client = connect(server.uri(user))
    own = client[f"bmt_{user}"]
    await own.commits.insert_one({})
    attempts = [
        client.admin.command("listDatabases", nameOnly=True, authorizedDatabases=False),
        client.admin.command("usersInfo", 1),
        client.admin.command("createUser", "intruder", pwd="x", roles=["root"]),
        client.admin.command("updateUser", user, roles=["root"]),
        client.admin.command("grantRolesToUser", user, roles=["root"]),
        client.admin.command("replSetGetConfig"),
        client.admin.command("shutdown"),
        own.command("dropDatabase"),
        own.command("createUser", "intruder", pwd="x", roles=["readWrite"]),
        own.command("profile", 2),
        own.commits.rename("work", dropTarget=True),
        *(own.commits.aggregate([{"$out": name}]).to_list(None) for name in sorted(FOR_EVER[user])),
        *(own.commits.rename(name, dropTarget=True) for name in sorted(FOR_EVER[user])),
        own.commits.aggregate([{"$out": {"db": "bmt_documents", "coll": "x"}}]).to_list(None),
        client.local["oplog.rs"].find_one(),
    ]
    outcomes = [await may(attempt) for attempt in attempts]
    client.close()
    assert outcomes == [False] * len(attempts)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_working_collections_are_those_that_the_service_has(service, monkeypatch):
    """A view that is missing in the rights could never be updated where they are in force."""
    built = []
    monkeypatch.setattr(
        ServiceBuilder, "app", lambda self, *_, app=ServiceBuilder.app, **more: (
            built.append(self), app(self, **more))[1],
    )  # fmt: skip
    await documents.openapi(service)
    (builder,) = built
    assert set(WORKING_COLLECTIONS[service]) == {
        *(PARKED, WORK, *builder._indexes),
        *QUEUES.get(service, ()),
    }
    shared = {one.view.name for one in builder.shared._views}
    assert set(SHARED_VIEWS.get(service, ())) == shared


def test_the_ledger_of_records_is_among_what_stays_for_ever():
    from services.records.ledger import leaves
    from services.records.sealing import sealed_folios
    from services.records.tree import checkpoints, tree_store

    tree = (tree_store.SEQUENCE, tree_store.TILES, checkpoints.COLLECTION)
    ledger = (leaves.COLLECTION, leaves.NUMBERS, f"{sealed_folios.BUCKET}.files")
    for collection in (*ledger, *tree):
        assert collection in FOR_EVER["records"]
        assert collection not in WORKING_COLLECTIONS["records"]


@pytest.mark.integration
async def test_it_comes_back_on_another_port_with_its_data_and_users(tmp_path):
    part = embedded_mongodb(tmp_path)
    async with running(part.program(), tmp_path / "logs"):
        client = connect(part.uri("intake"))
        await client.bmt_intake.commits.insert_one({"_id": "kept"})
        client.close()

    moved = type(part)(part.folder, [any_free_port()], part.passwords)
    async with running(moved.program(), tmp_path / "logs"):
        client = connect(moved.uri("intake"))
        assert await client.bmt_intake.commits.find_one() == {"_id": "kept"}
        client.close()
