"""MongoDB's users and their rights.

A service owns its database and reads no other, except the documents, which are written once, and the views
beside them, which intake and approval fill. Its own data stays, too: commits are never removed, and of the record no
leaf, folio or file number is ever changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from bmt import pruning
from bmt.agencies.register import RULES_IN_FORCE
from bmt.chassis.runtime.mongodb import Database, OperationFailure
from bmt.contracts import topics

SERVICES: Final = tuple(topics.WRITERS.values())
PRUNER: Final = "pruner"
"""Removes working copies of old requests. No other user can remove a commit."""
RECONCILER: Final = "reconciler"
"""Compares what was published with what was recorded, and follows one request over all services."""
WEB: Final = "web"
"""Shows the pages; keeps sessions, drafts and who looks at a request now."""
USERS: Final = (*SERVICES, WEB, PRUNER, RECONCILER)
DOCUMENTS: Final = "bmt_documents"
DOCUMENT_WRITERS: Final = ("intake", "provisioning", "notification")
SHARED_VIEWS: Final[Mapping[str, tuple[str, ...]]] = {
    "intake": (pruning.UPLOADS, pruning.HOLDERS),
    "approval": (RULES_IN_FORCE,),
}
"""The views beside the documents, by the service that fills them."""
RECORDS_DATABASE: Final = "bmt_records"
OPERATIONS, DEAD_LETTERS = "bmt_operations", "dead_letters"
"""What operators did about dead letters: added to by every service."""

COMMITS: Final = "commits"
WORKING_COLLECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "intake": (
        "parked",
        "work",
        "requests",
        "inbox",
        "submissions",
        "mailbox_readings",
        "assignments",
    ),
    "approval": ("parked", "work", "reviews", "agency_rules", "assignments"),
    "provisioning": (
        "parked",
        "work",
        "configurations",
        "entitlements",
        "tasks",
        "reviews",
        "drift",
        "drift_planned",
        "confirmations",
    ),
    "notification": ("parked", "work", "told", "templates", "assignments"),
    "records": ("parked", "work", "files", "disposals", "unsequenced", "sequencer"),
}
"""The collections that each service may change freely: queues, and its views.

