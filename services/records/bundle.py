"""A bundle: one file of the record, to be verified elsewhere. The export is recorded in the file first, then everything is read.

The contents, in the order of the archive, are pure, over what was read. The paper lists the facts, the events, and where the
file can be verified.
"""

import asyncio
import hashlib
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import segno
import structlog
from starlette.responses import Response, StreamingResponse

from bmt.agencies.charter import MALAYSIA
from bmt.chassis.http.bodies import file_response
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentDamaged, DocumentUnknown
from bmt.contracts.envelope import rfc3339
from bmt.contracts.events import not_read_back
from bmt.contracts.http.records import EventProof, MissingDocument, RecordState
from bmt.contracts.problems import Refused
from bmt.press.typesetter import Typesetter
from bmt.verify_record import FORMAT, archive_parts
from bmt.wording.bilingual import KIND, STATUS
from services.records.audited_queries import AuditedQueries
from services.records.domain.designated_file import DesignatedFile
from services.records.domain.errors import RecordNotFound
from services.records.domain.events import FolioFiled
from services.records.domain.reader import Reader
from services.records.ledger.canonical import canonical
from services.records.ledger.leaf import OpenLeaf
from services.records.ledger.leaves import Leaves
from services.records.sealing import commitments
from services.records.sealing.sealed_folios import DisposedOf, SealedFolios, name_of
from services.records.time_machine import facts_of, missing, state_of
from services.records.tree.checkpoints import (
    NothingSigned,
    Proof,
    SignedCheckpoint,
    Signer,
    TreeReading,
)
from services.records.tree.sequencer import Sequencer

_LEFT: Final = {"number", "volume", "event_id", "filed_at"}
"""What remains of a folio that was disposed of."""
_TOLD: Final = {*_LEFT, "document_id", "filename", "media_type", "size_bytes"}
PIECE_BYTES: Final = 64 * 1024
LARGEST_BYTES: Final = 4_000_000_000
"""The limit without ZIP64, so that any program can open the archive."""


class BundleTooLarge(Refused):
    """The documents of the file do not fit into one archive."""

    problem = "too_large"


@dataclass(frozen=True, slots=True)
class Stored:
    """A document's bytes in a temporary file."""

    aside: IO[bytes]
    start: int
    size: int
    sha256: str
    crc: int

    def pieces(self) -> Iterator[bytes]:
        self.aside.seek(self.start)
        left = self.size
        while left:
            piece = self.aside.read(min(PIECE_BYTES, left))
            if not piece:
                raise EOFError("the document's copy is shorter than it was")
            left -= len(piece)
            yield piece


@dataclass(frozen=True, slots=True)
class File:
    """Everything about one request that goes into a bundle.

    Attributes:
        leaves: the whole chain.
        proofs: one for each leaf, in the tree of `checkpoint`.
        folios: what is filed, by number.
        documents: the bytes of the folios, by document id.
        missing: the documents that are named and not filed.
        exported_at: RFC 3339.
        filed_at: when the file was complete; None: it is not.
    """

    request_id: str
    file_number: str
    leaves: Sequence[OpenLeaf]
    proofs: Sequence[Proof]
    checkpoint: SignedCheckpoint
    folios: Sequence[FolioFiled]
    missing: Sequence[MissingDocument]
    documents: Mapping[str, Stored]
    exported_at: str
    filed_at: datetime | None = None


class Bundle:
    """An archive. Only the documents are not in memory."""

    def __init__(self, file: File, signer: Signer, paper: bytes | None = None) -> None:
        """Signs the manifest. `paper` is the file as a PDF.

        Raises:
            BundleTooLarge: the archive would be larger than `LARGEST_BYTES`.
        """
        plain = _files(file, signer)
        if paper is not None:
            plain["record.pdf"] = paper
        manifest = canonical(_manifest(file, plain))
        first = {
            "MANIFEST.json": manifest,
            "MANIFEST.sig": signer.sign(_statement(file, manifest)).encode(),
        }
        self._contents: dict[str, bytes | Stored] = {**first, **plain}
        entries = [(name, *_measured(content)) for name, content in self._contents.items()]
        self._parts = list(archive_parts(entries)) if _fits(entries) else _too_large()
        self.size_bytes = sum(
            len(part) if isinstance(part, bytes) else _measured(self._contents[part])[1]
            for part in self._parts
        )

    def pieces(self) -> Iterator[bytes]:
        """The archive's bytes, a piece at a time."""
        for part in self._parts:
            content = self._contents[part] if isinstance(part, str) else part
            if isinstance(content, Stored):
                yield from content.pieces()
            else:
                yield content


