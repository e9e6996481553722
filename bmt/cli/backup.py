"""`bmt backup` and `bmt restore`: all that cannot be made again, sealed, as of one moment."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from aiokafka import TopicPartition

from bmt.backup.copying import MARKS, OPERATIONS, LeftOut, Restoring, copy
from bmt.backup.directory import SECRETS, Backup, BackupKey, Manifest, NewBackup, Unusable
from bmt.chassis.messaging import republishing
from bmt.chassis.readmodels import rebuilding
from bmt.chassis.runtime import clock, mongodb
from bmt.chassis.runtime.mongodb import RawDocument
from bmt.cli import connections
from bmt.cli.command_line import DEFAULT_DATA, AsJson, CannotRun, Data, NotSo, moment, show
from bmt.cli.connections import DataFolder, kafka_consumer, kafka_topics, mongodb_client
from bmt.cli.examination import VIEWS
from bmt.contracts.topics import WRITERS, outbound

FED_BY_OTHERS: Final = (("intake", "requests"), ("provisioning", "reviews"))
"""The views that also hold other services' events. What Kafka no longer has of those cannot be folded in again."""
KEPT_APART: Final = (
    "BMT_RECORDS_KEY of records: without it nobody can read what the record says about anybody",
    "BMT_LEDGER_KEYS of records: without them the ledger is continued under a new key",
    "BMT_STATUS_CODE_KEY of intake and notification: without it the codes of acknowledgements are worthless",
    "agencies.yaml, and the passwords of Kafka's and MongoDB's users",
)
"""What a deployed system has outside its databases. In a data directory the keys are files, and go with it."""

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="The backup's directory.", file_okay=False)
]
KeyFile = Annotated[
    Path,
    typer.Option(
        "--key-file",
        metavar="FILE",
        envvar="BMT_BACKUP_KEY_FILE",
        help="The file with the key that seals backups: 32 bytes in base64.",
    ),
]
Check = Annotated[
    bool, typer.Option("--check", help="Only look whether the backup is whole and opens.")
]
PortBase = Annotated[
    int, typer.Option(metavar="N", help="First port of what a data directory needs meanwhile.")
]


