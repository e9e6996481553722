"""What `bmt doctor` expects, and how it judges what it finds."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from stat import S_IRWXG, S_IRWXO
from typing import Any, Final, Literal, Self

from bmt.agencies import assignments
from bmt.chassis import work
from bmt.chassis.eventsourcing import event_store
from bmt.chassis.messaging import parking
from bmt.chassis.readmodels.views import View
from bmt.chassis.runtime import documents, mongodb
from bmt.cli.command_line import counted, harmless, moment
from bmt.rights.kafka_rights import Operation, Permission, Right, Topic
from services.approval import rules as approval_rules
from services.approval import views as approval
from services.intake import views as intake
from services.notification import views as notification
from services.provisioning import views as provisioning
from services.records import views as records
from services.records.ledger import leaves
from services.records.sealing import keys
from services.records.tree import tree_store

State = Literal["ok", "warning", "wrong"]

CLOCKS_APART: Final = timedelta(seconds=2)
CERTIFICATE_ENDS_WITHIN: Final = timedelta(days=30)
_DATE_IS_WITHIN: Final = timedelta(seconds=2)
GIBIBYTE: Final = 1024**3
LITTLE_BYTES: Final = 5 * GIBIBYTE
TOO_LITTLE_BYTES: Final = GIBIBYTE
SHORTEST_SECRET: Final = 6
"""Shorter ones would hide ordinary words."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: its kind, for example `topics`.
        about: what was looked at.
        advice: what to do about it; empty where nothing is.
    """

    check: str
    about: str
    state: State
    detail: str
    advice: str = ""


def document(findings: Sequence[Finding]) -> Mapping[str, Any]:
    """JSON."""
    return {
        "ok": not _of(findings, "wrong"),
        "checks": [asdict(one) for one in findings],
    }


def lines(findings: Sequence[Finding]) -> list[str]:
    """Text."""
    wrong, warnings = _of(findings, "wrong"), _of(findings, "warning")
    looked = f"{counted(len(findings), 'check')}: {wrong} wrong, {counted(warnings, 'warning')}"
    return [*(line for one in findings for line in _lines(one)), looked]


def _lines(one: Finding) -> Iterator[str]:
    state = one.state if one.state == "ok" else one.state.upper()
    yield f"{state:<8} {one.check}: {one.about}: {one.detail}"
    if one.advice:
        yield f"{'':<8} → {one.advice}"


def _of(findings: Iterable[Finding], state: State) -> int:
    return sum(one.state == state for one in findings)


def without_secrets(finding: Finding, secrets: Collection[str]) -> Finding:
    """The finding with an ellipsis for each of these, whatever an outside system's words quote."""
    texts = [finding.about, finding.detail, finding.advice]
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            texts = [text.replace(secret, "…") for text in texts]
    about, detail, advice = (harmless(text) for text in texts)
    return Finding(finding.check, about, finding.state, detail, advice)


# Configuration, and MongoDB's replica set.


def system(folder: str, wrong: str) -> Finding:
    """A data directory whose system cannot be reached."""
    advice = "start it (`make up`), or name another --data"
    return Finding("system", folder, "wrong", wrong, advice)


def configuration(about: str, not_encrypted: Collection[str]) -> Finding:
    """Settings that can be used, with the variables whose connection is not encrypted though it should be."""
    if not not_encrypted:
        return Finding("configuration", about, "ok", "all settings can be used")
    detail = f"not encrypted: {', '.join(not_encrypted)}"
    advice = "use TLS: docs/operator.md, Production is not evaluation"
    return Finding("configuration", about, "warning", detail, advice)


def replica_set(hello: Mapping[str, Any], *, one_machine: bool) -> Finding:
    if "setName" not in hello:
        advice = "start it with --replSet and initiate the set: parking and views need transactions"
        return Finding("mongodb", "replica set", "wrong", "it is no replica set", advice)
    members = len(hello.get("hosts", ()))
    detail = f"{hello['setName']} has a primary, {counted(members, 'member')}"
    if members == 1 and not one_machine:
        advice = "add two members: what one machine holds is lost with it"
        return Finding("mongodb", "replica set", "warning", detail, advice)
    return Finding("mongodb", "replica set", "ok", detail)


# Clocks, certificates, files, disk.