MongoDB's rights only add up, so there is no "all but these". A collection that is missing here can be filled and
read, but not changed, which is the safe default.
"""

POSITIONS, REPUBLISHING, REBUILDING = "positions", "republishing", "rebuilding"
KEPT_BY_ALL: Final = (POSITIONS, REPUBLISHING, REBUILDING)
"""Kafka positions, and the jobs of republishing and of rebuilding views."""

KEYS: Final[Mapping[str, tuple[str, ...]]] = {"records": ("people",)}
"""Keys are retired and destroyed one by one."""

ADD: Final = ("find", "insert", "createCollection", "createIndex", "listCollections", "listIndexes")
MARK: Final = ("update",)
"""For the outbox mark of a delivered commit."""
CHANGE: Final = ("update", "remove", "dropIndex", "dropCollection", "collMod")
DESTROY: Final = ("update", "remove")
READ: Final = ("find", "listCollections", "listIndexes")
PRUNE: Final = ("find", "remove")

Right = tuple[str, str, str]
"""Database, collection and action."""

UNAUTHORIZED: Final = 13
ROLE_EXISTS: Final = 51002
USER_EXISTS: Final = 51003


async def make_root(admin: Database, name: str, password: str) -> None:
    """Create the first user, unless there is one."""
    try:
        await admin.command("createUser", name, pwd=password, roles=["root"])
    except OperationFailure as error:
        if error.code != UNAUTHORIZED:
            raise


async def establish(admin: Database, passwords: Mapping[str, str]) -> None:
    """Create or renew every role and service user, as root of the database `admin`. It may be repeated."""
    await _establish_roles(admin)
    for user in USERS:
        body = {"pwd": passwords[user], "roles": list(_granted(user))}
        await _make_or_renew(admin, "User", user, USER_EXISTS, body)


async def renew(admin: Database) -> None:
    """As `establish`, for users that exist; their passwords stay."""
    await _establish_roles(admin)
    for user in USERS:
        await admin.command("updateUser", user, roles=list(_granted(user)))


async def _establish_roles(admin: Database) -> None:
    for role, privileges in _roles():
        await _make_or_renew(
            admin, "Role", role, ROLE_EXISTS, {"privileges": privileges, "roles": []}
        )


async def _make_or_renew(
    admin: Database, kind: str, name: str, exists: int, body: Mapping[str, Any]
) -> None:
    try:
        await admin.command(f"create{kind}", name, **body)
    except OperationFailure as error:
        if error.code != exists:
            raise
        await admin.command(f"update{kind}", name, **body)


def rights_of(user: str) -> frozenset[Right]:
    """All that a user may do: database, collection (empty: all of it) and action."""
    roles = dict(_roles())
    given = (privilege for role in _granted(user) for privilege in roles[role])
    return flattened(given)


def flattened(privileges: Iterable[Mapping[str, Any]]) -> frozenset[Right]:
    """Privileges, as MongoDB writes them, one right each."""
    return frozenset(
        (str(one["resource"].get("db")), str(one["resource"].get("collection")), action)
        for one in privileges
        for action in one["actions"]
    )


def _granted(user: str) -> Iterator[str]:
    if user in (WEB, PRUNER, RECONCILER):
        yield user
        return
    yield "documents-writer" if user in DOCUMENT_WRITERS else "documents-reader"
    yield f"{user}-keeper"


def _roles() -> Iterator[tuple[str, list[Any]]]:
    yield "documents-reader", [_privilege(DOCUMENTS, "", READ)]
    written = ("documents.files", "documents.chunks")
    yield (
        "documents-writer",
        [_privilege(DOCUMENTS, "", READ), *_privileges(DOCUMENTS, written, ADD)],
    )
    yield WEB, [_privilege(f"bmt_{WEB}", "", (*ADD, *CHANGE))]
    yield PRUNER, list(_pruning())
    yield RECONCILER, list(_reconciling())
    for service, working in WORKING_COLLECTIONS.items():
        database = f"bmt_{service}"
        yield (
            f"{service}-keeper",
            [
                _privilege(database, "", ADD),
                _privilege(database, COMMITS, MARK),
                *_privileges(database, (*working, *KEPT_BY_ALL), CHANGE),
                *_privileges(DOCUMENTS, SHARED_VIEWS.get(service, ()), (*ADD, *CHANGE)),
                _privilege(OPERATIONS, DEAD_LETTERS, ("find", "insert", "createCollection")),
                *_privileges(database, KEYS.get(service, ()), DESTROY),
            ],
        )


def _pruning() -> Iterator[Any]:
    """The rights of `bmt prune`. Of the record it may only read which requests are filed."""
    yield _privilege(RECORDS_DATABASE, pruning.FILES, ("find",))
    for service in SERVICES:
        yield _privilege(f"bmt_{service}", POSITIONS, ("find", "insert", "update"))
    for service, store in pruning.STORES.items():
        yield from _privileges(f"bmt_{service}", store.collections(), PRUNE)
    yield _privilege(DOCUMENTS, "documents.files", (*PRUNE, "update"))
    collections = ("documents.chunks", pruning.UPLOADS, pruning.HOLDERS)
    yield from _privileges(DOCUMENTS, collections, PRUNE)


def _reconciling() -> Iterator[Any]:
    for service in SERVICES:
        read = (COMMITS, "parked", "discarded", "work", POSITIONS)
        yield from _privileges(f"bmt_{service}", read, ("find",))
        jobs = (REPUBLISHING, REBUILDING)
        yield from _privileges(f"bmt_{service}", jobs, ("find", "insert", "update"))
    yield _privilege("bmt_intake", "requests", ("find",))
    yield _privilege("bmt_notification", "told", ("find",))


def _privileges(database: str, collections: Iterable[str], actions: Sequence[str]) -> Iterator[Any]:
    return (_privilege(database, collection, actions) for collection in collections)


def _privilege(database: str, collection: str, actions: Sequence[str]) -> Any:
    """An empty collection name means all of the database."""
    return {"resource": {"db": database, "collection": collection}, "actions": list(actions)}
