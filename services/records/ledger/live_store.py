"""The record as it stands in MongoDB, read for verification: nothing is believed, nothing is written."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bmt.chassis import mongodb
from bmt.chassis.documents import DocumentDamaged, DocumentStore, DocumentUnknown
from services.records.domain.events import EventFiled, FolioFiled
from services.records.ledger import file_numbers, leaves
from services.records.ledger.verification import (
    Anchor,
    Fault,
    FileAsFound,
    RawLeaf,
    file_faults,
    folio_fault,
    register_faults,
)
from services.records.tree.keys_told import CHAIN
from services.records.tree.verification import LiveTree, Trusted

COMMITS: Final = "commits"
FOLIOS: Final = "folios"
FILES_AT_A_TIME: Final = 200
_STREAM: Final = "request-"


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong with it."""

    records: int = 0
    leaves: int = 0
    folios: int = 0
    checkpoints: int = 0
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class _Commits:
    versions: list[int] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    document_ids: list[str] = field(default_factory=list)


class LiveStore:
    """One records database."""

    def __init__(self, database: mongodb.Database, trusted: Trusted = Trusted()) -> None:  # noqa: B008  frozen
        """`database` needs find."""
        self._tree = LiveTree(database, trusted)
        self._commits = database[COMMITS]
        self._leaves = database[leaves.COLLECTION]
        self._numbers = database[file_numbers.COLLECTION]
        self._folios = DocumentStore(database, FOLIOS)
        self._looked_at: dict[str, Fault | None] = {}

    async def verify(self) -> Report:
        """Look at every file, in the order of request ids.

        What is written meanwhile is no fault: each file's commits are read before its leaves.

        Raises:
            StoreUnavailable: it cannot be read.
            WrongConfiguration: the checkpoint from outside is none.
        """
        report = Report()
        register = await self._register()
        report.faults += register_faults(register)
        numbered = {request_id for _, _, request_id in register}
        for some in _parts(sorted(numbered | await self._request_ids())):
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
        for request_id in request_ids:
            found = commits.get(request_id, _Commits())
            yield FileAsFound(
                request_id=request_id,
                leaves=chains.get(request_id, ()),
                versions=found.versions,
                anchors=found.anchors,
                numbered=request_id in numbered,
            )
            for document_id in found.document_ids:
                report.folios += 1
                if fault := await self._folio_fault(request_id, document_id):
                    report.faults.append(fault)

    async def _read_commits(self, request_ids: Sequence[str]) -> dict[str, _Commits]:
        found: dict[str, _Commits] = {}
        wanted = {"stream": {"$in": [_STREAM + request_id for request_id in request_ids]}}
        with mongodb.store_errors():
            cursor = self._commits.find(wanted).sort([("stream", 1), ("version", 1)])
            async for commit in cursor:
                request_id = commit["stream"].removeprefix(_STREAM)
                _note(commit, found.setdefault(request_id, _Commits()))
        return found

    async def _read_leaves(self, request_ids: Sequence[str]) -> dict[str, list[RawLeaf]]:
        found: dict[str, list[RawLeaf]] = {}
        with mongodb.store_errors():
            cursor = self._leaves.find({"request_id": {"$in": list(request_ids)}})
            async for leaf in cursor.sort([("request_id", 1), ("index", 1)]):
                found.setdefault(leaf["request_id"], []).append(leaf)
        return found

    async def _folio_fault(self, request_id: str, document_id: str) -> Fault | None:
        """Bytes that several files share are read once, and are each file's fault."""
        if document_id not in self._looked_at:
            chunks = await self._bytes(document_id)
            self._looked_at[document_id] = folio_fault(request_id, document_id, chunks)
        fault = self._looked_at[document_id]
        return fault and Fault(request_id, None, fault.wrong, fault.detail)

    async def _bytes(self, document_id: str) -> Sequence[bytes] | None:
        try:
            return [await self._folios.read(document_id)]
        except (DocumentUnknown, DocumentDamaged):
            return None


def _note(commit: Mapping[str, Any], found: _Commits) -> None:
    found.versions.append(commit.get("version", 0))
    for event in commit.get("events", ()):
        data = event.get("data", {})
        if event.get("type") == EventFiled.TYPE:
            anchor = (data.get("leaf_index"), data.get("leaf_hash"), data.get("event_id"))
            found.anchors.append(Anchor(*anchor))
        elif event.get("type") == FolioFiled.TYPE:
            found.document_ids.append(data.get("document_id"))


async def _grouped(collection: mongodb.Collection, name: str) -> set[str]:
    """Every value of a field, which `distinct` could not answer beyond 16 MB of them."""
    with mongodb.store_errors():
        groups = await collection.aggregate([{"$group": {"_id": f"${name}"}}]).to_list(None)
    return {group["_id"] for group in groups if isinstance(group["_id"], str)}


def _parts(request_ids: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(request_ids), FILES_AT_A_TIME):
        yield request_ids[start : start + FILES_AT_A_TIME]
