"""What provisioning's routes work with."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.routes import ports_of
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentRights, DocumentStore
from bmt.chassis.work import WorkQueue
from services.provisioning.connectors.targets import PlanReader, Targets
from services.provisioning.queries import DriftRuns
from services.provisioning.views import (
    Configurations,
    Confirmations,
    Drifts,
    Entitlements,
    Reviews,
    Tasks,
)


@dataclass(frozen=True, slots=True)
class Ports:
    """Made once, by the composition root."""

    execution: Execution[Any, Any]
    configurations: Configurations
    entitlements: Entitlements
    tasks: Tasks
    drifts: Drifts
    drift_runs: DriftRuns
    drift_planned: WorkQueue
    confirmations: Confirmations
    reviews: Reviews
    work: WorkQueue
    targets: Targets
    plan_reader: PlanReader
    document_rights: DocumentRights
    documents: DocumentStore
    agencies: Agencies
    clock: Clock


Here = Annotated[Ports, Depends(ports_of)]
