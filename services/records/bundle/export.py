"""Makes bundles: the export is recorded in the file first, then everything is read."""

import asyncio
import hashlib
import tempfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

from starlette.responses import Response, StreamingResponse

from bmt.chassis.http.responses import file_response
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentDamaged, DocumentUnknown
from bmt.contracts.envelope import rfc3339
from bmt.contracts.http.records import MissingDocument
from services.records.audited_queries import AuditedQueries
from services.records.bundle.contents import Bundle, File, Stored
from services.records.bundle.paper import RecordPaper
from services.records.domain.designated_file import DesignatedFile
from services.records.domain.events import FolioFiled
from services.records.domain.reader import Reader
from services.records.ledger.leaf import OpenLeaf
from services.records.ledger.leaves import Leaves
from services.records.sealing.sealed_folios import DisposedOf, SealedFolios, name_of
from services.records.time_machine import missing
from services.records.tree.checkpoints import SignedCheckpoint
from services.records.tree.notes import Signer
from services.records.tree.reading import NothingSigned, Proof, TreeReading
from services.records.tree.sequencer import Sequencer

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
        checkpoint, proofs = await self._signed(request_id, leaves)
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

    def _made(self, contents: File) -> Bundle:
        return Bundle(contents, self.signer, self.paper.pdf(contents))

    async def _signed(
        self, request_id: str, leaves: Sequence[OpenLeaf]
    ) -> tuple[SignedCheckpoint, list[Proof]]:
        """The newest checkpoint that contains all leaves. It is requested if there is none."""
        with suppress(NothingSigned):
            return await self._proven(request_id, leaves)
        await self.sequencer.ask([leaf.leaf for leaf in leaves])
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


async def document(queries: AuditedQueries, reader: Reader, document_id: str) -> Response:
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