def backup(
    directory: Directory,
    key_file: KeyFile,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Copy all that cannot be made again into a new directory, sealed, while the services run.

    The copy is as of the moment when it ends. Stopped before, the directory is no backup: remove it, and begin again.
    """
    with _usable():
        key = BackupKey.read(key_file)
        manifest = asyncio.run(_copied(data, lambda: NewBackup(directory.absolute(), key)))
        lines = [
            f"{directory}: {_sizes(manifest)}, as of {moment(manifest.cut_at)}",
            *(f"Not in it, keep it apart: {part}" for part in manifest.kept_apart),
        ]
        show(_document(manifest, directory), lines, as_json=as_json)


def restore(
    directory: Directory,
    key_file: KeyFile,
    check: Check = False,
    data: Data = DEFAULT_DATA,
    port_base: PortBase = 8100,
    as_json: AsJson = False,
) -> None:
    """Put a backup back into an empty installation whose services are not started. Stopped, the same again goes on.

    A data directory must be a new one; it gets the keys, too.
    """
    with _usable():
        began = time.monotonic()
        source = Backup(directory, BackupKey.read(key_file))
        source.verify()
        found = f"{directory}: {_sizes(source.manifest)}, as of {moment(source.manifest.cut_at)}"
        document = _document(source.manifest, directory)
        if check:
            asyncio.run(_opened(source))
            show({**document, "restored": False}, [f"{found}: whole, and opens"], as_json=as_json)
            return
        deployed = _deployed()
        up = f"bmt up --data {data} --port-base {port_base}"
        start = ["bmt migrate", "start the services"] if deployed else [up]
        of = "" if deployed else f" --data {data}"
        following = [*start, f"bmt records verify{of}", f"bmt status{of}"]
        with _place(data, port_base) as folder:
            done = asyncio.run(_restored(source, data, folder))
        document |= {
            "restored": True,
            "changes": done.changes,
            "seconds": round(time.monotonic() - began, 1),
            "next": following,
        }
        lines = [
            f"{found}: restored in {document['seconds']} s. What was decided later is not in it",
            "Views are made again when the services start, and what Kafka lacks is published again. Next:",
            *(f"  {line}" for line in following),
        ]
        show(document, lines, as_json=as_json)


def left_out() -> LeftOut:
    """What the services make again by themselves, by database: views, jobs, sessions."""
    jobs = (republishing.COLLECTION, rebuilding.COLLECTION)
    views = {
        name: [view.name for view in all_ if (name, view.name) not in FED_BY_OTHERS]
        for name, all_ in VIEWS.items()
    }
    again = {name: (*found, *jobs) for name, found in views.items()}
    return {**again, "web": ("sessions",), OPERATIONS: (MARKS,)}


async def _copied(data: Path, make: Callable[[], NewBackup]) -> Manifest:
    address = connections.mongodb(data)
    new = make()
    id_ = clock.new_id()
    deployed = _deployed()
    if not deployed:
        _keep_keys(DataFolder.at(data), new)
    async with mongodb_client(address, as_bytes=True) as client:
        cut = await copy(client, address.prefix, left_out(), new, id_, clock.now)
    return new.finish(
        Manifest(
            id=id_,
            version=_version(),
            schema_version=mongodb.SCHEMA_VERSION,
            prefix=address.prefix,
            began_at=cut.began_at,
            cut_at=cut.cut_at,
            finished_at=clock.now(),
            files=tuple(new.files),
            kept_apart=KEPT_APART if deployed else (),
            key=new.key.check,
        )
    )


def _keep_keys(folder: DataFolder, new: NewBackup) -> None:
    with new.file(SECRETS) as file:
        for path in folder.keys_of_the_data():
            if path.is_file():
                name = str(path.relative_to(folder.root))
                file.add(mongodb.as_bytes({"_id": name, "content": path.read_bytes()}))


async def _opened(source: Backup) -> None:
    for file in source.manifest.files:
        async for _ in source.documents(file.name):
            pass


async def _restored(source: Backup, data: Path, folder: DataFolder | None) -> Restoring:
    keys = await _keys(source, folder) if folder is not None else {}
    address = connections.mongodb(data)
    async with mongodb_client(address, as_bytes=True) as client:
        restoring = Restoring(client, address.prefix, source)
        await restoring.require_room()
        await _require_new_topics(data)
        for path, content in keys.items():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(content)
        await restoring.run()
    return restoring


async def _keys(source: Backup, folder: DataFolder) -> Mapping[Path, bytes]:
    """The keys that the data directory lacks. Raises `NotSo` if it has others."""
    found = {}
    async for documents in source.documents(SECRETS):
        for key in map(RawDocument, documents):
            path, content = folder.root / key["_id"], bytes(key["content"])
            if path.is_file() and path.read_bytes() not in (b"", content):
                raise NotSo(f"{folder.root} has keys of its own ({path.name}): name a new --data")
            found[path] = content
    return found


async def _require_new_topics(data: Path) -> None:
    """The services' own topics must hold nothing of what was decided after the backup.

    Raises:
        NotSo: they do.
        NotRunning: Kafka cannot be reached.
    """
    address = connections.kafka(data)
    ours = tuple(address.prefix + name for name in WRITERS)
    answers = address.prefix + outbound("")[: -len(".v1")]
    topics = {
        name: partitions
        for name, partitions in (await kafka_topics(address)).items()
        if name in ours or name.startswith(answers)
    }
    places = [TopicPartition(name, one) for name, all_ in topics.items() for one in all_]
    if not places:
        return
    async with kafka_consumer(address) as consumer:
        ends = await consumer.end_offsets(places)
    if used := sorted({place.topic for place, end in ends.items() if end}):
        raise NotSo(
            f"Kafka has records in {', '.join(used)}: the restored services would act on what was decided after the"
            f" backup. Delete these topics (kafka-topics.sh --delete --topic '{'|'.join(used)}'), run this again, then"
            " `bmt migrate` makes them anew. Inbound topics and dead letters stay"
        )


@contextmanager
def _place(data: Path, port_base: int) -> Iterator[DataFolder | None]:
    """A data directory with Kafka and MongoDB running and no service; None: the environment's system."""
    if _deployed():
        yield None
        return
    folder = DataFolder.at(data)
    if not folder.ready_file.exists():
        # Not for its table of addresses: what it prints when it fails goes to the terminal.
        _bmt("up", folder, "--detach", "--parts-only", "--quiet", "--port-base", str(port_base))
    elif folder.ready()["services"]:
        raise NotSo(
            f"the services run on {folder.root}: a backup is restored into a new --data, before they start"
        )
    try:
        yield folder
    finally:
        _bmt("down", folder)


def _bmt(command: str, folder: DataFolder, *options: str) -> None:
    line = [sys.executable, "-m", "bmt.cli.main", command, "--data", str(folder.root), *options]
    done = subprocess.run(line, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
    if done.returncode:
        raise CannotRun(done.stderr.strip().removeprefix("bmt: "))


def _deployed() -> bool:
    """Whether the environment names a system; raises as `connections.kafka`."""
    return connections.in_environment(connections.MONGODB, other=connections.KAFKA)


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except Unusable as error:
        raise NotSo(str(error)) from None


def _version() -> str:
    return version("big-mail-transfer")


def _sizes(manifest: Manifest) -> str:
    documents = sum(file.documents for file in manifest.files)
    size = sum(file.size_bytes for file in manifest.files)
    return f"{documents} documents, {size / 1_000_000:.1f} MB"


def _document(manifest: Manifest, directory: Path) -> dict[str, Any]:
    return {
        "id": manifest.id,
        "directory": str(directory),
        "began_at": manifest.began_at.isoformat(),
        "cut_at": manifest.cut_at.isoformat(),
        "finished_at": manifest.finished_at.isoformat(),
        "documents": sum(file.documents for file in manifest.files),
        "size_bytes": sum(file.size_bytes for file in manifest.files),
        "files": len(manifest.files),
        "kept_apart": list(manifest.kept_apart),
    }