def clock(about: str, theirs_minus_ours: timedelta) -> Finding:
    """How far another clock is from ours; positive: it is ahead."""
    seconds = theirs_minus_ours.total_seconds()
    how = "ahead of" if seconds > 0 else "behind"
    detail = f"{abs(seconds):.1f} s {how} ours" if abs(seconds) >= 0.1 else "as ours"  # noqa: PLR2004
    if abs(theirs_minus_ours) <= CLOCKS_APART:
        return Finding("clocks", about, "ok", detail)
    advice = "let both machines take their time from one NTP server: due days and the audit trail depend on it"
    return Finding("clocks", about, "warning", detail, advice)


def service_clock(about: str, date: datetime, sent_at: datetime, answered_at: datetime) -> Finding:
    """By the Date of an HTTP answer, in whole seconds and up to a second old."""
    earliest, latest = date - answered_at, date + _DATE_IS_WITHIN - sent_at
    if earliest <= timedelta() <= latest:
        return clock(about, timedelta())
    return clock(about, earliest if earliest > timedelta() else latest)


def dated(
    headers: Iterable[tuple[str, bytes]], milliseconds: int
) -> tuple[datetime, datetime | None]:
    """When Kafka dated a record, and when its event happened, where that can be read."""
    happened = dict(headers).get("ce_time")
    try:
        at = datetime.fromisoformat(happened.decode()) if happened else None
    except ValueError:
        at = None
    return datetime.fromtimestamp(milliseconds / 1_000, UTC), at if at and at.tzinfo else None


def broker_clock(
    about: str, newest: Sequence[tuple[datetime, datetime | None]], now: datetime
) -> Finding:
    """Kafka has no call for its time, but it dates records: `newest` has Kafka's date and the service's date of each.

    A record that is dated later than now shows that Kafka is ahead, one that is dated before it happened that it is
    behind. Records may be published late, so the shortest way counts.
    """
    ahead = max((dated - now for dated, _ in newest), default=timedelta())
    ways = [dated - happened for dated, happened in newest if happened is not None]
    shortest = min(ways, default=timedelta())
    if ahead > CLOCKS_APART or shortest < timedelta():
        return clock(about, ahead if ahead > CLOCKS_APART else shortest)
    seen = (
        f"by the dates of {counted(len(newest), 'record')}" if newest else "no record to see it by"
    )
    return Finding("clocks", about, "ok", f"nothing shows that it differs ({seen})")


def certificate(about: str, ends: datetime, now: datetime) -> Finding:
    """The first end among a file's certificates."""
    if ends <= now:
        advice = "renew it: nobody who checks it connects any more"
        return Finding("certificates", about, "wrong", f"ended on {moment(ends)}", advice)
    if ends - now < CERTIFICATE_ENDS_WITHIN:
        return Finding("certificates", about, "warning", f"ends on {moment(ends)}", "renew it")
    return Finding("certificates", about, "ok", f"good until {moment(ends)}")


def secret_file(path: str, mode: int, owner: int, us: int) -> Finding:
    """By `st_mode` and `st_uid`; root may be the owner of all."""
    if mode & (S_IRWXG | S_IRWXO):
        advice = f"chmod 600 {path}; if others have access to this machine, replace what is in it"
        return Finding("secrets", path, "wrong", "others may read or change it", advice)
    if owner != us:
        advice = "run bmt as the user who made it, or give it to that user (chown)"
        return Finding("secrets", path, "wrong", f"belongs to user {owner}, not to {us}", advice)
    return Finding("secrets", path, "ok", "its owner alone may read it")


def missing_file(path: str) -> Finding:
    """A password or a key that is not there."""
    advice = "bring it back from your copy: a new key does not open what was sealed, nor continue what was signed"
    return Finding("secrets", path, "wrong", "is not there, or cannot be read", advice)


def disk(path: str, free_bytes: int) -> Finding:
    """What is left where Kafka and MongoDB write."""
    detail = f"{free_bytes / GIBIBYTE:.1f} GiB free"
    if free_bytes < TOO_LITTLE_BYTES:
        advice = "make room now: Kafka and MongoDB stop on a full disk"
        return Finding("disk", path, "wrong", detail, advice)
    if free_bytes < LITTLE_BYTES:
        return Finding(
            "disk", path, "warning", detail, "make room, or move the data to a larger disk"
        )
    return Finding("disk", path, "ok", detail)


# Topics.


@dataclass(frozen=True, slots=True)
class SeenTopic:
    """A topic as Kafka has it; `replicas` is the smallest number of a partition's."""

    partitions: int
    without_leader: int
    behind: int
    replicas: int
    config: Mapping[str, str]

    @classmethod
    def of(cls, partitions: Sequence[Mapping[str, Any]], config: Mapping[str, str]) -> Self:
        """From Kafka's description of each partition."""
        return cls(
            len(partitions),
            sum(one["leader"] < 0 for one in partitions),
            sum(len(one["isr"]) < len(one["replicas"]) for one in partitions),
            min((len(one["replicas"]) for one in partitions), default=0),
            config,
        )


