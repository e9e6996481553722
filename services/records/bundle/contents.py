"""The contents of a bundle, in the order of the archive: pure, over what was read."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final

from bmt.contracts.http.records import MissingDocument
from bmt.contracts.problems import Refused
from bmt.verify_record import FORMAT, archive_parts
from services.records.domain.events import FolioFiled
from services.records.ledger.canonical import canonical
from services.records.ledger.leaf import OpenLeaf
from services.records.sealing import commitments
from services.records.tree.checkpoints import SignedCheckpoint
from services.records.tree.notes import Signer
from services.records.tree.reading import Proof

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
        told = {"sequence": proof.sequence, "hashes": [node.hex() for node in proof.hashes]}
        files[f"proofs/{leaf.leaf.index:06}.json"] = canonical(told)
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
