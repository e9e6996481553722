"""The words in force, of each agency and each kind of notice."""

from collections.abc import Collection, Mapping
from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.readmodels.view_store import Body
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.contracts.events import About
from services.notification.domain.events import TemplateSaved
from services.notification.wording.composer import Kind, OwnWords

Templates = ViewProjection[TemplateSaved]


def _fold(_: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    return as_stored(incoming.data) if isinstance(incoming.data, TemplateSaved) else None


def key_of(agency: str, about: About) -> str:
    """The place of an agency's words for one kind of notice; its stream is `template-<this>`."""
    return f"{agency}-{about}"


TEMPLATES: Final = View(
    name="templates",
    model=TemplateSaved,
    fold=_fold,
    key=lambda incoming: incoming.subject if isinstance(incoming.data, TemplateSaved) else None,
)
"""What was saved last."""


class SavedWords:
    """As `WordsInForce`."""

    def __init__(self, templates: Templates) -> None:
        """Asks `templates`, each time: words count from the moment they are saved."""
        self._templates = templates

    async def of(self, notices: Collection[Kind]) -> Mapping[Kind, OwnWords]:
        found = await self._templates.get_many({key_of(*kind) for kind in notices})
        return {
            kind: OwnWords(saved.words, saved.version)
            for kind in notices
            if (saved := found.get(key_of(*kind))) is not None and saved.words is not None
        }