def topic(name: str, expected: Topic, seen: SeenTopic | None, *, one_machine: bool) -> Finding:
    """Whether a topic is as `deploy/kafka/acls.yaml` wants it, and its replicas are in step."""
    if seen is None:
        advice = (
            "run the job that makes topics and gives rights (`make up`, compose's kafka-rights)"
        )
        detail = "is not there, or is not shown to this user"
        return Finding("topics", name, "wrong", detail, advice)
    wrong = list(_wrong(expected, seen))
    warnings = list(_unusual(name, expected, seen, one_machine=one_machine))
    if not wrong and not warnings:
        detail = (
            f"{counted(seen.partitions, 'partition')}, {counted(seen.replicas, 'replica')} each"
        )
        return Finding("topics", name, "ok", detail)
    faults = [*wrong, *warnings]
    detail, advice = "; ".join(fault for fault, _ in faults), "; ".join(do for _, do in faults)
    return Finding("topics", name, "wrong" if wrong else "warning", detail, advice)


def _wrong(expected: Topic, seen: SeenTopic) -> Iterator[tuple[str, str]]:
    if seen.without_leader:
        yield (
            f"{counted(seen.without_leader, 'partition')} without a leader",
            "start the brokers that are down",
        )
    if seen.partitions < expected.partitions:
        yield (
            f"{counted(seen.partitions, 'partition')} in the place of {expected.partitions}",
            "add partitions (kafka-topics.sh --alter) while no service runs",
        )
    wanted = expected.config()
    dated = "message.timestamp.type"
    if seen.config.get(dated, wanted[dated]) != wanted[dated]:
        yield f"{dated} is {seen.config[dated]}", f"set it to {wanted[dated]} (kafka-configs.sh)"
    if expected.retention_days is None and _forgets(seen):
        yield (
            "it forgets its records, which are nowhere else",
            "set retention.ms to -1 (kafka-configs.sh)",
        )
    largest = "max.message.bytes"
    if expected.max_message_bytes and int(seen.config.get(largest, expected.max_message_bytes)) < (
        expected.max_message_bytes
    ):
        yield f"{largest} is {seen.config[largest]}", f"raise it to {expected.max_message_bytes}"


def _unusual(
    name: str, expected: Topic, seen: SeenTopic, *, one_machine: bool
) -> Iterator[tuple[str, str]]:
    if seen.behind:
        yield (
            f"{counted(seen.behind, 'partition')} with a replica behind",
            "look at the broker that holds it",
        )
    if seen.replicas == 1 and not one_machine:
        yield (
            "one replica: it is lost with its disk",
            f"give {name} three replicas (kafka-reassign-partitions.sh)",
        )
    actual, wanted = seen.config.get("retention.ms"), expected.config()["retention.ms"]
    if expected.retention_days is not None and actual is not None and actual != wanted:
        yield f"retention.ms is {actual} in the place of {wanted}", "set it, or correct acls.yaml"


def _forgets(seen: SeenTopic) -> bool:
    return seen.config.get("retention.ms", "-1") != "-1"


# Rights.


def kafka_rights(user: str, wanted: Iterable[Right], given: Iterable[Right]) -> Finding:
    """Whether a user has the rights of the table, and no other; what reads or writes may describe, too."""
    mine = f"User:{user}"
    needs = {right for right in wanted if right.principal == mine}
    has = {right for right in given if right.principal == mine}
    more = {right for right in has - needs if not _describes(right)}
    return _rights(
        "rights in Kafka",
        user,
        lacks=[_named(right) for right in needs - has],
        more=[_named(right) for right in more],
        advice="run the job that gives Kafka's rights (`make up`, compose's kafka-rights)",
    )


def _describes(right: Right) -> bool:
    return right.permission == Permission.ALLOW and right.operation in (
        Operation.DESCRIBE,
        Operation.DESCRIBE_CONFIGS,
    )


def _named(right: Right) -> str:
    operation = getattr(right.operation, "name", None) or _operation(right.operation)
    denied = " denied" if right.permission == Permission.DENY else ""
    return f"{operation.lower()} {right.name}{denied}"


def _operation(code: int) -> str:
    return Operation(code).name if code in set(Operation) else f"operation {code}"


MongodbRight = tuple[str, str, str]


