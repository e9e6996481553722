"""What notification's routes work with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends

from bmt.agencies.assignments import Assignments
from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.routes import ports_of
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.chassis.runtime.documents import DocumentStore
from bmt.chassis.work import WorkQueue
from bmt.contracts.values import ReplyChannel
from services.notification.channels import Render
from services.notification.views import Notices, Templates
from services.notification.wording.composer import Composer


@dataclass(frozen=True, slots=True)
class Ports:
    """Made once, by the composition root."""

    execution: Execution[Any, Any]
    notices: Notices
    assignments: Assignments
    templates: Templates
    documents: DocumentStore
    work: WorkQueue
    composer: Composer
    renders: Mapping[ReplyChannel, Render]
    agencies: Agencies
    clock: Clock
    new_id: NewId


Here = Annotated[Ports, Depends(ports_of)]
