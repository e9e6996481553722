"""Verifies the record as stored in MongoDB. It trusts no stored value and writes nothing."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.documents import DocumentDamaged, DocumentUnknown
from bmt.chassis.runtime.sealed_stream import SealBroken
from services.records.domain.events import EventFiled, FolioFiled
from services.records.ledger import leaves
from services.records.ledger.verification import (
    Anchor,
    Fault,
    FileAsFound,
    LiveTree,
    RawLeaf,
    Trusted,
    file_faults,
    folio_fault,
    keys_named,
    register_faults,
    sealing_faults,
)
from services.records.sealing.keys import PersonKey, PersonKeys
from services.records.sealing.sealed_event_store import SEALED, opened_data
from services.records.sealing.sealed_folios import DisposedOf, FolioChanged, FolioName, SealedFolios
from services.records.tree.sequencer import CHAIN

COMMITS: Final = "commits"
FILES_AT_A_TIME: Final = 200
_STREAM: Final = "request-"


@dataclass(slots=True)
class Report:
    """What was verified, and the faults. `opened`: personal data was verified too."""

    opened: bool = False

    records: int = 0
    leaves: int = 0
    folios: int = 0
    checkpoints: int = 0
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class _Commits:
    versions: list[int] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    folios: list[FolioName] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)


class LiveStore:
    """One records database."""

    def __init__(
        self,
        database: mongodb.Database,
        trusted: Trusted = Trusted(),  # noqa: B008  frozen
        people: PersonKeys | None = None,
    ) -> None:
        """`database` needs find. Personal data and folios are verified only with `people`."""
        self._people = people
        self._tree = LiveTree(database, trusted)
        self._commits = database[COMMITS]
        self._leaves = database[leaves.COLLECTION]
        self._numbers = database[leaves.NUMBERS]
        self._folios = SealedFolios(database, people) if people else None
        self._looked_at: dict[FolioName, Fault | None] = {}

    async def verify(self) -> Report:
        """Verify every file, in the order of request ids.

        Concurrent writes cause no faults: each file's commits are read before its leaves.

        Raises:
            StoreUnavailable: it cannot be read.
            WrongConfiguration: the checkpoint from outside is not one.
        """
        report = Report(opened=self._people is not None)
        register = await self._register()
        report.faults += register_faults(register)
        numbered = {request_id for _, _, request_id in register}
        request_ids = sorted(numbered | await self._request_ids())
        for start in range(0, len(request_ids), FILES_AT_A_TIME):
            some = request_ids[start : start + FILES_AT_A_TIME]
            async for file in self._files(some, numbered, report):
                report.records += file.request_id != CHAIN
                report.leaves += len(file.leaves)
                report.faults += file_faults(file)
        report.faults += [fault async for fault in self._tree.faults()]
        report.checkpoints = self._tree.checked
        return report

    async def _register(self) -> list[tuple[str, int, str]]:
        with mongodb.store_errors():
            cursor = self._numbers.find().sort([("agency", 1), ("number", 1)])
            return [
                (given["agency"], given["number"], given["_id"])
                for given in await cursor.to_list(None)
            ]

    async def _request_ids(self) -> set[str]:
        streams = await _grouped(self._commits, "stream")
        filed = {s.removeprefix(_STREAM) for s in streams if s.startswith(_STREAM)}
        return filed | await _grouped(self._leaves, "request_id")

    async def _files(
        self, request_ids: Sequence[str], numbered: set[str], report: Report
    ) -> AsyncIterator[FileAsFound]:
        commits = await self._read_commits(request_ids)
        chains = await self._read_leaves(request_ids)
        named = keys_named(leaf for chain in chains.values() for leaf in chain)
        keys = await self._people.by_id(named) if self._people else {}
        for request_id in request_ids:
            found = commits.get(request_id, _Commits())
            leaves = chains.get(request_id, ())
            if self._people is not None:
                report.faults += sealing_faults(request_id, leaves, keys)
            yield FileAsFound(
                request_id=request_id,
                leaves=leaves,
                versions=found.versions,
                anchors=found.anchors,
                numbered=request_id in numbered,
            )
            report.faults += (
                Fault(request_id, None, "commit_changed", f"commit {version} was changed")
                for version in found.changed
            )
            for name in found.folios:
                report.folios += 1
                if fault := await self._folio_fault(request_id, name):
                    report.faults.append(fault)

    async def _read_commits(self, request_ids: Sequence[str]) -> dict[str, _Commits]:
        found: dict[str, _Commits] = {}
        wanted = {"stream": {"$in": [_STREAM + request_id for request_id in request_ids]}}
        with mongodb.store_errors():
            cursor = self._commits.find(wanted).sort([("stream", 1), ("version", 1)])
            commits = await cursor.to_list(None)
        keys = await self._people.by_id(set(_keys_named(commits))) if self._people else {}
        for commit in commits:
            request_id = commit["stream"].removeprefix(_STREAM)
            _note(commit, found.setdefault(request_id, _Commits()), keys)
        return found

    async def _read_leaves(self, request_ids: Sequence[str]) -> dict[str, list[RawLeaf]]:
        found: dict[str, list[RawLeaf]] = {}
        with mongodb.store_errors():
            cursor = self._leaves.find({"request_id": {"$in": list(request_ids)}})
            async for leaf in cursor.sort([("request_id", 1), ("index", 1)]):
                found.setdefault(leaf["request_id"], []).append(leaf)
        return found

    async def _folio_fault(self, request_id: str, name: FolioName) -> Fault | None:
        """Bytes that several files share are read once. A fault counts for each file."""
        if name not in self._looked_at:
            self._looked_at[name] = await self._looked(request_id, name)
        fault = self._looked_at[name]
        return fault and Fault(request_id, None, fault.wrong, fault.detail)

    async def _looked(self, request_id: str, name: FolioName) -> Fault | None:
        if self._folios is None:
            return None
        pieces: Sequence[bytes] | None
        try:
            pieces = [piece async for piece in await self._folios.open(name)]
        except DisposedOf:
            return None
        except FolioChanged:
            pieces = ()
        except (DocumentUnknown, DocumentDamaged):
            pieces = None
        return folio_fault(request_id, name.document_id, pieces)


def _note(commit: Mapping[str, Any], found: _Commits, keys: Mapping[str, PersonKey]) -> None:
    found.versions.append(commit.get("version", 0))
    for event in commit.get("events", ()):
        try:
            data = opened_data(str(event.get("id")), event_data(event), keys)
        except (SealBroken, LookupError, ValueError, TypeError):
            found.changed.append(commit.get("version", 0))
            continue
        if event.get("type") == EventFiled.TYPE:
            anchor: Any = (data.get("leaf_index"), data.get("leaf_hash"), data.get("event_id"))
            found.anchors.append(Anchor(*anchor))
        elif event.get("type") == FolioFiled.TYPE:
            found.folios.append(FolioName(str(data.get("document_id")), data.get("key")))


def _keys_named(commits: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for commit in commits:
        for event in commit.get("events", ()):
            with suppress(LookupError, ValueError, TypeError):
                yield str(event_data(event)[SEALED]["key"])


def event_data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """An event's data as stored in its commit: text, or a sub-document of an earlier version.

    Raises:
        ValueError: the text is not JSON.
        TypeError: it is neither, or not an object.
    """
    data = event.get("data", {})
    if isinstance(data, str):
        data = orjson.loads(data)
    if not isinstance(data, Mapping):
        raise TypeError(f"an event's data is {type(data).__name__}")
    return data


async def _grouped(collection: mongodb.Collection, name: str) -> set[str]:
    """Every value of a field. `distinct` fails beyond 16 MB of values."""
    with mongodb.store_errors():
        groups = await collection.aggregate([{"$group": {"_id": f"${name}"}}]).to_list(None)
    return {group["_id"] for group in groups if isinstance(group["_id"], str)}
