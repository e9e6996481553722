"""What records' routes work with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from bmt.agencies.register import Agencies
from bmt.chassis.http.routes import ports_of
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.records import DisposalItem
from services.records.audited_queries import AuditedQueries
from services.records.bundle import Exporter
from services.records.conformance.examination import Examination
from services.records.disposing import DisposalService
from services.records.tree.checkpoints import Signer, TreeReading
from services.records.views import FileEntry


@dataclass(frozen=True, slots=True)
class Ports:
    """Made once, by the composition root."""

    queries: AuditedQueries
    exporter: Exporter
    examination: Examination
    disposal: DisposalService
    disposals: ViewProjection[DisposalItem]
    tree: TreeReading
    signer: Signer
    agencies: Agencies
    files: ViewProjection[FileEntry]
    clock: Clock


Here = Annotated[Ports, Depends(ports_of)]
