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
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentStore
from services.intake.blank_papers import BlankPapers
from services.intake.directory import Directory
from services.intake.documents import Scans, Uploads
from services.intake.emails import Emails
from services.intake.handlers import Corrections, Reception
from services.intake.queries import Requests
from services.intake.views import InboxDocument, SubmissionDocument


@dataclass(frozen=True, slots=True)
class Ports:
    """Made once, by the composition root."""

    agencies: Agencies
    execution: Execution[Any, Any]
    requests: Requests
    inbox: ViewProjection[InboxDocument]
    assignments: Assignments
    submissions: ViewProjection[SubmissionDocument]
    documents: DocumentStore
    reception: Reception
    directory: Directory
    corrections: Corrections
    uploads: Uploads
    emails: Emails
    scans: Scans
    blanks: BlankPapers
    status_code_key: str | None
    client_address: ClientAddress
    change_signal: ChangeSignal
    clock: Clock


Here = Annotated[Ports, Depends(ports_of)]