def _files(file: File, signer: Signer) -> dict[str, bytes | Stored]:
    """All files but the manifest."""
    keys = "".join(f"{verifier}\n" for verifier in signer.verifiers)
    files: dict[str, bytes | Stored] = {
        "checkpoint.txt": file.checkpoint.note.encode(),
        "keys.txt": keys.encode(),
        "folios.json": canonical(_folios(file)),
    }
    for leaf in file.leaves:
        files[f"leaves/{leaf.leaf.index:06}.json"] = canonical(dict(leaf.leaf.content))
    for leaf in file.leaves:
        if leaf.disclosures:
            text = commitments.written(leaf.disclosures)
            files[f"disclosures/{leaf.leaf.index:06}.json"] = text
    for leaf, proof in zip(file.leaves, file.proofs, strict=True):
        path = {"sequence": proof.sequence, "hashes": [node.hex() for node in proof.hashes]}
        files[f"proofs/{leaf.leaf.index:06}.json"] = canonical(path)
    for document_id in sorted(file.documents):
        files[f"documents/{document_id.removeprefix('sha256:')}"] = file.documents[document_id]
    return files


def _folios(file: File) -> dict[str, Any]:
    closed = {leaf.leaf.event_id for leaf in file.leaves if leaf.closed}
    return {
        "folios": [
            folio.model_dump(mode="json", include=_LEFT if folio.event_id in closed else _TOLD)
            for folio in file.folios
        ],
        "missing": [one.model_dump(mode="json") for one in file.missing],
    }


def _manifest(file: File, files: Mapping[str, bytes | Stored]) -> dict[str, Any]:
    checkpoint = file.checkpoint.checkpoint
    return {
        "format": FORMAT,
        "origin": checkpoint.origin,
        "request_id": file.request_id,
        "file_number": file.file_number,
        "exported_at": file.exported_at,
        "checkpoint": {"size": checkpoint.size, "root": checkpoint.root.hex()},
        "files": [
            {"name": name, "sha256": _sha256(content), "size_bytes": _measured(content)[1]}
            for name, content in files.items()
        ],
    }


def _statement(file: File, manifest: bytes) -> str:
    digest = hashlib.sha256(manifest).hexdigest()
    return f"{file.checkpoint.checkpoint.origin}/bundle\n{digest}\n"


def _sha256(content: bytes | Stored) -> str:
    return content.sha256 if isinstance(content, Stored) else hashlib.sha256(content).hexdigest()


def _measured(content: bytes | Stored) -> tuple[int, int]:
    """CRC-32 and size in bytes."""
    if isinstance(content, Stored):
        return content.crc, content.size
    return zlib.crc32(content), len(content)


def _fits(entries: Sequence[tuple[str, int, int]]) -> bool:
    return len(entries) < 2**16 and sum(size for _, _, size in entries) <= LARGEST_BYTES


def _too_large() -> list[bytes | str]:
    raise BundleTooLarge


log = structlog.get_logger(__name__)

TEMPLATES: Final = Path(__file__).parent / "templates"