def mongodb_rights(
    user: str, wanted: Collection[MongodbRight], given: Collection[MongodbRight] | None
) -> Finding:
    """Whether a user has the rights of `bmt.rights.mongodb_rights`, and no other; None: there is no such user."""
    advice = "run the job that makes MongoDB's users (`make up`, compose's mongodb-users)"
    if given is None:
        return Finding("rights in MongoDB", user, "wrong", "there is no such user", advice)
    lacks, more = [
        [f"{action} {database}.{collection or '*'}" for database, collection, action in rights]
        for rights in (set(wanted) - set(given), set(given) - set(wanted))
    ]
    return _rights("rights in MongoDB", user, lacks=lacks, more=more, advice=advice)


def _rights(
    check: str, user: str, *, lacks: Collection[str], more: Collection[str], advice: str
) -> Finding:
    parts = [
        *([f"lacks {_some(lacks)}"] if lacks else []),
        *([f"may do more than it should: {_some(more)}"] if more else []),
    ]
    if parts:
        return Finding(check, user, "wrong", "; ".join(parts), advice)
    return Finding(check, user, "ok", "enough, and not more")


def _some(names: Collection[str]) -> str:
    first = sorted(names)[:3]
    rest = len(names) - len(first)
    return ", ".join(first) + (f" and {rest} more" if rest else "")


# Indexes.

Index = tuple[tuple[str, int], ...]
"""The fields of an index, each with its direction."""

DOCUMENTS: Final = "documents"
VIEWS: Final[Mapping[str, Sequence[View[Any]]]] = {
    DOCUMENTS: (intake.UPLOADS, intake.HOLDERS, approval_rules.SHARED),
    "intake": (intake.REQUESTS, intake.INBOX, intake.SUBMISSIONS, assignments.VIEW),
    "approval": (approval.REVIEWS, approval_rules.VERSIONS, assignments.VIEW),
    "provisioning": (
        *(provisioning.CONFIGURATIONS, provisioning.ENTITLEMENTS),
        *(provisioning.TASKS, provisioning.REVIEWS, provisioning.DRIFT),
        provisioning.CONFIRMATIONS,
    ),
    "notification": (notification.NOTICES, notification.TEMPLATES, assignments.VIEW),
    "records": (records.FILES, records.DISPOSALS),
}
"""The views, by the database in which they are."""

_BY_ALL: Final[Mapping[str, Sequence[mongodb.IndexModel]]] = {
    "commits": event_store.INDEXES,
    parking.PARKED: parking.INDEXES,
    parking.DISCARDED: parking.INDEXES_OF_DISCARDED,
    "work": work.INDEXES,
}
_MODELS: Final[Mapping[str, Mapping[str, Sequence[mongodb.IndexModel]]]] = {
    DOCUMENTS: {
        "documents.files": documents.INDEXES_OF_FILES,
        "documents.chunks": documents.INDEXES_OF_CHUNKS,
    },
    "records": {
        **_BY_ALL,
        leaves.COLLECTION: leaves.INDEXES,
        leaves.NUMBERS: leaves.NUMBER_INDEXES,
        keys.COLLECTION: keys.INDEXES,
        tree_store.SEQUENCE: tree_store.INDEXES,
    },
}
"""What is not of views, where it is more than every service has."""


def index_models(database: str) -> Mapping[str, Sequence[mongodb.IndexModel]]:
    """By collection, of a service's database or of that of the documents."""
    views = {
        view.name: [mongodb.IndexModel([(name, 1) for name in names]) for names in view.indexes]
        for view in VIEWS[database]
        if view.indexes
    }
    return {**_MODELS.get(database, _BY_ALL), **views}


def expected_indexes(database: str) -> Mapping[str, set[Index]]:
    """The fields of `index_models`."""
    models = index_models(database)
    return {name: {fields_of(model) for model in all_} for name, all_ in models.items()}


def fields_of(model: mongodb.IndexModel) -> Index:
    return tuple(model.document["key"].items())


def indexes(database: str, seen: Mapping[str, Collection[Index]]) -> Finding:
    """Whether each index is there; more of them do no harm."""
    lacking = [
        f"{collection} ({', '.join(name for name, _ in index)})"
        for collection, wanted in expected_indexes(database).items()
        for index in wanted - set(seen.get(collection, ()))
    ]
    if not lacking:
        number = sum(map(len, expected_indexes(database).values()))
        return Finding("indexes", database, "ok", f"all {number} are there")
    advice = "restart the service: it makes its indexes when it starts; then look at its log"
    return Finding("indexes", database, "wrong", f"lacks {_some(lacking)}", advice)
