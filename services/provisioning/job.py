"""One request's configuration while a worker has it in hand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from bmt.chassis.work.queue import WorkItem
from bmt.contracts.events import Target
from services.provisioning.connectors.connector import Reading, TargetConflict, TargetRefused
from services.provisioning.connectors.targets import Case, Step
from services.provisioning.domain.goal import changes, said_instead
from services.provisioning.domain.state import Due, Started
from services.provisioning.handlers import stream_of


@dataclass(slots=True)
class Job:
    """One request's configuration, under way.

    Attributes:
        item: the work.
        state: where the request stands.
        steps: its targets, in the order that they are set in.
        unlike: targets that were just seen to differ from what is wanted: they are set without a look.
        readings: what shows each target as it is wanted.
        shown: what the next target showed last.
        conflict: the last one met; what came of it is read back.
    """

    item: WorkItem
    state: Due | Started
    steps: Sequence[Step]
    unlike: Collection[Target] = ()
    readings: list[Reading[BaseModel]] = field(default_factory=list)
    shown: BaseModel | None = None
    conflict: TargetConflict | None = None

    @property
    def step(self) -> Step:
        """The target that is to be brought about next."""
        return self.steps[len(self.readings)]

    @property
    def failure(self) -> TargetRefused:
        """Why the next target cannot be brought about, which shows something else each time after it was set."""
        wrong = changes(self.step.target, self.shown, self.step.wanted)
        return self.conflict or TargetRefused(self.step.target, said_instead(wrong))

    @property
    def case(self) -> Case:
        """What the targets need to know of it."""
        return Case(self.state.order, self.state.statement)

    @property
    def stream(self) -> str:
        """The request's stream."""
        return stream_of(self.item.subject)
