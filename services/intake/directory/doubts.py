"""What provisioning just changed is looked up anew: a snapshot would not know of it yet."""

from collections.abc import Sequence

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Heard
from bmt.contracts.events import Configured
from services.intake.directory.snapshot import Directory


class Doubts:
    """Hears `Configured`. A replica that does not hear it knows with its next snapshot."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def apply(self, heard: Sequence[Heard[BaseModel]]) -> None:
        """As `Projection.apply`."""
        for event in heard:
            if isinstance(event.data, Configured):
                self._directory.doubt(event.data.request.applicant.account)
