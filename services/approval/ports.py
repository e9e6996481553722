"""What approval's routes work with."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends

from bmt.agencies.assignments import Assignments
from bmt.agencies.register import Agencies, RulesInForce
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.bodies import ChangeSignal
from bmt.chassis.http.routes import ports_of
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentRights, DocumentStore
from bmt.contracts.http.approval import RulesVersion
from services.approval.views import Reviews


@dataclass(frozen=True, slots=True)
class Ports:
    """Made once, by the composition root."""

    execution: Execution[Any, Any]
    reviews: Reviews
    versions: ViewProjection[RulesVersion]
    assignments: Assignments
    documents: DocumentStore
    document_rights: DocumentRights
    change_signal: ChangeSignal
    agencies: Agencies
    rules_in_force: RulesInForce
    clock: Clock


Here = Annotated[Ports, Depends(ports_of)]