class RecordPaper:
    """Sets files as PDF/A-2b, in Malay and English."""

    def __init__(self, web_url: str, signer: Signer) -> None:
        """`web_url` is where the pages are. If empty, there is no QR code."""
        self._web_url = web_url
        self._signer = signer
        self._typesetter = Typesetter(TEMPLATES)

    def pdf(self, file: File) -> bytes:
        """The paper. The same file always gives the same bytes."""
        return self._typesetter.pdf(
            "record",
            self._content(file),
            lambda: log.warning("paper_lacks_font", request_id=file.request_id),
        )

    def _content(self, file: File) -> dict[str, Any]:
        checkpoint = file.checkpoint.checkpoint
        address = self._verification(file.request_id) if self._web_url else None
        exported = datetime.fromisoformat(file.exported_at).astimezone(MALAYSIA)
        events = [leaf.event for leaf in file.leaves]
        facts = facts_of(events)
        state = state_of(facts, events, file.filed_at) if facts else None
        return {
            "agency": state.agency if state else "",
            "reference": state.reference if state else file.request_id,
            "file_number": file.file_number,
            "exported_at": _moment(file.exported_at),
            "day": {"year": exported.year, "month": exported.month, "day": exported.day},
            "qr": segno.make(address, error="m").svg_inline(scale=4) if address else None,
            "address": address,
            "facts": list(_facts(state)) if state else [],
            "events": [_event(leaf) for leaf in file.leaves],
            "folios": [
                {
                    "number": folio.number,
                    "volume": folio.volume,
                    "name": folio.filename,
                    "sha256": folio.document_id.removeprefix("sha256:"),
                }
                for folio in file.folios
            ],
            "missing": [one.reason for one in file.missing],
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "signed_at": _moment(checkpoint.at),
            "root": checkpoint.root.hex(),
            "keys": ["+".join(str(key).split("+")[:2]) for key in self._signer.verifiers],
        }

    def _verification(self, request_id: str) -> str:
        return f"{self._web_url.rstrip('/')}/audit/records/{request_id}/verification"


def _facts(state: RecordState) -> Iterator[tuple[str, str, str]]:
    """What was requested and what became of it: label in Malay, label in English, value."""
    yield "Rujukan", "reference", state.reference
    yield "Jenis", "kind", f"{KIND[state.kind]} ({state.kind})"
    yield "Pemohon", "applicant", f"{state.applicant.name} ({state.applicant.account})"
    yield "Diterima", "received", _moment(state.received_at.isoformat())
    yield "Status", "status", f"{STATUS[state.status]} ({state.status})"
    yield "Dasar", "rules in force", state.policy_version
    if state.quota_bytes:
        yield "Kuota", "quota, bytes", f"{state.quota_bytes:,}"
    if state.justification:
        yield "Justifikasi", "justification", state.justification


def _event(leaf: OpenLeaf) -> dict[str, Any]:
    event, data = leaf.event, leaf.data
    corrected_by = data.get("corrected_by")
    by = (
        data.get("decided_by")
        or data.get("configured_by")
        or corrected_by
        or data.get("submitted_by")
    )
    name = str(event.get("type", "")).removesuffix(".v1").rpartition(".")[2]
    reason = data.get("reason") or data.get("correction_reason")
    return {
        "index": leaf.leaf.index,
        "at": _moment(str(event.get("time"))),
        "name": "RequestCorrected" if corrected_by else name,
        "by": by.get("name", by.get("subject")) if isinstance(by, Mapping) else None,
        "reason": reason if isinstance(reason, str) else None,
        "not_read_back": list(not_read_back(data)),
        "retry": _retry(data.get("retry")),
        "hash": leaf.leaf.hash,
    }


def _retry(retry: object) -> str | None:
    """Who requested a retry, and why."""
    by = retry.get("by") if isinstance(retry, Mapping) else None
    if not isinstance(by, Mapping) or not isinstance(retry, Mapping):
        return None
    reason = retry.get("reason")
    return f"{by.get('name', by.get('subject'))}{f': {reason}' if reason else ''}"


def _moment(at: str) -> str:
    try:
        return datetime.fromisoformat(at).astimezone(MALAYSIA).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return at


