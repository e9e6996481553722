"""What intake's routes work with."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends

from bmt.agencies.assignments import Assignments
from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.bodies import ChangeSignal
from bmt.chassis.http.limits import ClientAddress
from bmt.chassis.http.routes import ports_of
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentStore
from services.intake.blank_papers import BlankPapers
from services.intake.channels.upload import Uploads
from services.intake.correcting import Corrections
from services.intake.delivering import Deliveries, MessageTexts
from services.intake.directory import Directory
from services.intake.handlers import Reception
from services.intake.integrators import Submissions
from services.intake.queries import Inbox, Requests
from services.intake.scan_reception import Scans
from services.intake.status_lookup import StatusLookup


@dataclass(frozen=True, slots=True)
class Ports:
    """Made once, by the composition root."""

    agencies: Agencies
    execution: Execution[Any, Any]
    requests: Requests
    inbox: Inbox
    assignments: Assignments
    submissions: Submissions
    documents: DocumentStore
    reception: Reception
    directory: Directory
    corrections: Corrections
    uploads: Uploads
    deliveries: Deliveries
    texts: MessageTexts
    scans: Scans
    blanks: BlankPapers
    status_lookup: StatusLookup
    client_address: ClientAddress
    change_signal: ChangeSignal
    clock: Clock


Here = Annotated[Ports, Depends(ports_of)]