TRIES: Final = 40
SECONDS_BETWEEN_TRIES: Final = 0.2
_IN_MEMORY_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Exporter:
    """Makes bundles for readers who may have them."""

    queries: AuditedQueries
    ledger: Leaves
    tree: TreeReading
    sequencer: Sequencer
    folios: SealedFolios
    signer: Signer
    paper: RecordPaper
    clock: Clock

    async def bundle(self, reader: Reader, request_id: str, *, taken_away: bool = True) -> Bundle:
        """The file as it is signed now, to take away or else to be verified here.

        Raises:
            RecordNotFound: there is no file for this reader.
            NothingSigned: the newest leaves are not signed yet; try again.
        """
        await self.queries.file(reader, request_id)
        leaves = await self.ledger.opened(request_id)
        checkpoint, proofs = await self.signed(request_id, leaves)
        recorded = self.queries.exported if taken_away else self.queries.viewed
        file = await recorded(reader, request_id)
        documents, lost = await self._documents(file)
        closed = {leaf.leaf.event_id for leaf in leaves if leaf.closed}
        contents = File(
            request_id=request_id,
            file_number=file.file_number,
            leaves=leaves,
            proofs=proofs,
            checkpoint=checkpoint,
            folios=[
                folio
                for folio in file.folios
                if folio.document_id in documents or folio.event_id in closed
            ],
            missing=[*missing(file.unfiled), *lost],
            documents=documents,
            exported_at=rfc3339(self.clock()),
            filed_at=file.filed_at,
        )
        return await asyncio.to_thread(self._made, contents)

    async def event(self, reader: Reader, event_id: str) -> EventProof:
        """The proof of one event. It shows no personal value, so it is not recorded as a look into the file.

        Raises:
            RecordNotFound: there is no such event in a file of this reader.
            NothingSigned: it is not signed yet; try again.
        """
        leaf = await self.ledger.opened_event(event_id)
        if leaf is None:
            raise RecordNotFound
        await self.queries.file(reader, leaf.leaf.request_id)
        checkpoint, (proof,) = await self.signed(leaf.leaf.request_id, [leaf])
        disclosures = leaf.disclosures or {}
        return EventProof(
            leaf=canonical(dict(leaf.leaf.content)).decode(),
            salts=None if leaf.closed else {place: one.salt for place, one in disclosures.items()},
            sequence=proof.sequence,
            hashes=tuple(node.hex() for node in proof.hashes),
            checkpoint=checkpoint.note,
        )

    def _made(self, contents: File) -> Bundle:
        return Bundle(contents, self.signer, self.paper.pdf(contents))

    async def signed(
        self, request_id: str, leaves: Sequence[OpenLeaf]
    ) -> tuple[SignedCheckpoint, list[Proof]]:
        """The newest checkpoint that contains all leaves. It is requested if there is none."""
        with suppress(NothingSigned):
            return await self._proven(request_id, leaves)
        await self.sequencer.request_signature([leaf.leaf for leaf in leaves])
        for _ in range(TRIES):
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
            with suppress(NothingSigned):
                return await self._proven(request_id, leaves)
        raise NothingSigned

    async def _proven(
        self, request_id: str, leaves: Sequence[OpenLeaf]
    ) -> tuple[SignedCheckpoint, list[Proof]]:
        latest = await self.tree.latest()
        indexes = [leaf.leaf.index for leaf in leaves]
        return latest, await self.tree.proofs(request_id, indexes, latest.checkpoint.size)

    async def _documents(
        self, file: DesignatedFile
    ) -> tuple[dict[str, Stored], list[MissingDocument]]:
        """The folios' bytes. A folio without them is missing, unless it was disposed of."""
        aside: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  closed with the bundle
        documents: dict[str, Stored] = {}
        lost: list[MissingDocument] = []
        for folio in file.folios:
            try:
                documents[folio.document_id] = await self._put_aside(folio, aside)
            except DisposedOf:
                continue
            except (DocumentUnknown, DocumentDamaged):
                lost.append(
                    MissingDocument(document_id=folio.document_id, reason="content_differs")
                )
        return documents, lost

    async def _put_aside(self, folio: FolioFiled, aside: IO[bytes]) -> Stored:
        start, size, crc, digest = aside.tell(), 0, 0, hashlib.sha256()
        async for chunk in await self.folios.open(name_of(folio)):
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
            aside.write(chunk)
        return Stored(aside, start, size, digest.hexdigest(), crc)


def archive(request_id: str, bundle: Bundle) -> StreamingResponse:
    """A bundle as an HTTP response."""
    headers = {
        "Content-Length": str(bundle.size_bytes),
        "Content-Disposition": f'attachment; filename="{request_id}.zip"',
    }
    return StreamingResponse(bundle.pieces(), media_type="application/zip", headers=headers)


async def filed_document(queries: AuditedQueries, reader: Reader, document_id: str) -> Response:
    """A document as it was filed.

    Raises:
        RecordNotFound: no file of this reader contains it, or it was disposed of.
    """
    folio, chunks = await queries.document(reader, document_id)
    return file_response(
        chunks,
        filename=folio.filename,
        media_type=folio.media_type,
        size_bytes=folio.size_bytes,
    )
